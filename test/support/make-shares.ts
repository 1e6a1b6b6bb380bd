/** Real shares of small files, ready to be written to any storage server. */
import { createHash } from 'node:crypto'
import {
  asReadKey,
  asTreeHash,
  blockFileOffset,
  blockSizeAt,
  contentToShares,
  ENCODING_DEFAULT,
  type Encoding,
  type FileRoot,
  fileStorageIndex,
  HASH_SIZE_BYTES,
  manifestGeometry,
  openCodec,
  parseManifest,
  parseShareFooter,
  readShareFile,
  SHARE_FOOTER_SIZE_BYTES,
  type StorageIndex,
  sha256Small,
  shareLayout,
  type TreeHash,
  treeNodeOffset,
  utf8,
} from '#crypto'
import { nativeBulkCrypto, type ShareAddress, type StorageServer } from '#node'

export interface MadeShare {
  readonly address: ShareAddress
  readonly blocks: readonly Uint8Array[]
  /** By segment. */
  readonly sealedLeaves: readonly TreeHash[]
  readonly manifest: Uint8Array
  /** The share file as a server stores it, byte for byte. */
  readonly file: Uint8Array
}

export interface MadeFile {
  readonly storageIndex: StorageIndex
  readonly root: FileRoot
  /** By share number. */
  readonly shares: readonly MadeShare[]
}

/**
 * Seal and encode bytes that follow from the seed alone.
 *
 * @param options.sizeBytes of the file
 * @param options.seed another seed gives another key and other bytes
 */
export async function makeShares(options: {
  readonly seed: string
  readonly sizeBytes: number
  readonly encoding?: Partial<Encoding>
}): Promise<MadeFile> {
  const encoding = { ...ENCODING_DEFAULT, ...options.encoding }
  const readKey = asReadKey(sha256Small(utf8(`read key ${options.seed}`)))
  const codec = await openCodec(encoding)
  const content = seededBytes(options.seed, options.sizeBytes)
  const made = await contentToShares({ bulk: nativeBulkCrypto, codec }, content, { readKey, encoding })
  const storageIndex = fileStorageIndex(readKey)
  const { root } = made.capability
  const shares = made.shares.map((file, shareNumber) => takeApart(file, { storageIndex, root, shareNumber }))
  return { storageIndex, root, shares }
}

/** Write a whole share with all calls in flight, as a client does. */
export async function putShare(
  server: StorageServer,
  share: MadeShare,
  options: { readonly uploadId?: Uint8Array; readonly leaseDurationSeconds?: number } = {},
): Promise<void> {
  const { storageIndex, shareNumber } = share.address
  const { uploadId = seededBytes(`upload ${shareNumber}`, 16), leaseDurationSeconds = 3600 } = options
  const writer = server.writeShare({
    storageIndex,
    shareNumber,
    uploadId,
    expectedSizeBytes: share.file.length,
  })
  const calls: Promise<unknown>[] = [writer.open()]
  share.blocks.forEach((_, segmentIndex) => {
    calls.push(writer.writeBlock(blockWrite(share, segmentIndex)))
  })
  calls.push(writer.finish({ manifest: share.manifest, leaseDurationSeconds }))
  const settled = await Promise.allSettled(calls)
  for (const call of settled) if (call.status === 'rejected') throw call.reason
}

export function blockWrite(share: MadeShare, segmentIndex: number) {
  const sealedLeaf = share.sealedLeaves[segmentIndex]
  const block = share.blocks[segmentIndex]
  if (sealedLeaf === undefined || block === undefined) throw new Error(`no segment ${segmentIndex} was made`)
  return { segmentIndex, sealedLeaf, block }
}

export function shareAt(file: MadeFile, shareNumber: number): MadeShare {
  const share = file.shares[shareNumber]
  if (share === undefined) throw new Error(`no share ${shareNumber} was made`)
  return share
}

/** @throws if any byte of a share file is not as its address commits to */
export async function checkShareFile(address: ShareAddress, bytes: Uint8Array): Promise<void> {
  const share = await readShareFile(nativeBulkCrypto, address, bytes)
  if (share.shareNumber !== address.shareNumber) throw new Error('the share file is of another number')
}

/** Bytes that look random and follow from the seed. */
export function seededBytes(seed: string, sizeBytes: number): Uint8Array {
  if (sizeBytes === 0) return new Uint8Array(0)
  const digest = createHash('shake256', { outputLength: sizeBytes }).update(seed).digest()
  return new Uint8Array(digest.buffer, digest.byteOffset, sizeBytes)
}

function takeApart(file: Uint8Array, address: ShareAddress): MadeShare {
  const footerOffset = file.length - SHARE_FOOTER_SIZE_BYTES
  const { manifestSizeBytes } = parseShareFooter(file.subarray(footerOffset))
  const manifest = file.slice(footerOffset - manifestSizeBytes, footerOffset)
  const geometry = manifestGeometry(parseManifest(manifest))
  const { sealedTreeOffset } = shareLayout(geometry)
  const segments = Array.from({ length: geometry.segmentCount }, (_, segmentIndex) => segmentIndex)
  return {
    address,
    file,
    manifest,
    blocks: segments.map((segmentIndex) => {
      const offset = blockFileOffset(geometry, segmentIndex)
      return file.slice(offset, offset + blockSizeAt(geometry, segmentIndex))
    }),
    sealedLeaves: segments.map((segmentIndex) => {
      const offset = treeNodeOffset(sealedTreeOffset, segmentIndex)
      return asTreeHash(file.slice(offset, offset + HASH_SIZE_BYTES))
    }),
  }
}
