/**
 * Blobs: named by what is in them, stored as they are or compressed (FORMAT §18.3).
 *
 * Compression itself is handed in: this code runs where there is none.
 */
import type { BulkCrypto } from '../bulk.ts'
import { equalBytes } from '../bytes.ts'
import { assert, IntegrityError, InvalidInputError } from '../errors.ts'
import { asBlobId, type BlobId, type BlobIdKey, type Digest, taggedHmac } from '../hash.ts'
import { TAGS } from '../tags.ts'
import type { BlobKind } from './types.ts'

/** What a reader holds in memory at once, plain and stored. */
export const BLOB_SIZE_MAX_BYTES = 4 * 1024 * 1024

/** Ids are never used again for another kind. */
export const BLOB_KINDS = Object.freeze({
  data: 1,
  tree: 2,
  list: 3,
} as const satisfies Record<BlobKind, number>)

/** How a blob stands in its pack: as it is, or as one frame of RFC 8878. */
export const COMPRESSIONS = Object.freeze({ stored: 0, zstd: 1 } as const)
export type Compression = keyof typeof COMPRESSIONS

const KINDS_BY_ID: ReadonlyMap<number, BlobKind> = new Map([
  [BLOB_KINDS.data, 'data'],
  [BLOB_KINDS.tree, 'tree'],
  [BLOB_KINDS.list, 'list'],
])

/** @throws InvalidInputError if no kind has this id */
export function blobKindOf(id: number): BlobKind {
  const kind = KINDS_BY_ID.get(id)
  if (kind === undefined) throw new InvalidInputError(`a blob of kind 1 to 3 wanted, found ${id}`)
  return kind
}

/** @throws InvalidInputError if no compression has this id */
export function compressionOf(id: number): Compression {
  if (id === COMPRESSIONS.stored) return 'stored'
  if (id === COMPRESSIONS.zstd) return 'zstd'
  throw new InvalidInputError(`a compression 0 or 1 wanted, found ${id}`)
}

/** @param digest SHA-256 of the blob, as it was before it was compressed */
export function blobId(key: BlobIdKey, kind: BlobKind, digest: Digest): BlobId {
  return asBlobId(taggedHmac(key, TAGS.blobId, Uint8Array.of(BLOB_KINDS[kind]), digest))
}

export interface StoredBlob {
  readonly compression: Compression
  readonly bytes: Uint8Array
}

/**
 * How a blob is to be stored: compressed if that is smaller.
 *
 * @param plain 1 to BLOB_SIZE_MAX_BYTES bytes
 * @param frame the same as one frame of RFC 8878; undefined if that was not tried
 * @returns one of the two, not copied
 */
export function storedForm(plain: Uint8Array, frame: Uint8Array | undefined): StoredBlob {
  assert(plain.length >= 1 && plain.length <= BLOB_SIZE_MAX_BYTES, 'a blob has 1 byte to 4 MiB')
  if (frame === undefined || frame.length >= plain.length) return { compression: 'stored', bytes: plain }
  return { compression: 'zstd', bytes: frame }
}

/** What a row of a table says of a blob. */
export interface BlobEntry {
  readonly kind: BlobKind
  readonly compression: Compression
  readonly id: BlobId
  /** In the pack; 1 to plainSizeBytes. */
  readonly storedSizeBytes: number
  /** 1 to BLOB_SIZE_MAX_BYTES. */
  readonly plainSizeBytes: number
}

export interface BlobOpener {
  readonly blobIdKey: BlobIdKey
  readonly bulk: Pick<BulkCrypto, 'sha256'>
  /**
   * One frame of RFC 8878, of no more bytes than the limit: what is larger is refused before it is made.
   * Whatever it throws counts as a blob that is broken.
   */
  decompress(frame: Uint8Array, sizeMaxBytes: number): Uint8Array | Promise<Uint8Array>
}

/**
 * A blob from what stands in its pack, verified against its id.
 *
 * @param stored belongs to the caller; the result may be a view of it
 * @throws IntegrityError if the pack holds something else
 */
export async function openBlob(
  { blobIdKey, bulk, decompress }: BlobOpener,
  entry: BlobEntry,
  stored: Uint8Array,
): Promise<Uint8Array> {
  if (stored.length !== entry.storedSizeBytes) {
    throw new IntegrityError(`a blob of ${entry.storedSizeBytes} bytes wanted, found ${stored.length}`)
  }
  const plain = entry.compression === 'stored' ? stored : await decompressed(decompress, entry, stored)
  if (plain.length !== entry.plainSizeBytes) {
    throw new IntegrityError(
      `a blob opens to ${plain.length} bytes, and its pack says ${entry.plainSizeBytes}`,
    )
  }
  const id = blobId(blobIdKey, entry.kind, await bulk.sha256(plain))
  if (!equalBytes(id, entry.id)) throw new IntegrityError('what a pack holds as a blob is something else')
  return plain
}

async function decompressed(
  decompress: BlobOpener['decompress'],
  { plainSizeBytes }: BlobEntry,
  stored: Uint8Array,
): Promise<Uint8Array> {
  try {
    return await decompress(stored, plainSizeBytes)
  } catch (cause) {
    throw new IntegrityError('a blob does not decompress to the size that its pack says', {}, { cause })
  }
}
