/**
 * Records of what prune let go (FORMAT §18.9): whoever finds a snapshot that lacks a pack links it again from here, as
 * long as its leases last.
 *
 * | part | size |
 * |---|---|
 * | `cairnfr1` | 8 |
 * | ms since 1970 UTC when they were let go | 8 |
 * | number of packs | 4 |
 * | for each pack, by its id: packed `file` capability | 65 |
 * | number of rows | 4 |
 * | its table, as in the pack | 42 a row |
 * | padding, zeros | to a padded size |
 */
import { ByteReader, ByteWriter, compareBytes, equalBytes, toBase32, utf8 } from '../bytes.ts'
import { type FileReadCapability, packCapability, unpackCapability } from '../capability.ts'
import { InvalidInputError } from '../errors.ts'
import { taggedHash } from '../hash.ts'
import { TAGS } from '../tags.ts'
import {
  checkCounts,
  checkPadding,
  FILE_ID_SIZE_BYTES,
  INDEX_PACKS_MAX,
  INDEX_ROWS_MAX,
  inOrderOnce,
} from './index-file.ts'
import { formatRows, PACK_ROW_SIZE_BYTES, PACK_ROWS_MAX, type PackTable, parsePackTable } from './pack.ts'
import { paddedSize } from './padding.ts'

const MAGIC = utf8('cairnfr1')
const HEAD_SIZE_BYTES = 20
const CAPABILITY_SIZE_BYTES = 65
const PACK_HEAD_SIZE_BYTES = CAPABILITY_SIZE_BYTES + 4
/** The same packs and rows as in an index file, with a capability for each pack. */
export const FREED_RECORD_MAX_BYTES = paddedSize(
  HEAD_SIZE_BYTES + INDEX_PACKS_MAX * PACK_HEAD_SIZE_BYTES + INDEX_ROWS_MAX * PACK_ROW_SIZE_BYTES,
)

export interface FreedPack extends PackTable {
  readonly file: FileReadCapability
}

export interface FreedRecord {
  readonly freedAtMilliseconds: number
  readonly packs: readonly FreedPack[]
}

/**
 * @param record its packs in any order; one that is there twice is written once
 * @throws InvalidInputError if they have more than INDEX_ROWS_MAX rows, or are more than INDEX_PACKS_MAX, or none
 */
export function formatFreedRecord({
  freedAtMilliseconds,
  packs,
}: {
  readonly freedAtMilliseconds: number
  readonly packs: readonly Pick<FreedPack, 'packId' | 'rows' | 'file'>[]
}): Uint8Array {
  const sorted = inOrderOnce(packs)
  const rowCount = sorted.reduce((sum, { rows }) => sum + rows.length, 0)
  checkCounts(sorted.length, rowCount)
  const usedBytes = HEAD_SIZE_BYTES + sorted.length * PACK_HEAD_SIZE_BYTES + rowCount * PACK_ROW_SIZE_BYTES
  const sizeBytes = paddedSize(usedBytes)
  const writer = new ByteWriter(sizeBytes)
  writer.bytes(MAGIC).u64(freedAtMilliseconds).u32(sorted.length)
  for (const { file, rows } of sorted) {
    writer.bytes(packCapability(file)).u32(rows.length).bytes(formatRows(rows))
  }
  return writer.bytes(new Uint8Array(sizeBytes - usedBytes)).finish()
}

/** @throws InvalidInputError for anything that FORMAT §18.9 does not allow */
export function parseFreedRecord(bytes: Uint8Array): FreedRecord {
  if (bytes.length > FREED_RECORD_MAX_BYTES) {
    throw new InvalidInputError(
      `freed: at most ${FREED_RECORD_MAX_BYTES} bytes wanted, found ${bytes.length}`,
    )
  }
  const reader = new ByteReader(bytes, 'freed')
  if (!equalBytes(reader.bytes(MAGIC.length), MAGIC))
    throw new InvalidInputError('freed: this is no such record')
  const freedAtMilliseconds = reader.u64()
  const packCount = reader.u32()
  checkCounts(packCount, 1)
  const packs: FreedPack[] = []
  let rowCount = 0
  for (let index = 0; index < packCount; index += 1) {
    const file = unpackCapability(reader.view(CAPABILITY_SIZE_BYTES))
    if (file.kind !== 'file') throw new InvalidInputError('freed: a pack is a file')
    const rows = reader.u32()
    if (rows > PACK_ROWS_MAX) throw new InvalidInputError(`freed: at most ${PACK_ROWS_MAX} blobs in a pack`)
    rowCount += rows
    checkCounts(packCount, rowCount)
    const table = parsePackTable(reader.view(rows * PACK_ROW_SIZE_BYTES))
    const before = packs.at(-1)
    if (before !== undefined && compareBytes(before.packId, table.packId) >= 0) {
      throw new InvalidInputError('freed: packs come in the order of their ids, each once')
    }
    packs.push({ ...table, file })
  }
  checkPadding(reader, bytes.length, 'freed')
  return { freedAtMilliseconds, packs }
}

/** How `data/` names it. */
export function freedRecordId(bytes: Uint8Array): string {
  return toBase32(taggedHash(TAGS.freedId, bytes).subarray(0, FILE_ID_SIZE_BYTES))
}
