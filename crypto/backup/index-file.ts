/**
 * Index files: the tables of many packs, so that a cache is rebuilt without reading packs (FORMAT §18.5).
 *
 * | part | size |
 * |---|---|
 * | `cairnix1` | 8 |
 * | number of packs | 4 |
 * | for each pack, by its id: number of rows | 4 |
 * | its table, as in the pack | 42 a row |
 * | padding, zeros | to a padded size |
 *
 * The id of a pack is a hash of its table, so an index cannot give a pack another table than its own.
 */
import { ByteReader, ByteWriter, compareBytes, equalBytes, toBase32, utf8 } from '../bytes.ts'
import { InvalidInputError } from '../errors.ts'
import { taggedHash } from '../hash.ts'
import { TAGS } from '../tags.ts'
import { formatRows, PACK_ROW_SIZE_BYTES, PACK_ROWS_MAX, type PackTable, parsePackTable } from './pack.ts'
import { paddedSize } from './padding.ts'

/** Of all packs of one index file: some 11 MB, which a reader holds in memory. */
export const INDEX_ROWS_MAX = 262_144
export const INDEX_PACKS_MAX = 16_384
const MAGIC = utf8('cairnix1')
const HEAD_SIZE_BYTES = 12
const COUNT_SIZE_BYTES = 4
export const INDEX_FILE_MAX_BYTES = paddedSize(
  HEAD_SIZE_BYTES + INDEX_PACKS_MAX * COUNT_SIZE_BYTES + INDEX_ROWS_MAX * PACK_ROW_SIZE_BYTES,
)
/** Of what names index files, snapshots and records of freed packs. */
export const FILE_ID_SIZE_BYTES = 16

/**
 * One byte string for each set of packs.
 *
 * @param tables in any order; one that is there twice is written once
 * @throws InvalidInputError if they have more than INDEX_ROWS_MAX rows, or are more than INDEX_PACKS_MAX, or none
 */
export function formatIndexFile(tables: readonly Pick<PackTable, 'packId' | 'rows'>[]): Uint8Array {
  const sorted = inOrderOnce(tables)
  const rowCount = sorted.reduce((sum, { rows }) => sum + rows.length, 0)
  checkCounts(sorted.length, rowCount)
  const usedBytes = HEAD_SIZE_BYTES + sorted.length * COUNT_SIZE_BYTES + rowCount * PACK_ROW_SIZE_BYTES
  const sizeBytes = paddedSize(usedBytes)
  const writer = new ByteWriter(sizeBytes)
  writer.bytes(MAGIC).u32(sorted.length)
  for (const { rows } of sorted) writer.u32(rows.length).bytes(formatRows(rows))
  return writer.bytes(new Uint8Array(sizeBytes - usedBytes)).finish()
}

/**
 * The tables of an index file, one at a time, so that the rows of all need not be held at once.
 *
 * @throws InvalidInputError at once if it is no index file, or its counts do not fit its size; while it goes on, if a
 * table is none or the packs are not in the order of their ids, each once
 */
export function parseIndexFile(bytes: Uint8Array): IterableIterator<PackTable> {
  if (bytes.length > INDEX_FILE_MAX_BYTES) {
    throw new InvalidInputError(
      `index file: at most ${INDEX_FILE_MAX_BYTES} bytes wanted, found ${bytes.length}`,
    )
  }
  const reader = new ByteReader(bytes, 'index file')
  if (!equalBytes(reader.bytes(MAGIC.length), MAGIC)) {
    throw new InvalidInputError('index file: this is no index file')
  }
  const packCount = reader.u32()
  checkCounts(packCount, 1)
  const tables: Uint8Array[] = []
  let rowCount = 0
  for (let pack = 0; pack < packCount; pack += 1) {
    const rows = reader.u32()
    if (rows < 1 || rows > PACK_ROWS_MAX) {
      throw new InvalidInputError(`index file: a pack of 1 to ${PACK_ROWS_MAX} blobs wanted, found ${rows}`)
    }
    rowCount += rows
    tables.push(reader.view(rows * PACK_ROW_SIZE_BYTES))
  }
  checkCounts(packCount, rowCount)
  checkPadding(reader, bytes.length, 'index file')
  return inOrder(tables)
}

/** How `data/` names it. */
export function indexFileId(bytes: Uint8Array): string {
  return toBase32(taggedHash(TAGS.indexId, bytes).subarray(0, FILE_ID_SIZE_BYTES))
}

function* inOrder(tables: readonly Uint8Array[]): Generator<PackTable, void, undefined> {
  let before: Uint8Array = new Uint8Array(0)
  for (const bytes of tables) {
    const table = parsePackTable(bytes)
    if (compareBytes(before, table.packId) >= 0) {
      throw new InvalidInputError('index file: packs come in the order of their ids, each once')
    }
    before = table.packId
    yield table
  }
}

/** @throws InvalidInputError unless what is left of the bytes is their padding, which is not looked at */
export function checkPadding(reader: ByteReader, sizeBytes: number, what: string): void {
  const wantedBytes = paddedSize(sizeBytes - reader.remainingBytes)
  if (sizeBytes === wantedBytes) return
  throw new InvalidInputError(`${what}: ${wantedBytes} bytes wanted, found ${sizeBytes}`)
}

/** By their ids, each pack once. */
export function inOrderOnce<Table extends Pick<PackTable, 'packId'>>(
  tables: readonly Table[],
): readonly Table[] {
  const sorted = [...tables].sort((left, right) => compareBytes(left.packId, right.packId))
  return sorted.filter((one, place) => {
    const before = sorted[place - 1]
    return before === undefined || !equalBytes(before.packId, one.packId)
  })
}

/** @throws InvalidInputError */
export function checkCounts(packCount: number, rowCount: number): void {
  if (packCount < 1 || packCount > INDEX_PACKS_MAX) {
    throw new InvalidInputError(`index file: 1 to ${INDEX_PACKS_MAX} packs wanted, found ${packCount}`)
  }
  if (rowCount > INDEX_ROWS_MAX) {
    throw new InvalidInputError(`index file: at most ${INDEX_ROWS_MAX} blobs wanted, found ${rowCount}`)
  }
}
