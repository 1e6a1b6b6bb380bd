/**
 * Sizes, counts and padding of segments, blocks and shares (FORMAT §5). Pure arithmetic; an index is not a count and
 * a count is not a size, and they are turned into each other only here.
 */
import { BLOCK_UNIT_BYTES, type ErasureParameters, LAYOUT, MATRIX } from './erasure/code.ts'
import { assert, InvalidInputError } from './errors.ts'

export const SEGMENT_SIZE_DEFAULT_BYTES = 1024 * 1024
export const SEGMENT_SIZE_MIN_BYTES = 1024
export const SEGMENT_SIZE_MAX_BYTES = 4 * 1024 * 1024
/** 16 TiB at the default segment size. Bounds every tree to 25 levels. */
export const SEGMENT_COUNT_MAX = 2 ** 24
/** A share number is one byte, and 255 rows are what GF(2^8) gives. */
export const TOTAL_SHARES_MAX = 255
/** Authentication tag that sealing adds to a segment. */
export const SEAL_TAG_SIZE_BYTES = 16

export const NEEDED_SHARES_DEFAULT = 3
export const HAPPY_SERVERS_DEFAULT = 7
export const TOTAL_SHARES_DEFAULT = 10

/** How a file is cut and coded. All of it stands in the manifest. */
export interface Encoding extends ErasureParameters {
  /** Plaintext bytes of every segment but the last; between the limits above. */
  readonly segmentSizeBytes: number
}

export const ENCODING_DEFAULT: Encoding = Object.freeze({
  neededShares: NEEDED_SHARES_DEFAULT,
  totalShares: TOTAL_SHARES_DEFAULT,
  matrix: MATRIX.vandermonde,
  layout: LAYOUT.bits,
  segmentSizeBytes: SEGMENT_SIZE_DEFAULT_BYTES,
})

/** @throws InvalidInputError naming the first limit that the encoding breaks. */
export function checkEncoding(encoding: Encoding): void {
  const { neededShares, totalShares, segmentSizeBytes, matrix, layout } = encoding
  if (!Number.isInteger(neededShares) || !Number.isInteger(totalShares)) {
    throw new InvalidInputError('needed and total shares are whole numbers')
  }
  if (neededShares < 1 || neededShares > totalShares || totalShares > TOTAL_SHARES_MAX) {
    throw new InvalidInputError(
      `1 <= needed <= total <= ${TOTAL_SHARES_MAX} wanted, found ${neededShares} of ${totalShares}`,
    )
  }
  if (
    !Number.isInteger(segmentSizeBytes) ||
    segmentSizeBytes < SEGMENT_SIZE_MIN_BYTES ||
    segmentSizeBytes > SEGMENT_SIZE_MAX_BYTES
  ) {
    throw new InvalidInputError(
      `segment size from ${SEGMENT_SIZE_MIN_BYTES} to ${SEGMENT_SIZE_MAX_BYTES} bytes wanted, ` +
        `found ${segmentSizeBytes}`,
    )
  }
  if (!Object.values<number>(MATRIX).includes(matrix)) throw new InvalidInputError(`unknown matrix ${matrix}`)
  if (!Object.values<number>(LAYOUT).includes(layout)) throw new InvalidInputError(`unknown layout ${layout}`)
}

/** Everything about a file's shape that follows from its encoding and its size. */
export interface FileGeometry {
  readonly encoding: Encoding
  readonly fileSizeBytes: number
  /** At least 1: the empty file has one empty segment. */
  readonly segmentCount: number
  /** Block size of every segment but the last. */
  readonly blockSizeBytes: number
  readonly lastBlockSizeBytes: number
  /** Bytes of all blocks of one share. */
  readonly shareBlocksSizeBytes: number
}

/** @throws InvalidInputError if the encoding is not allowed or the file has too many segments. */
export function fileGeometry(encoding: Encoding, fileSizeBytes: number): FileGeometry {
  checkEncoding(encoding)
  if (!Number.isSafeInteger(fileSizeBytes) || fileSizeBytes < 0) {
    throw new InvalidInputError('a file size is a whole number of bytes up to 2^53 - 1')
  }
  const segmentCount = Math.max(1, Math.ceil(fileSizeBytes / encoding.segmentSizeBytes))
  if (segmentCount > SEGMENT_COUNT_MAX) {
    throw new InvalidInputError(`at most ${SEGMENT_COUNT_MAX} segments wanted, found ${segmentCount}`)
  }
  const lastSizeBytes = fileSizeBytes - (segmentCount - 1) * encoding.segmentSizeBytes
  const blockSizeBytes = blockSizeOf(encoding, encoding.segmentSizeBytes)
  const lastBlockSizeBytes = blockSizeOf(encoding, lastSizeBytes)
  return {
    encoding,
    fileSizeBytes,
    segmentCount,
    blockSizeBytes,
    lastBlockSizeBytes,
    shareBlocksSizeBytes: (segmentCount - 1) * blockSizeBytes + lastBlockSizeBytes,
  }
}

/** Bytes of one block of a segment with that much plaintext. */
export function blockSizeOf(encoding: Encoding, plaintextSizeBytes: number): number {
  const unit = BLOCK_UNIT_BYTES[encoding.layout]
  const sealedSizeBytes = plaintextSizeBytes + SEAL_TAG_SIZE_BYTES
  return Math.ceil(Math.ceil(sealedSizeBytes / encoding.neededShares) / unit) * unit
}

/** Plaintext bytes of one segment. */
export function segmentSizeAt(geometry: FileGeometry, segmentIndex: number): number {
  assertSegmentIndex(geometry, segmentIndex)
  const { segmentSizeBytes } = geometry.encoding
  return segmentIndex === geometry.segmentCount - 1
    ? geometry.fileSizeBytes - segmentIndex * segmentSizeBytes
    : segmentSizeBytes
}

export function blockSizeAt(geometry: FileGeometry, segmentIndex: number): number {
  assertSegmentIndex(geometry, segmentIndex)
  return segmentIndex === geometry.segmentCount - 1 ? geometry.lastBlockSizeBytes : geometry.blockSizeBytes
}

/** Where a segment's block starts among the blocks of a share. */
export function blockOffsetAt(geometry: FileGeometry, segmentIndex: number): number {
  assertSegmentIndex(geometry, segmentIndex)
  return segmentIndex * geometry.blockSizeBytes
}

/** The segments that hold the plaintext bytes `start` up to, not including, `end`; none if the range is empty. */
export function segmentsOfRange(
  geometry: FileGeometry,
  range: { readonly start: number; readonly end: number },
): { readonly firstSegment: number; readonly endSegment: number } {
  assert(range.start >= 0 && range.start <= range.end, 'a range runs forward')
  assert(range.end <= geometry.fileSizeBytes, 'a range lies inside the file')
  if (range.start === range.end) return { firstSegment: 0, endSegment: 0 }
  const { segmentSizeBytes } = geometry.encoding
  return {
    firstSegment: Math.floor(range.start / segmentSizeBytes),
    endSegment: Math.ceil(range.end / segmentSizeBytes),
  }
}

function assertSegmentIndex(geometry: FileGeometry, segmentIndex: number): void {
  assert(Number.isInteger(segmentIndex), 'a segment index is whole')
  assert(segmentIndex >= 0 && segmentIndex < geometry.segmentCount, 'a segment index lies inside the file')
}
