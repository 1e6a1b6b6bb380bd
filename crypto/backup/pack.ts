/**
 * Packs: immutable files in which blobs stand one after the other (FORMAT §18.4).
 *
 * | part | size |
 * |---|---|
 * | blobs, one after the other | their stored sizes |
 * | padding, zeros | so that the whole has a padded size |
 * | table: a row for each blob, in their order | 42 a row |
 * | footer: number of rows (u32), `cairnpk1` | 12 |
 *
 * | offset in a row | size | field |
 * |---|---|---|
 * | 0 | 1 | kind of blob |
 * | 1 | 1 | compression |
 * | 2 | 32 | id |
 * | 34 | 4 | stored size |
 * | 38 | 4 | plain size |
 *
 * Where a blob starts follows from the sizes of those before it, so no table can let two blobs overlap.
 */
import { ByteReader, ByteWriter, concat, equalBytes, toBase32, utf8 } from '../bytes.ts'
import { InvalidInputError } from '../errors.ts'
import { asBlobId, asPackId, HASH_SIZE_BYTES, PACK_ID_SIZE_BYTES, type PackId, taggedHash } from '../hash.ts'
import { TAGS } from '../tags.ts'
import {
  BLOB_KINDS,
  BLOB_SIZE_MAX_BYTES,
  type BlobEntry,
  blobKindOf,
  COMPRESSIONS,
  compressionOf,
} from './blob.ts'
import { paddedSize } from './padding.ts'

/** Of the blobs of one pack, as stored. A writer closes a pack before it would have more. */
export const PACK_BLOBS_MAX_BYTES = 32 * 1024 * 1024
/** Of one pack: small files are a blob each, and a reader holds a table in memory. */
export const PACK_ROWS_MAX = 65_536
export const PACK_ROW_SIZE_BYTES = 42
export const PACK_FOOTER_SIZE_BYTES = 12
const MAGIC = utf8('cairnpk1')

/** A blob in its pack. */
export interface PackRow extends BlobEntry {
  /** Where it starts in the pack. */
  readonly offsetBytes: number
}

export interface PackTable {
  readonly packId: PackId
  /** In the order in which they stand in the pack: 1 to PACK_ROWS_MAX. */
  readonly rows: readonly PackRow[]
  /** Of the whole pack. */
  readonly packSizeBytes: number
}

/**
 * What follows the blobs in a pack: padding, table and footer.
 *
 * @param entries 1 to PACK_ROWS_MAX, of the blobs written so far, in their order
 */
export function formatPackEnd(entries: readonly BlobEntry[]): { readonly bytes: Uint8Array } & PackTable {
  const tableBytes = formatRows(entries)
  const table = parsePackTable(tableBytes)
  const endBytes = tableBytes.length + PACK_FOOTER_SIZE_BYTES
  const padding = new Uint8Array(table.packSizeBytes - endBytes - blobsSizeOf(table.rows))
  const footer = new ByteWriter(PACK_FOOTER_SIZE_BYTES).u32(entries.length).bytes(MAGIC).finish()
  return { ...table, bytes: concat(padding, tableBytes, footer) }
}

/** The rows as they stand in packs and index files. */
export function formatRows(entries: readonly BlobEntry[]): Uint8Array {
  const writer = new ByteWriter(entries.length * PACK_ROW_SIZE_BYTES)
  for (const { kind, compression, id, storedSizeBytes, plainSizeBytes } of entries) {
    writer
      .u8(BLOB_KINDS[kind])
      .u8(COMPRESSIONS[compression])
      .bytes(id)
      .u32(storedSizeBytes)
      .u32(plainSizeBytes)
  }
  return writer.finish()
}

/**
 * Where the table of a pack stands.
 *
 * @param footer the last PACK_FOOTER_SIZE_BYTES of it
 * @param packSizeBytes of the file
 * @throws InvalidInputError if it is no pack, or the table has no room in it
 */
export function packTableRange(
  footer: Uint8Array,
  packSizeBytes: number,
): { readonly start: number; readonly end: number } {
  const reader = new ByteReader(footer, 'pack footer')
  const rowCount = reader.u32()
  if (!equalBytes(reader.bytes(MAGIC.length), MAGIC))
    throw new InvalidInputError('pack footer: this is no pack')
  reader.finish()
  if (rowCount < 1 || rowCount > PACK_ROWS_MAX) {
    throw new InvalidInputError(`pack footer: 1 to ${PACK_ROWS_MAX} blobs wanted, found ${rowCount}`)
  }
  const end = packSizeBytes - PACK_FOOTER_SIZE_BYTES
  const start = end - rowCount * PACK_ROW_SIZE_BYTES
  if (start < rowCount) throw new InvalidInputError(`pack footer: ${rowCount} blobs have no room in the pack`)
  return { start, end }
}

