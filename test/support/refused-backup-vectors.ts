/** Vectors of what must be refused of backups (FORMAT §18): one fault each. */
import {
  ByteWriter,
  concat,
  encodeFields,
  formatContent,
  formatFreedRecord,
  formatIndexFile,
  formatList,
  formatPackEnd,
  formatRepositoryFile,
  formatRows,
  formatSnapshot,
  packCapability,
  paddedSize,
  parseContent,
  parseFreedRecord,
  parseIndexFile,
  parseList,
  parsePackTable,
  parseRepositoryFile,
  parseSnapshot,
  readPackTable,
  Secret,
  toVerifyCapability,
  utf8,
} from '#crypto'
import { numberedId, SOUND_SNAPSHOT } from './backup-tree-vectors.ts'
import { CONTENT_KEY, FREED_AT, fileNumber, packs, tableOf } from './backup-vectors.ts'
import { hex, pattern } from './pattern.ts'
import { mustRefuse } from './refused-vectors.ts'

interface Fault {
  readonly fault: string
  readonly bytes: Uint8Array
}

/** Checks that each is refused, and says it in hexadecimal. */
export async function refused(faults: readonly Fault[], read: (bytes: Uint8Array) => unknown) {
  for (const { fault, bytes } of faults) await mustRefuse(fault, () => read(bytes))
  return faults.map(({ fault, bytes }) => ({ fault, bytes: hex(bytes) }))
}

/** Bytes with some of them changed. */
export function changed(sound: Uint8Array, offset: number, ...values: readonly number[]): Uint8Array {
  const bytes = sound.slice()
  bytes.set(values, offset)
  return bytes
}

export async function refusedBackupVectors() {
  return {
    backup_pack_refused: await refusedPacks(),
    backup_index_refused: await refusedIndexFiles(),
    backup_freed_refused: await refusedFreed(),
    backup_content_refused: await refusedContents(),
    backup_list_refused: await refusedLists(),
    backup_snapshot_refused: await refusedSnapshots(),
    backup_repository_refused: await refusedRepositories(),
  }
}

const [, small = [], tiny = []] = packs

/** A whole pack of three blobs, whose bytes do not matter. */
const pack = concat(new Uint8Array(312), formatPackEnd(small).bytes)

async function refusedPacks() {
  const table = pack.length - 12 - 3 * 42
  const footer = pack.length - 12
  const sound = [...small]
  const many = formatRows(Array.from({ length: 9 }, () => ({ ...(packs[0]?.[1] ?? fail()) })))
  const cases: readonly Fault[] = [
    { fault: 'kind 0', bytes: changed(pack, table, 0) },
    { fault: 'kind 4', bytes: changed(pack, table, 4) },
    { fault: 'compression 2', bytes: changed(pack, table + 1, 2) },
    { fault: 'stored as it is, with another size', bytes: changed(pack, table + 1, 0) },
    { fault: 'compressed, and not smaller', bytes: changed(pack, table + 42 + 1, 1) },
    { fault: 'a stored size of 0', bytes: changed(pack, table + 34, 0, 0, 0, 0) },
    { fault: 'a stored size above the plain size', bytes: changed(pack, table + 34, 0, 0, 2, 0) },
    { fault: 'a plain size of 0', bytes: changed(pack, table + 38, 0, 0, 0, 0) },
    { fault: 'a plain size of 4,194,305', bytes: changed(pack, table + 38, 0, 64, 0, 1) },
    {
      fault: 'sizes that ask for a larger pack',
      bytes: changed(pack, table + 34, 0, 0, 0xff, 0, 0, 1, 0, 0),
    },
    { fault: 'no rows', bytes: changed(pack, footer, 0, 0, 0, 0) },
    { fault: 'a row fewer than the pack is for', bytes: changed(pack, footer, 0, 0, 0, 2) },
    { fault: 'more rows than have room', bytes: changed(pack, footer, 0, 0, 0, 20) },
    { fault: '65,537 rows', bytes: changed(pack, footer, 0, 1, 0, 1) },
    { fault: 'another magic number', bytes: changed(pack, footer + 11, 0x32) },
    { fault: 'a byte too many in front', bytes: concat(new Uint8Array(1), pack) },
    { fault: 'a byte too few in front', bytes: pack.subarray(1) },
    { fault: 'a byte too many at the end', bytes: concat(pack, new Uint8Array(1)) },
    { fault: 'a footer alone', bytes: pack.subarray(footer) },
    { fault: '11 bytes', bytes: pack.subarray(footer + 1) },
    { fault: 'no bytes', bytes: new Uint8Array(0) },
  ]
  await mustRefuse('blobs of more than 32 MiB', () => parsePackTable(many))
  await mustRefuse('a table that ends within a row', () => parsePackTable(formatRows(sound).subarray(1)))
  return refused(cases, (bytes) =>
    readPackTable(bytes.length, async ({ start, end }) => bytes.subarray(start, end)),
  )
}

function fail(): never {
  throw new Error('a blob is expected')
}

/** An index file, or a record of freed packs, from parts that need not fit. */
function tablesFile(head: Uint8Array, parts: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes)
  bytes.set(concat(head, ...parts))
  return bytes
}

