/** Vectors of what must be refused (FORMAT §13): one fault each. */
import {
  asReadKey,
  asStorageIndex,
  asTreeHash,
  type BulkCrypto,
  buildTree,
  concat,
  type Encoding,
  type FileVerifyCapability,
  fileEncryptionKey,
  formatCapability,
  formatManifest,
  fromBase32,
  openSegment,
  parseManifest,
  proofFromTree,
  readShareFile,
  rootOfTree,
  sealSegment,
  verifyProof,
} from '#crypto'
import { hex, pattern } from './pattern.ts'

/** Throw unless the work is refused: a vector of a fault that passes would be worse than none. */
export async function mustRefuse(fault: string, work: () => unknown): Promise<void> {
  try {
    await work()
  } catch {
    return
  }
  throw new Error(`${fault} is not refused`)
}

export async function refusedBase32() {
  const cases = [
    { fault: 'a digit that is not of the alphabet', text: 'my1q' },
    { fault: 'upper case', text: 'MY' },
    { fault: 'padding', text: 'my======' },
    { fault: 'a length that no bytes have', text: 'mzxw6y' },
    { fault: 'one character', text: 'a' },
    { fault: 'bits left over that are not zero', text: 'mz' },
  ]
  for (const { fault, text } of cases) await mustRefuse(fault, () => fromBase32(text))
  return cases
}

export async function refusedManifests(encoding: Encoding) {
  const sound = formatManifest({
    encoding,
    fileSizeBytes: 5000,
    storageIndex: asStorageIndex(pattern(13, 32)),
    sealedRoot: asTreeHash(pattern(14, 32)),
    shareRoots: Array.from({ length: encoding.totalShares }, (_, seed) => asTreeHash(pattern(15 + seed, 32))),
  })
  const change = (fault: string, offset: number, ...values: readonly number[]) => {
    const bytes = sound.slice()
    bytes.set(values, offset)
    return { fault, bytes }
  }
  const cases = [
    change('version 2', 0, 2),
    change('k = 0', 1, 0),
    change('k above n', 1, encoding.totalShares + 1),
    change('matrix 2', 3, 2),
    change('layout 0', 4, 0),
    change('layout 3', 4, 3),
    change('segment size 1,023', 5, 0, 0, 3, 255),
    change('segment size 4,194,305', 5, 0, 64, 0, 1),
    // 2^24 segments of 1,024 bytes and one byte more.
    change('one segment too many', 9, 0, 0, 0, 4, 0, 0, 0, 1),
    change('file size 2^53', 9, 0, 32, 0, 0, 0, 0, 0, 0),
    { fault: 'a byte too few', bytes: sound.slice(0, -1) },
    { fault: 'a byte too many', bytes: concat(sound, Uint8Array.of(0)) },
    { fault: 'no bytes', bytes: new Uint8Array(0) },
  ]
  for (const { fault, bytes } of cases) await mustRefuse(fault, () => parseManifest(bytes))
  return cases.map(({ fault, bytes }) => ({ fault, bytes: hex(bytes) }))
}

export async function refusedProofs() {
  const leaves = Array.from({ length: 5 }, (_, index) => asTreeHash(pattern(100 + index, 32)))
  const tree = buildTree(leaves)
  const root = rootOfTree(tree)
  const proof = proofFromTree(tree, 1, 5)
  const changed = proof.slice()
  changed[40] = (changed[40] ?? 0) ^ 1
  const cases = [
    { fault: 'a byte changed', leafIndex: 1, proof: changed },
    { fault: 'a node too few', leafIndex: 1, proof: proof.subarray(0, -32) },
    { fault: 'a node too many', leafIndex: 1, proof: concat(proof, new Uint8Array(32)) },
    { fault: 'another place', leafIndex: 0, proof },
    { fault: 'a place past the last leaf', leafIndex: 5, proof },
  ]
  const leaf = asTreeHash(pattern(101, 32))
  for (const { fault, ...place } of cases) {
    await mustRefuse(fault, () => verifyProof(root, leaf, { ...place, leafCount: 5 }))
  }
  return cases.map((one) => ({
    ...one,
    proof: hex(one.proof),
    leafCount: 5,
    leaf: hex(leaf),
    root: hex(root),
  }))
}

export async function refusedSegments(bulk: BulkCrypto) {
  const key = fileEncryptionKey(asReadKey(pattern(4, 32)))
  const sealed = await sealSegment(bulk, key, { segmentIndex: 1, isLast: false, plaintext: pattern(11, 20) })
  const flipped = sealed.slice()
  flipped[0] = (flipped[0] ?? 0) ^ 1
  const cases = [
    { fault: 'a byte changed', segmentIndex: 1, isLast: false, sealed: flipped },
    { fault: 'said to be the last', segmentIndex: 1, isLast: true, sealed },
    { fault: 'another place', segmentIndex: 2, isLast: false, sealed },
    { fault: 'cut short', segmentIndex: 1, isLast: false, sealed: sealed.subarray(0, 15) },
  ]
  for (const { fault, ...segment } of cases) await mustRefuse(fault, () => openSegment(bulk, key, segment))
  return cases.map((one) => ({ ...one, sealed: hex(one.sealed), encryptionKey: hex(key) }))
}

/** @param share number 1 of a file of 2 of 3 with one segment of 100 bytes in layout `bytes` */
export async function refusedShares(bulk: BulkCrypto, verify: FileVerifyCapability, share: Uint8Array) {
  const flip = (fault: string, offset: number) => {
    const bytes = share.slice()
    const at = offset < 0 ? bytes.length + offset : offset
    bytes[at] = (bytes[at] ?? 0) ^ 1
    return { fault, bytes }
  }
  const manifestOffset = share.length - 16 - (81 + 3 * 32)
  const cases = [
    flip('the opening mark', 0),
    flip('a block', 8),
    flip('the block tree', manifestOffset - 64),
    flip('the sealed tree', manifestOffset - 32),
    flip('the version of the manifest', manifestOffset),
    flip('the file size', manifestOffset + 16),
    flip('the storage index', manifestOffset + 17),
    flip('the root of another share', manifestOffset + 81),
    flip('the size of the manifest', -13),
    flip('the share number', -9),
    flip('the closing mark', -1),
    { fault: 'cut short', bytes: share.subarray(0, -1) },
    { fault: 'a byte more', bytes: concat(share, Uint8Array.of(0)) },
    { fault: 'nothing', bytes: new Uint8Array(0) },
  ]
  for (const { fault, bytes } of cases) {
    await mustRefuse(fault, async () => {
      const { shareNumber } = await readShareFile(bulk, verify, bytes)
      if (shareNumber !== 1) throw new Error('another share')
    })
  }
  const verifyCapability = formatCapability(verify)
  return cases.map(({ fault, bytes }) => ({ fault, verifyCapability, shareNumber: 1, bytes: hex(bytes) }))
}