/** @throws InvalidInputError unless they are 1 to PACK_ROWS_MAX rows of blobs that a pack may hold */
export function parsePackTable(bytes: Uint8Array): PackTable {
  const rowCount = bytes.length / PACK_ROW_SIZE_BYTES
  if (!Number.isInteger(rowCount) || rowCount < 1 || rowCount > PACK_ROWS_MAX) {
    throw new InvalidInputError(
      `pack table: 1 to ${PACK_ROWS_MAX} rows of ${PACK_ROW_SIZE_BYTES} bytes wanted, found ${bytes.length} bytes`,
    )
  }
  const reader = new ByteReader(bytes, 'pack table')
  const rows: PackRow[] = []
  let offsetBytes = 0
  for (let index = 0; index < rowCount; index += 1) {
    const row = { ...readRow(reader), offsetBytes }
    rows.push(row)
    offsetBytes += row.storedSizeBytes
  }
  if (offsetBytes > PACK_BLOBS_MAX_BYTES) {
    throw new InvalidInputError(
      `pack table: blobs of at most ${PACK_BLOBS_MAX_BYTES} bytes wanted, found ${offsetBytes}`,
    )
  }
  const packSizeBytes = paddedSize(offsetBytes + bytes.length + PACK_FOOTER_SIZE_BYTES)
  return { packId: packIdOf(bytes), rows, packSizeBytes }
}

/**
 * The table of a pack, by as few reads as may be.
 *
 * @param read the bytes of the pack from start up to, not including, end
 * @throws InvalidInputError if it is no pack, or has another size than its table asks
 */
export async function readPackTable(
  packSizeBytes: number,
  read: (range: { readonly start: number; readonly end: number }) => Promise<Uint8Array>,
): Promise<PackTable> {
  const tailStart = Math.max(0, packSizeBytes - FIRST_READ_BYTES)
  const tail = await read({ start: tailStart, end: packSizeBytes })
  const range = packTableRange(tail.subarray(-PACK_FOOTER_SIZE_BYTES), packSizeBytes)
  const found = tail.subarray(Math.max(0, range.start - tailStart), range.end - tailStart)
  const missing =
    range.start < tailStart ? await read({ start: range.start, end: tailStart }) : new Uint8Array(0)
  const table = parsePackTable(concat(missing, found))
  if (table.packSizeBytes !== packSizeBytes) {
    throw new InvalidInputError(
      `pack: its table asks for ${table.packSizeBytes} bytes, and it has ${packSizeBytes}`,
    )
  }
  return table
}

/** Holds the table of most packs: one of full-sized blobs has some 40 rows. */
const FIRST_READ_BYTES = 64 * 1024

/** As `data/` names packs: base32. */
export function formatPackId(packId: PackId): string {
  return toBase32(packId)
}

function packIdOf(tableBytes: Uint8Array): PackId {
  return asPackId(taggedHash(TAGS.packId, tableBytes).slice(0, PACK_ID_SIZE_BYTES))
}

function readRow(reader: ByteReader): BlobEntry {
  const kind = blobKindOf(reader.u8())
  const compression = compressionOf(reader.u8())
  const id = asBlobId(reader.bytes(HASH_SIZE_BYTES))
  const storedSizeBytes = reader.u32()
  const plainSizeBytes = reader.u32()
  if (plainSizeBytes < 1 || plainSizeBytes > BLOB_SIZE_MAX_BYTES) {
    throw new InvalidInputError(
      `pack table: a blob of 1 to ${BLOB_SIZE_MAX_BYTES} bytes wanted, found ${plainSizeBytes}`,
    )
  }
  const isSound =
    compression === 'stored'
      ? storedSizeBytes === plainSizeBytes
      : storedSizeBytes >= 1 && storedSizeBytes < plainSizeBytes
  if (!isSound) {
    throw new InvalidInputError(
      `pack table: ${storedSizeBytes} bytes are no size of a blob of ${plainSizeBytes} bytes, ${compression}`,
    )
  }
  return { kind, compression, id, storedSizeBytes, plainSizeBytes }
}

function blobsSizeOf(rows: readonly PackRow[]): number {
  const last = rows.at(-1)
  return last === undefined ? 0 : last.offsetBytes + last.storedSizeBytes
}