function u32(value: number): Uint8Array {
  return new ByteWriter(4).u32(value).finish()
}

async function refusedIndexFiles() {
  const sound = formatIndexFile([small, tiny].map(tableOf))
  const tables = [small, tiny]
    .map((entries) => ({
      id: hex(tableOf(entries).packId),
      part: concat(u32(entries.length), formatRows(entries)),
    }))
    .sort((left, right) => (left.id < right.id ? -1 : 1))
    .map(({ part }) => part)
  const head = concat(utf8('cairnix1'), u32(2))
  const [first = fail(), second = fail()] = tables
  const cases: readonly Fault[] = [
    { fault: 'another magic number', bytes: changed(sound, 7, 0x32) },
    { fault: 'no packs', bytes: tablesFile(concat(utf8('cairnix1'), u32(0)), [], 12) },
    { fault: '16,385 packs', bytes: changed(sound, 8, 0, 0, 64, 1) },
    { fault: 'a pack of no rows', bytes: changed(sound, 12, 0, 0, 0, 0) },
    { fault: 'a pack of 65,537 rows', bytes: changed(sound, 12, 0, 1, 0, 1) },
    { fault: 'packs out of order', bytes: tablesFile(head, [second, first], sound.length) },
    { fault: 'a pack twice', bytes: tablesFile(head, [first, first], paddedSize(12 + 2 * first.length)) },
    { fault: 'a pack more than there are', bytes: changed(sound, 11, 3) },
    { fault: 'a pack fewer than there are', bytes: changed(sound, 11, 1) },
    { fault: 'a kind of blob that is none', bytes: changed(sound, 16, 9) },
    { fault: 'a byte of padding too many', bytes: concat(sound, new Uint8Array(1)) },
    { fault: 'a byte of padding too few', bytes: sound.subarray(0, -1) },
    { fault: 'no padding', bytes: concat(head, first, second) },
    { fault: 'a head alone', bytes: sound.subarray(0, 12) },
    { fault: 'no bytes', bytes: new Uint8Array(0) },
  ]
  return refused(cases, (bytes) => [...parseIndexFile(bytes)])
}

async function refusedFreed() {
  const freed = [small, tiny].map((entries, number) => ({ ...tableOf(entries), file: fileNumber(number) }))
  const sound = formatFreedRecord({ freedAtMilliseconds: FREED_AT, packs: freed })
  const cases: readonly Fault[] = [
    { fault: 'another magic number', bytes: changed(sound, 0, 0x64) },
    { fault: 'a time of 2^53', bytes: changed(sound, 8, 0, 32, 0, 0, 0, 0, 0, 0) },
    { fault: 'no packs', bytes: changed(sound, 16, 0, 0, 0, 0) },
    { fault: 'a pack that is a tree', bytes: changed(sound, 20, 9) },
    { fault: 'a pack that only verifies', bytes: changed(sound, 20, 2) },
    { fault: 'a pack of no rows', bytes: changed(sound, 85, 0, 0, 0, 0) },
    { fault: 'a pack more than there are', bytes: changed(sound, 19, 3) },
    { fault: 'a pack fewer than there are', bytes: changed(sound, 19, 1) },
    { fault: 'a byte of padding too few', bytes: sound.subarray(0, -1) },
    { fault: 'a head alone', bytes: sound.subarray(0, 20) },
    { fault: 'no bytes', bytes: new Uint8Array(0) },
  ]
  await mustRefuse('a pack that only verifies', () => {
    const file = packCapability(toVerifyCapability(fileNumber(0)))
    parseFreedRecord(changed(sound, 20, ...file))
  })
  return refused(cases, parseFreedRecord)
}

