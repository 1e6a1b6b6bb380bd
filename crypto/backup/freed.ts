/**
 * Records of what prune let go (FORMAT §18.9): whoever finds a snapshot that lacks a pack links it again from here, as
 * long as its leases last.
 *
 * `cairnfr1`, the ms since 1970 UTC when they were let go (u64), and then a list of tables (table-list.ts) with the
 * packed `file` capability of its pack in front of each.
 */
import { ByteReader, ByteWriter, equalBytes, utf8 } from '../bytes.ts'
import { type FileReadCapability, packCapability, unpackCapability } from '../capability.ts'
import { InvalidInputError } from '../errors.ts'
import { TAGS } from '../tags.ts'
import { fileIdOf } from './file-id.ts'
import type { PackTable } from './pack.ts'
import { formatTableList, parseTableList, tableListMaxBytes } from './table-list.ts'

const MAGIC = utf8('cairnfr1')
const WHAT = 'freed'
const HEAD_SIZE_BYTES = 16
const CAPABILITY_SIZE_BYTES = 65
export const FREED_RECORD_MAX_BYTES = tableListMaxBytes(HEAD_SIZE_BYTES, CAPABILITY_SIZE_BYTES)

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
export function formatFreedRecord(record: {
  readonly freedAtMilliseconds: number
  readonly packs: readonly Pick<FreedPack, 'packId' | 'rows' | 'file'>[]
}): Uint8Array {
  const head = new ByteWriter(HEAD_SIZE_BYTES).bytes(MAGIC).u64(record.freedAtMilliseconds).finish()
  const listed = record.packs.map(({ packId, rows, file }) => ({ packId, rows, front: packCapability(file) }))
  return formatTableList(head, listed, WHAT)
}

/** @throws InvalidInputError for anything that FORMAT §18.9 does not allow */
export function parseFreedRecord(bytes: Uint8Array): FreedRecord {
  if (bytes.length > FREED_RECORD_MAX_BYTES) {
    throw new InvalidInputError(
      `freed: at most ${FREED_RECORD_MAX_BYTES} bytes wanted, found ${bytes.length}`,
    )
  }
  const reader = new ByteReader(bytes, WHAT)
  if (!equalBytes(reader.bytes(MAGIC.length), MAGIC))
    throw new InvalidInputError('freed: this is no such record')
  const freedAtMilliseconds = reader.u64()
  const layout = {
    ...{ headSizeBytes: HEAD_SIZE_BYTES, frontSizeBytes: CAPABILITY_SIZE_BYTES },
    what: WHAT,
  }
  const packs: FreedPack[] = []
  for (const { front, ...table } of parseTableList(reader.view(reader.remainingBytes), layout)) {
    const file = unpackCapability(front)
    if (file.kind !== 'file') throw new InvalidInputError('freed: a pack is a file')
    packs.push({ ...table, file })
  }
  return { freedAtMilliseconds, packs }
}

/** How `data/` names it. */
export function freedRecordId(bytes: Uint8Array): string {
  return fileIdOf(TAGS.freedId, bytes)
}
