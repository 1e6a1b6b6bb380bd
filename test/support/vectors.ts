/**
 * The known-answer vectors of FORMAT §13, computed from this implementation. Runs in a browser as well, so that both
 * can be compared with the stored ones.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import {
  asConvergenceSecret,
  asFileRoot,
  asReadKey,
  asStorageIndex,
  asTreeHash,
  type BulkCrypto,
  blockLeaf,
  buildTree,
  contentDigest,
  contentToShares,
  convergentReadKey,
  type Encoding,
  fileEncryptionKey,
  fileReadCapability,
  fileStorageIndex,
  formatCapability,
  formatManifest,
  LAYOUT,
  literalCapability,
  MATRIX,
  manifestRoot,
  openCodec,
  proofFromTree,
  rootOfTree,
  sealedLeaf,
  sealSegment,
  sha256Small,
  TAGS,
  type Tag,
  taggedHash,
  taggedHmac,
  toBase32,
  toVerifyCapability,
  treeNode,
  utf8,
} from '#crypto'
import { backupTreeVectors } from './backup-tree-vectors.ts'
import { backupVectors } from './backup-vectors.ts'
import { directoryVectors } from './directory-vectors.ts'
import { erasureVectors } from './erasure-vectors.ts'
import { hex, pattern } from './pattern.ts'
import { refusedBackupVectors } from './refused-backup-vectors.ts'
import { refusedDirectoryVectors } from './refused-directory-vectors.ts'
import { refusedSlotVectors } from './refused-slot-vectors.ts'
import { refusedTreeVectors } from './refused-tree-vectors.ts'
import {
  refusedBase32,
  refusedManifests,
  refusedProofs,
  refusedSegments,
  refusedShares,
} from './refused-vectors.ts'
import { slotVectors } from './slot-vectors.ts'

/** Every vector file by its name. */
export async function makeVectors(bulk: BulkCrypto): Promise<Readonly<Record<string, unknown>>> {
  return {
    base32: [0, 1, 2, 3, 4, 5, 32].map((sizeBytes) => {
      const bytes = pattern(1, sizeBytes)
      return { bytes: hex(bytes), text: toBase32(bytes) }
    }),
    hash: hashVectors(tagsOfFiles),
    hash_slots: hashVectors(Object.entries(TAGS).slice(10, 20)),
    hash_backup: hashVectors(Object.entries(TAGS).slice(20, 32)),
    hash_membership: hashVectors(Object.entries(TAGS).slice(32, 38)),
    hash_writes: hashVectors(Object.entries(TAGS).slice(38)),
    keys: keyVectors(),
    capability: capabilityVectors(),
    capability_refused: refusedCapabilities(),
    segment: await segmentVectors(bulk),
    tree: treeVectors(),
    manifest: manifestVectors(),
    file: await fileVectors(bulk, { cases: FILES, firstSeed: 200 }),
    file_shapes: await fileVectors(bulk, { cases: FILE_SHAPES, firstSeed: 400 }),
    base32_refused: await refusedBase32(),
    manifest_refused: await refusedManifests(encodingOf(2, 3, LAYOUT.bits)),
    proof_refused: await refusedProofs(),
    segment_refused: await refusedSegments(bulk),
    share_refused: await shareVectors(bulk),
    ...(await erasureVectors()),
    ...slotVectors(),
    ...(await refusedSlotVectors(bulk)),
    ...(await directoryVectors(bulk, encodingOf(2, 3, LAYOUT.bytes))),
    ...(await refusedDirectoryVectors()),
    ...(await backupVectors(bulk)),
    ...(await backupTreeVectors()),
    ...(await refusedBackupVectors()),
    ...(await refusedTreeVectors()),
  }
}

/** The tags that the first vectors were made of. */
const tagsOfFiles = Object.entries(TAGS).slice(0, 10)

function hashVectors(tags: readonly (readonly [string, Tag])[]) {
  const message = pattern(2, 40)
  const key = pattern(3, 32)
  return tags.map(([name, tag]) => ({
    name,
    tag,
    key: hex(key),
    message: hex(message),
    H: hex(taggedHash(tag, message)),
    MAC: hex(taggedHmac(key, tag, message)),
  }))
}

