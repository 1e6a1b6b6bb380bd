/**
 * Index files: the tables of many packs, so that a cache is rebuilt without reading packs (FORMAT §18.5).
 *
 * `cairnix1`, and then a list of tables (table-list.ts) with nothing in front of each.
 */
import { equalBytes, utf8 } from '../bytes.ts'
import { InvalidInputError } from '../errors.ts'
import { TAGS } from '../tags.ts'
import { fileIdOf } from './file-id.ts'
import type { PackTable } from './pack.ts'
import { formatTableList, parseTableList, tableListMaxBytes } from './table-list.ts'

const MAGIC = utf8('cairnix1')
const WHAT = 'index file'
const NOTHING = new Uint8Array(0)
export const INDEX_FILE_MAX_BYTES = tableListMaxBytes(MAGIC.length, 0)

/**
 * One byte string for each set of packs.
 *
 * @param tables in any order; one that is there twice is written once
 * @throws InvalidInputError if they have more than INDEX_ROWS_MAX rows, or are more than INDEX_PACKS_MAX, or none
 */
export function formatIndexFile(tables: readonly Pick<PackTable, 'packId' | 'rows'>[]): Uint8Array {
  const listed = tables.map(({ packId, rows }) => ({ packId, rows, front: NOTHING }))
  return formatTableList(MAGIC, listed, WHAT)
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
  if (!equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) {
    throw new InvalidInputError('index file: this is no index file')
  }
  const layout = { headSizeBytes: MAGIC.length, frontSizeBytes: 0, what: WHAT }
  return parseTableList(bytes.subarray(MAGIC.length), layout)
}

/** How `data/` names it. */
export function indexFileId(bytes: Uint8Array): string {
  return fileIdOf(TAGS.indexId, bytes)
}
