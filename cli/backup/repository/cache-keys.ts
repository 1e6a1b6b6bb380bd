/**
 * The entries of a home's cache of one repository, as bytes. All integers are big-endian.
 *
 * | key | value | what |
 * |---|---|---|
 * | 1 ‖ name | | the cache itself: `version`, `owner`, `trees`, `generation` |
 * | 2 ‖ pack number u32 | state u8 ‖ rows u32 ‖ sizes u64 ‖ u64 ‖ pack id 16 ‖ packed capability | a pack |
 * | 3 ‖ blob id 32 | 22 bytes for each pack that has it: see below | a blob |
 * | 4 ‖ id of an index file | rows u32 ‖ pack id 16 for each pack in it | it was read |
 * | 5 ‖ turn u32 | blob id 32 ‖ compression u8 ‖ plain size u32 ‖ as stored | a blob of a tree |
 * | 6 ‖ blob id 32 | turn u32 | where it stands |
 * | 7 ‖ snapshot id | bytes of the file | a snapshot |
 * | 8 ‖ blob id 32 | | would have been put by a dry run |
 * | 9 ‖ digest 16 | | a tree that the work at hand has walked |
 * | 10 ‖ blob id 32 | generations u32 ‖ u32 ‖ ms since 1970 u64 | a blob that was dropped (sent-blobs.ts) |
 * | 11 ‖ digest 16 of host and paths | generation u32 ‖ bytes of the file | the last snapshot that was dropped |
 *
 * Where a pack has a blob: number of the pack u32 ‖ row u32 ‖ offset u32 ‖ stored size u32 ‖ plain size u32 ‖ kind u8 ‖
 * compression u8. Numbers of packs are never used again, so the rows of a pack that is gone are dead without being
 * looked for.
 */
import {
  BLOB_KINDS,
  type BlobEntry,
  type BlobId,
  ByteReader,
  ByteWriter,
  blobKindOf,
  COMPRESSIONS,
  compressionOf,
  concat,
  HASH_SIZE_BYTES,
  utf8,
} from '#crypto'

const SPACE = Object.freeze({
  meta: 1,
  pack: 2,
  blob: 3,
  indexFile: 4,
  tree: 5,
  treeTurn: 6,
  snapshot: 7,
  dry: 8,
  walked: 9,
  sent: 10,
  job: 11,
} as const)
export type CacheSpace = keyof typeof SPACE

export interface KeyRange {
  readonly gte: Uint8Array
  readonly lt: Uint8Array
}

export function rangeOf(space: CacheSpace): KeyRange {
  return { gte: Uint8Array.of(SPACE[space]), lt: Uint8Array.of(SPACE[space] + 1) }
}

export function cacheKey(space: CacheSpace, name: Uint8Array | string): Uint8Array {
  return concat(Uint8Array.of(SPACE[space]), typeof name === 'string' ? utf8(name) : name)
}

/** Of a pack, or a turn. */
export function numberKey(space: CacheSpace, number: number): Uint8Array {
  return new ByteWriter(5).u8(SPACE[space]).u32(number).finish()
}

/** What follows the space. */
export function nameOfKey(key: Uint8Array): Uint8Array {
  return key.slice(1)
}

/** A blob where a pack has it. */
export interface BlobPlace extends BlobEntry {
  readonly packNumber: number
  /** Which row of the pack's table it is. */
  readonly row: number
  readonly offsetBytes: number
}

const PLACE_SIZE_BYTES = 22

export function formatPlace(place: BlobPlace): Uint8Array {
  return new ByteWriter(PLACE_SIZE_BYTES)
    .u32(place.packNumber)
    .u32(place.row)
    .u32(place.offsetBytes)
    .u32(place.storedSizeBytes)
    .u32(place.plainSizeBytes)
    .u8(BLOB_KINDS[place.kind])
    .u8(COMPRESSIONS[place.compression])
    .finish()
}

/** Every pack that has the blob, in the order in which they came. */
export function parsePlaces(id: BlobId, value: Uint8Array): readonly BlobPlace[] {
  const reader = new ByteReader(value, 'places of a blob')
  const places: BlobPlace[] = []
  while (reader.remainingBytes > 0) {
    places.push({
      id,
      packNumber: reader.u32(),
      row: reader.u32(),
      offsetBytes: reader.u32(),
      storedSizeBytes: reader.u32(),
      plainSizeBytes: reader.u32(),
      kind: blobKindOf(reader.u8()),
      compression: compressionOf(reader.u8()),
    })
  }
  return places
}

export function isBlobKey(key: Uint8Array): boolean {
  return key.length === 1 + HASH_SIZE_BYTES
}

/** A text for each run of bytes: short, and quick to make. */
export function textOfBytes({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString('latin1')
}