function keyVectors() {
  const readKey = asReadKey(pattern(4, 32))
  const secret = asConvergenceSecret(pattern(5, 32))
  const segments = [pattern(6, 1024), pattern(7, 100)]
  const encoding = encodingOf(3, 10, LAYOUT.bits)
  const digest = contentDigest(segments.map(sha256Small))
  return {
    readKey: hex(readKey),
    encryptionKey: hex(fileEncryptionKey(readKey)),
    storageIndex: hex(fileStorageIndex(readKey)),
    convergent: {
      encoding,
      convergenceSecret: hex(secret),
      content: ['pattern(6, 1024)', 'pattern(7, 100)'],
      contentDigest: hex(digest),
      readKey: hex(convergentReadKey(secret, encoding, digest)),
    },
  }
}

function capabilityVectors() {
  const file = fileReadCapability(asReadKey(pattern(8, 32)), asFileRoot(pattern(9, 32)))
  const verify = toVerifyCapability(file)
  return [
    ...[0, 1, 13, 64].map((sizeBytes) => {
      const content = pattern(10, sizeBytes)
      return { kind: 'lit', content: hex(content), text: formatCapability(literalCapability(content)) }
    }),
    { kind: 'file', readKey: hex(pattern(8, 32)), root: hex(file.root), text: formatCapability(file) },
    {
      kind: 'file-verify',
      storageIndex: hex(verify.storageIndex),
      root: hex(verify.root),
      text: formatCapability(verify),
    },
  ]
}

function refusedCapabilities() {
  const text = formatCapability(fileReadCapability(asReadKey(pattern(8, 32)), asFileRoot(pattern(9, 32))))
  const forge = (kind: string, payload: Uint8Array): string => {
    const checksum = taggedHash(TAGS.capabilityChecksum, utf8(`${kind}:`), payload).subarray(0, 4)
    return `cairn:${kind}:${toBase32(Uint8Array.of(...payload, ...checksum))}`
  }
  return [
    {
      fault: 'one letter changed',
      text: `${text.slice(0, 20)}${text[20] === 'a' ? 'b' : 'a'}${text.slice(21)}`,
    },
    { fault: 'upper case', text: text.toUpperCase() },
    { fault: 'upper case in the body', text: `cairn:file:${text.slice(11).toUpperCase()}` },
    { fault: 'cut short', text: text.slice(0, -1) },
    { fault: 'trailing space', text: `${text} ` },
    { fault: 'another kind', text: text.replace('cairn:file:', 'cairn:file-verify:') },
    { fault: 'reserved kind', text: text.replace('cairn:file:', 'cairn:slot:') },
    { fault: 'unknown kind', text: text.replace('cairn:file:', 'cairn:door:') },
    { fault: 'version 2', text: forge('file', Uint8Array.of(2, ...pattern(8, 64))) },
    { fault: 'body of 63 bytes', text: forge('file', Uint8Array.of(1, ...pattern(8, 63))) },
    { fault: 'literal of 65 bytes', text: forge('lit', Uint8Array.of(1, ...pattern(8, 65))) },
    { fault: 'no payload', text: forge('lit', new Uint8Array(0)) },
  ]
}

async function segmentVectors(bulk: BulkCrypto) {
  const key = fileEncryptionKey(asReadKey(pattern(4, 32)))
  const places = [
    { segmentIndex: 0, isLast: true, sizeBytes: 0 },
    { segmentIndex: 0, isLast: false, sizeBytes: 20 },
    { segmentIndex: 16_777_215, isLast: true, sizeBytes: 20 },
  ]
  return Promise.all(
    places.map(async ({ segmentIndex, isLast, sizeBytes }) => {
      const plaintext = pattern(11, sizeBytes)
      const sealed = await sealSegment(bulk, key, { segmentIndex, isLast, plaintext })
      return { encryptionKey: hex(key), segmentIndex, isLast, plaintext: hex(plaintext), sealed: hex(sealed) }
    }),
  )
}

function treeVectors() {
  const leaves = Array.from({ length: 7 }, (_, index) => asTreeHash(pattern(100 + index, 32)))
  const block = pattern(12, 512)
  return {
    block: 'pattern(12, 512)',
    blockLeaf: hex(blockLeaf(sha256Small(block))),
    sealedLeaf: hex(sealedLeaf(sha256Small(block))),
    node: hex(treeNode(pattern(100, 32), pattern(101, 32))),
    leaves: 'leaf i is pattern(100 + i, 32)',
    trees: leaves.map((_, last) => {
      const tree = buildTree(leaves.slice(0, last + 1))
      return {
        leafCount: last + 1,
        root: hex(rootOfTree(tree)),
        proofs: leaves
          .slice(0, last + 1)
          .map((_, leafIndex) => hex(proofFromTree(tree, leafIndex, last + 1))),
      }
    }),
  }
}

