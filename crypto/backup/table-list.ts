/**
 * Tables of many packs one after the other, as index files (FORMAT §18.5) and records of freed packs (§18.9) have them.
 *
 * | part | size |
 * |---|---|
 * | head | of its kind |
 * | number of packs | 4 |
 * | for each pack, by its id: what stands in front of it | of its kind |
 * | number of rows | 4 |
 * | its table, as in the pack | 42 a row |
 * | padding, zeros | to a padded size |
 *
 * The id of a pack is a hash of its table, so nothing can give a pack another table than its own.
 */
import { ByteReader, ByteWriter, compareBytes, equalBytes } from '../bytes.ts'
import { InvalidInputError } from '../errors.ts'
import { formatRows, PACK_ROW_SIZE_BYTES, PACK_ROWS_MAX, type PackTable, parsePackTable } from './pack.ts'
import { paddedSize } from './padding.ts'

/** Of all packs of one file: some 11 MB, which a reader holds in memory. */
export const INDEX_ROWS_MAX = 262_144
export const INDEX_PACKS_MAX = 16_384
const COUNT_SIZE_BYTES = 4

export interface ListedTable extends Pick<PackTable, 'packId' | 'rows'> {
  readonly front: Uint8Array
}

/** Of the largest list with such a head and fronts. */
export function tableListMaxBytes(headSizeBytes: number, frontSizeBytes: number): number {
  const eachBytes = frontSizeBytes + COUNT_SIZE_BYTES
  const rowsBytes = INDEX_ROWS_MAX * PACK_ROW_SIZE_BYTES
  return paddedSize(headSizeBytes + COUNT_SIZE_BYTES + INDEX_PACKS_MAX * eachBytes + rowsBytes)
}

/**
 * One byte string for each head and set of packs.
 *
 * @param tables in any order; one that is there twice is written once
 * @throws InvalidInputError if they have more than INDEX_ROWS_MAX rows, or are more than INDEX_PACKS_MAX, or none
 */
export function formatTableList(head: Uint8Array, tables: readonly ListedTable[], what: string): Uint8Array {
  const sorted = inOrderOnce(tables)
  let usedBytes = head.length + COUNT_SIZE_BYTES
  let rowCount = 0
  for (const { front, rows } of sorted) {
    usedBytes += front.length + COUNT_SIZE_BYTES + rows.length * PACK_ROW_SIZE_BYTES
    rowCount += rows.length
  }
  checkCounts(sorted.length, rowCount, what)
  const sizeBytes = paddedSize(usedBytes)
  const writer = new ByteWriter(sizeBytes).bytes(head).u32(sorted.length)
  for (const { front, rows } of sorted) writer.bytes(front).u32(rows.length).bytes(formatRows(rows))
  return writer.bytes(new Uint8Array(sizeBytes - usedBytes)).finish()
}

/** A table that was not looked at yet, as bytes of the file. */
interface TableSpan {
  readonly front: Uint8Array
  readonly rows: Uint8Array
}

/**
 * The tables of a list, one at a time, so that the rows of all need not be held at once.
 *
 * @param bytes after the head
 * @param layout size of the head, of what stands in front of each table, and the name of it all in errors
 * @throws InvalidInputError at once if its counts do not fit its size; while it goes on, if a table is none or the
 * packs are not in the order of their ids, each once
 */
export function parseTableList(
  bytes: Uint8Array,
  layout: { readonly headSizeBytes: number; readonly frontSizeBytes: number; readonly what: string },
): IterableIterator<PackTable & { readonly front: Uint8Array }> {
  const { headSizeBytes, frontSizeBytes, what } = layout
  const reader = new ByteReader(bytes, what)
  const packCount = reader.u32()
  checkCounts(packCount, 1, what)
  const spans: TableSpan[] = []
  let rowCount = 0
  for (let pack = 0; pack < packCount; pack += 1) {
    const front = reader.view(frontSizeBytes)
    const rows = reader.u32()
    if (rows < 1 || rows > PACK_ROWS_MAX) {
      throw new InvalidInputError(`${what}: a pack of 1 to ${PACK_ROWS_MAX} blobs wanted, found ${rows}`)
    }
    rowCount += rows
    spans.push({ front, rows: reader.view(rows * PACK_ROW_SIZE_BYTES) })
  }
  checkCounts(packCount, rowCount, what)
  const sizeBytes = headSizeBytes + bytes.length
  const wantedBytes = paddedSize(sizeBytes - reader.remainingBytes)
  if (sizeBytes !== wantedBytes) {
    throw new InvalidInputError(`${what}: ${wantedBytes} bytes wanted, found ${sizeBytes}`)
  }
  return inOrder(spans, what)
}

function* inOrder(
  spans: readonly TableSpan[],
  what: string,
): Generator<PackTable & { readonly front: Uint8Array }, void, undefined> {
  let before: Uint8Array = new Uint8Array(0)
  for (const { front, rows } of spans) {
    const table = parsePackTable(rows)
    if (compareBytes(before, table.packId) >= 0) {
      throw new InvalidInputError(`${what}: packs come in the order of their ids, each once`)
    }
    before = table.packId
    yield { ...table, front }
  }
}

function inOrderOnce(tables: readonly ListedTable[]): readonly ListedTable[] {
  const sorted = [...tables].sort((left, right) => compareBytes(left.packId, right.packId))
  return sorted.filter((one, place) => {
    const before = sorted[place - 1]
    return before === undefined || !equalBytes(before.packId, one.packId)
  })
}

function checkCounts(packCount: number, rowCount: number, what: string): void {
  if (packCount < 1 || packCount > INDEX_PACKS_MAX) {
    throw new InvalidInputError(`${what}: 1 to ${INDEX_PACKS_MAX} packs wanted, found ${packCount}`)
  }
  if (rowCount > INDEX_ROWS_MAX) {
    throw new InvalidInputError(`${what}: at most ${INDEX_ROWS_MAX} blobs wanted, found ${rowCount}`)
  }
}
