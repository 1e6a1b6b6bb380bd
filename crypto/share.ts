/**
 * The share file (FORMAT §9): what a server keeps for one share, written front to back.
 *
 * | part | size |
 * |---|---|
 * | magic `cairnsh1` | 8 |
 * | blocks, by segment | all of one share |
 * | block tree of this share | whole tree, leaves first |
 * | sealed tree of the file | whole tree, leaves first |
 * | manifest | 81 + 32 n |
 * | footer: manifest size u32, share number u32, magic `cairnend` | 16 |
 */
import { ByteReader, ByteWriter, equalBytes, utf8 } from './bytes.ts'
import { InvalidInputError } from './errors.ts'
import { blockOffsetAt, type FileGeometry } from './geometry.ts'
import { HASH_SIZE_BYTES } from './hash.ts'
import { MANIFEST_SIZE_MAX_BYTES, manifestSizeBytes } from './manifest.ts'
import { treeSizeBytes } from './merkle.ts'

export const SHARE_MAGIC = utf8('cairnsh1')
const FOOTER_MAGIC = utf8('cairnend')
export const SHARE_HEADER_SIZE_BYTES = 8
export const SHARE_FOOTER_SIZE_BYTES = 16

/** Byte offsets of the parts of a share file. */
export interface ShareLayout {
  readonly blocksOffset: number
  readonly blockTreeOffset: number
  readonly sealedTreeOffset: number
  readonly manifestOffset: number
  readonly footerOffset: number
  readonly shareSizeBytes: number
}

export function shareLayout(geometry: FileGeometry): ShareLayout {
  const blocksOffset = SHARE_HEADER_SIZE_BYTES
  const blockTreeOffset = blocksOffset + geometry.shareBlocksSizeBytes
  const sealedTreeOffset = blockTreeOffset + treeSizeBytes(geometry.segmentCount)
  const manifestOffset = sealedTreeOffset + treeSizeBytes(geometry.segmentCount)
  const footerOffset = manifestOffset + manifestSizeBytes(geometry.encoding.totalShares)
  return {
    blocksOffset,
    blockTreeOffset,
    sealedTreeOffset,
    manifestOffset,
    footerOffset,
    shareSizeBytes: footerOffset + SHARE_FOOTER_SIZE_BYTES,
  }
}

/** Where a segment's block starts in a share file. */
export function blockFileOffset(geometry: FileGeometry, segmentIndex: number): number {
  return SHARE_HEADER_SIZE_BYTES + blockOffsetAt(geometry, segmentIndex)
}

/** Where a node stands in a share file, counted from the first leaf of a tree that starts at `treeOffset`. */
export function treeNodeOffset(treeOffset: number, nodeIndex: number): number {
  return treeOffset + nodeIndex * HASH_SIZE_BYTES
}

export interface ShareFooter {
  readonly manifestSizeBytes: number
  readonly shareNumber: number
}

export function formatShareFooter(footer: ShareFooter): Uint8Array {
  return new ByteWriter(SHARE_FOOTER_SIZE_BYTES)
    .u32(footer.manifestSizeBytes)
    .u32(footer.shareNumber)
    .bytes(FOOTER_MAGIC)
    .finish()
}

/** @throws InvalidInputError if the last 16 bytes of a file are not a share's footer. */
export function parseShareFooter(bytes: Uint8Array): ShareFooter {
  const reader = new ByteReader(bytes, 'share footer')
  const footer = { manifestSizeBytes: reader.u32(), shareNumber: reader.u32() }
  if (!equalBytes(reader.bytes(FOOTER_MAGIC.length), FOOTER_MAGIC)) {
    throw new InvalidInputError('share footer: the closing mark is missing')
  }
  reader.finish()
  if (footer.manifestSizeBytes > MANIFEST_SIZE_MAX_BYTES) {
    throw new InvalidInputError(`share footer: a manifest of ${footer.manifestSizeBytes} bytes is too large`)
  }
  return footer
}