async function refusedContents() {
  const sound = formatContent({ sizeBytes: 5000, depth: 0, ids: [numberedId(1), numberedId(2)] })
  const list = formatContent({ sizeBytes: 5000, depth: 1, ids: [numberedId(1)] })
  const cases: readonly Fault[] = [
    { fault: 'depth 5', bytes: changed(list, 8, 5) },
    { fault: 'two lists at the top', bytes: changed(sound, 8, 1) },
    { fault: 'depth 1 without a list', bytes: changed(list.subarray(0, 10), 9, 0) },
    { fault: '33 ids', bytes: concat(changed(sound, 9, 33), pattern(690, 31 * 32)) },
    { fault: 'fewer bytes than blobs', bytes: changed(sound, 0, 0, 0, 0, 0, 0, 0, 0, 1) },
    { fault: 'more bytes than two blobs have', bytes: changed(sound, 0, 0, 0, 0, 0, 0, 128, 0, 1) },
    { fault: 'bytes without a blob', bytes: changed(new Uint8Array(10), 7, 1) },
    { fault: 'a size of 2^53', bytes: changed(list, 0, 0, 32, 0, 0, 0, 0, 0, 0) },
    { fault: 'a list of no bytes', bytes: changed(list, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
    { fault: 'a byte too many', bytes: concat(sound, new Uint8Array(1)) },
    { fault: 'a byte too few', bytes: sound.subarray(0, -1) },
    { fault: 'no bytes', bytes: new Uint8Array(0) },
  ]
  return refused(cases, parseContent)
}

async function refusedLists() {
  const items = [1, 2].map((number) => ({ id: numberedId(number), sizeBytes: 2500 }))
  const sound = formatList(1, items)
  const wanted = { level: 1, sizeBytes: 5000 }
  const cases: readonly Fault[] = [
    { fault: 'level 2', bytes: changed(sound, 0, 2) },
    { fault: 'level 0', bytes: changed(sound, 0, 0) },
    { fault: 'another sum of sizes', bytes: changed(sound, 8, 0xc5) },
    { fault: 'an item of no bytes', bytes: concat(sound, new Uint8Array(8), numberedId(3)) },
    { fault: 'an item that is larger than a blob', bytes: changed(sound, 1, 0, 0, 0, 0, 0, 64, 0, 1) },
    { fault: 'a size of 2^53', bytes: changed(sound, 1, 0, 32, 0, 0, 0, 0, 0, 0) },
    { fault: 'no items', bytes: sound.subarray(0, 1) },
    { fault: 'a byte too many', bytes: concat(sound, new Uint8Array(1)) },
    { fault: 'a byte too few', bytes: sound.subarray(0, -1) },
    { fault: 'no bytes', bytes: new Uint8Array(0) },
  ]
  const vectors = await refused(cases, (bytes) => parseList(bytes, wanted))
  return vectors.map((one) => ({ ...one, level: wanted.level, size: wanted.sizeBytes }))
}

async function refusedSnapshots() {
  const sound = formatSnapshot(SOUND_SNAPSHOT)
  const root = formatContent(SOUND_SNAPSHOT.root)
  const totals = {
    ...{ files: 1, folders: 1, bytes: 1, new: 1, changed: 0, unmodified: 0, unreadable: 0 },
    ...{ added: 1, stored: 1, milliseconds: 1 },
  }
  const fields = { version: 1, time: 1, host: 'kiln', paths: ['/'], tags: ['a'], root, totals }
  const withChange = (change: Parameters<typeof encodeFields>[0]) => encodeFields({ ...fields, ...change })
  const cases: readonly Fault[] = [
    { fault: 'version 2', bytes: withChange({ version: 2 }) },
    { fault: 'no version', bytes: withChange({ version: undefined }) },
    { fault: 'an unknown field', bytes: withChange({ more: 1 }) },
    { fault: 'no root', bytes: withChange({ root: undefined }) },
    { fault: 'a root that is no content', bytes: withChange({ root: root.subarray(1) }) },
    { fault: 'a time that is text', bytes: withChange({ time: 'now' }) },
    { fault: 'no host', bytes: withChange({ host: '' }) },
    { fault: 'a host of 256 characters', bytes: withChange({ host: 'h'.repeat(256) }) },
    { fault: 'a path that is bytes', bytes: withChange({ paths: [utf8('/')] }) },
    { fault: 'an empty path', bytes: withChange({ paths: [''] }) },
    { fault: '65 tags', bytes: withChange({ tags: Array.from({ length: 65 }, () => 'a') }) },
    { fault: 'a parent that is no id', bytes: withChange({ parent: 'abc' }) },
    { fault: 'a parent with bits left over', bytes: withChange({ parent: 'abcdefghijklmnopqrstuvwxyz' }) },
    { fault: 'totals that lack one', bytes: withChange({ totals: { ...totals, added: undefined } }) },
    { fault: 'totals with one more', bytes: withChange({ totals: { ...totals, more: 1 } }) },
    { fault: 'a byte too many', bytes: concat(sound, new Uint8Array(1)) },
    { fault: 'a byte too few', bytes: sound.subarray(0, -1) },
    { fault: 'no bytes', bytes: new Uint8Array(0) },
  ]
  parseSnapshot(withChange({}))
  return refused(cases, parseSnapshot)
}

async function refusedRepositories() {
  const sound = formatRepositoryFile({ createdAtMilliseconds: 1, contentKey: new Secret(CONTENT_KEY) })
  const fields = { version: 1, created: 1, contentKey: CONTENT_KEY }
  const cases: readonly Fault[] = [
    { fault: 'version 2', bytes: encodeFields({ ...fields, version: 2 }) },
    { fault: 'no content key', bytes: encodeFields({ ...fields, contentKey: undefined }) },
    { fault: 'a content key of 31 bytes', bytes: encodeFields({ ...fields, contentKey: pattern(600, 31) }) },
    { fault: 'a drop key of 33 bytes', bytes: encodeFields({ ...fields, dropKey: pattern(600, 33) }) },
    { fault: 'an unknown field', bytes: encodeFields({ ...fields, more: 1 }) },
    { fault: 'more than 1,024 bytes', bytes: encodeFields({ ...fields, more: new Uint8Array(1024) }) },
    { fault: 'a byte too many', bytes: concat(sound, new Uint8Array(1)) },
    { fault: 'a byte too few', bytes: sound.subarray(0, -1) },
    { fault: 'no bytes', bytes: new Uint8Array(0) },
  ]
  return refused(cases, parseRepositoryFile)
}