function manifestVectors() {
  const encoding = encodingOf(2, 3, LAYOUT.bits)
  const manifest = {
    encoding,
    fileSizeBytes: 5_000_000,
    storageIndex: asStorageIndex(pattern(13, 32)),
    sealedRoot: asTreeHash(pattern(14, 32)),
    shareRoots: [15, 16, 17].map((seed) => asTreeHash(pattern(seed, 32))),
  }
  const bytes = formatManifest(manifest)
  return {
    encoding,
    fileSize: manifest.fileSizeBytes,
    storageIndex: hex(manifest.storageIndex),
    sealedRoot: hex(manifest.sealedRoot),
    shareRoots: manifest.shareRoots.map(hex),
    bytes: hex(bytes),
    root: hex(manifestRoot(bytes)),
  }
}

interface FileCase {
  readonly encoding: Encoding
  readonly sizeBytes: number
}

const FILES: readonly FileCase[] = [
  { encoding: encodingOf(1, 1, LAYOUT.bytes), sizeBytes: 0 },
  { encoding: encodingOf(1, 2, LAYOUT.bits), sizeBytes: 100 },
  { encoding: encodingOf(2, 3, LAYOUT.bytes), sizeBytes: 100 },
  { encoding: encodingOf(2, 4, LAYOUT.bits), sizeBytes: 1024 },
  { encoding: encodingOf(3, 10, LAYOUT.bits), sizeBytes: 5000 },
  { encoding: encodingOf(3, 10, LAYOUT.bytes), sizeBytes: 5000 },
  { encoding: encodingOf(10, 16, LAYOUT.bits), sizeBytes: 20_000 },
]

/** Sizes that end with a full segment, odd segment sizes, and blocks of several groups. */
const FILE_SHAPES: readonly FileCase[] = [
  { encoding: encodingOf(2, 3, LAYOUT.bits), sizeBytes: 2048 },
  { encoding: { ...encodingOf(2, 3, LAYOUT.bits), segmentSizeBytes: 1500 }, sizeBytes: 4500 },
  { encoding: { ...encodingOf(2, 3, LAYOUT.bytes), segmentSizeBytes: 1501 }, sizeBytes: 3001 },
  { encoding: { ...encodingOf(2, 5, LAYOUT.bits), segmentSizeBytes: 4096 }, sizeBytes: 9000 },
]

/** Whole share files where they are small, their SHA-256 where not. */
async function fileVectors(
  bulk: BulkCrypto,
  { cases, firstSeed }: { readonly cases: readonly FileCase[]; readonly firstSeed: number },
) {
  return Promise.all(
    cases.map(async ({ encoding, sizeBytes }, number) => {
      const seed = firstSeed + 100 + number
      const readKey = asReadKey(pattern(firstSeed + number, 32))
      const parts = { bulk, codec: await openCodec(encoding) }
      const { capability, shares } = await contentToShares(parts, pattern(seed, sizeBytes), {
        readKey,
        encoding,
      })
      return {
        encoding,
        content: `pattern(${seed}, ${sizeBytes})`,
        readKey: hex(readKey),
        capability: formatCapability(capability),
        verifyCapability: formatCapability(toVerifyCapability(capability)),
        shares: shares.map((share) =>
          share.length < 3000 ? { bytes: hex(share) } : { sha256: hex(sha256(share)) },
        ),
      }
    }),
  )
}

/** Share 1 of the third of FILES, damaged. */
async function shareVectors(bulk: BulkCrypto) {
  const encoding = encodingOf(2, 3, LAYOUT.bytes)
  const parts = { bulk, codec: await openCodec(encoding) }
  const readKey = asReadKey(pattern(202, 32))
  const { capability, shares } = await contentToShares(parts, pattern(302, 100), { readKey, encoding })
  return refusedShares(bulk, toVerifyCapability(capability), shares[1] ?? new Uint8Array())
}

function encodingOf(neededShares: number, totalShares: number, layout: Encoding['layout']): Encoding {
  return { neededShares, totalShares, matrix: MATRIX.vandermonde, layout, segmentSizeBytes: 1024 }
}
