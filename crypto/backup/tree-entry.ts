/**
 * Entries of trees: one name in a folder, with all that is kept of it (FORMAT §18.7).
 *
 * A record, with integers big-endian:
 *
 * | part | size |
 * |---|---|
 * | size of all after it | 4 |
 * | kind: its place in ENTRY_KINDS | 1 |
 * | mode | 2 |
 * | uid, gid | 4, 4 |
 * | mtime, ctime: whole seconds (i64) and nanoseconds after them (u32) | 12, 12 |
 * | inode, device | 8, 8 |
 * | count of links | 4 |
 * | name, after its size (u16) | 2 and more |
 * | user and group in UTF-8, each after its size (u8); no bytes: not known | 1 and more, 1 and more |
 * | what the kind has: see below | |
 * | number of extended attributes | 2 |
 * | for each, by name: size of its name, size of its value, name, value | 2, 4 and more |
 *
 * A file has a byte, 1 if it is sparse, else 0, and its content; a folder its content; a symlink its target after its
 * size (u16); a device its number (u64). Every backup reads and writes trees, so a record is no CBOR: a quarter of
 * the time, and two thirds of the bytes.
 */
import { ByteReader, ByteWriter, compareBytes, utf8 } from '../bytes.ts'
import { InvalidInputError } from '../errors.ts'
import { contentSizeOf, readContent, writeContent } from './content.ts'
import { ENTRY_KINDS, type EntryKind, type ExtendedAttribute, type TreeEntry } from './types.ts'

/** Of a whole record: all extended attributes of a file stand in it. */
export const TREE_ENTRY_MAX_BYTES = 1024 * 1024
export const ENTRY_NAME_MAX_BYTES = 4096
export const LINK_TARGET_MAX_BYTES = 65_535
export const ATTRIBUTES_MAX = 1024
export const ATTRIBUTE_NAME_MAX_BYTES = 1024
export const ATTRIBUTE_VALUE_MAX_BYTES = 262_144
/** Of the name of a user or group, in UTF-8. */
export const OWNER_NAME_MAX_BYTES = 255
export const RECORD_SIZE_BYTES = 4
/** All up to the name, without the size. */
const FIXED_SIZE_BYTES = 55
const MODE_MAX = 0o7777
const U32_MAX = 0xffffffff
const NANOSECONDS = 1_000_000_000n
const DOT = 0x2e
const SLASH = 0x2f
const NO_BYTES = new Uint8Array(0)
const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const KIND_NUMBERS: ReadonlyMap<EntryKind, number> = new Map(
  ENTRY_KINDS.map((kind, number) => [kind, number]),
)

/**
 * A record.
 *
 * @throws InvalidInputError for what parseTreeEntry refuses
 */
export function formatTreeEntry(entry: TreeEntry): Uint8Array {
  checkEntry(entry)
  const { name, attributes = [] } = entry
  const user = utf8(entry.user ?? '')
  const group = utf8(entry.group ?? '')
  checkOwnerName(user, entry.user)
  checkOwnerName(group, entry.group)
  const ownersBytes = 2 + user.length + group.length
  const recordBytes =
    FIXED_SIZE_BYTES + 2 + name.length + ownersBytes + kindSizeOf(entry) + attributesSizeOf(attributes)
  checkRecordSize(RECORD_SIZE_BYTES + recordBytes)
  const writer = new ByteWriter(RECORD_SIZE_BYTES + recordBytes)
    .u32(recordBytes)
    .u8(KIND_NUMBERS.get(entry.kind) ?? 0)
    .u16(entry.mode)
    .u32(entry.uid)
    .u32(entry.gid)
  writeTime(writer, entry.modifiedAtNanoseconds)
  writeTime(writer, entry.changedAtNanoseconds)
  writer.wideU64(entry.inode).wideU64(entry.device).u32(entry.linkCount)
  writer.u16(name.length).bytes(name).u8(user.length).bytes(user).u8(group.length).bytes(group)
  writeOfKind(writer, entry)
  writer.u16(attributes.length)
  for (const { name: attribute, value } of attributes) {
    writer.u16(attribute.length).u32(value.length).bytes(attribute).bytes(value)
  }
  return writer.finish()
}

/** @throws InvalidInputError for anything that FORMAT §18.7 does not allow */
export function parseTreeEntry(record: Uint8Array): TreeEntry {
  checkRecordSize(record.length)
  const reader = new ByteReader(record, 'entry')
  const recordBytes = reader.u32()
  if (recordBytes !== reader.remainingBytes) {
    throw new InvalidInputError(`entry: ${recordBytes} bytes wanted, found ${reader.remainingBytes}`)
  }
  const kind = ENTRY_KINDS[reader.u8()]
  if (kind === undefined) throw new InvalidInputError('entry: a known kind wanted')
  const mode = reader.u16()
  const uid = reader.u32()
  const gid = reader.u32()
  const modifiedAtNanoseconds = readTime(reader)
  const changedAtNanoseconds = readTime(reader)
  const inode = reader.wideU64()
  const device = reader.wideU64()
  const linkCount = reader.u32()
  const name = reader.bytes(reader.u16())
  const user = readText(reader)
  const group = readText(reader)
  const entry = {
    ...{ name, kind, mode, uid, gid, user, group, modifiedAtNanoseconds, changedAtNanoseconds },
    ...{ inode, device, linkCount },
    ...readOfKind(reader, kind),
    attributes: readAttributes(reader),
  }
  reader.finish()
  checkEntry(entry)
  return entry
}

type OfKind = Pick<TreeEntry, 'content' | 'isSparse' | 'target' | 'deviceNumber'>

function kindSizeOf({ kind, content, target }: TreeEntry): number {
  const contentBytes = content === undefined ? 0 : contentSizeOf(content)
  switch (kind) {
    case 'file':
      return 1 + contentBytes
    case 'folder':
      return contentBytes
    case 'symlink':
      return 2 + (target?.length ?? 0)
    case 'block-device':
    case 'character-device':
      return 8
    case 'fifo':
    case 'socket':
      return 0
  }
}

function writeOfKind(writer: ByteWriter, { kind, content, isSparse, target, deviceNumber }: TreeEntry): void {
  if (kind === 'file') writer.u8(isSparse === true ? 1 : 0)
  if (content !== undefined) writeContent(writer, content)
  if (target !== undefined) writer.u16(target.length).bytes(target)
  if (deviceNumber !== undefined) writer.wideU64(deviceNumber)
}

function readOfKind(reader: ByteReader, kind: EntryKind): OfKind {
  switch (kind) {
    case 'file': {
      const sparse = reader.u8()
      if (sparse > 1) throw new InvalidInputError('entry: a file is sparse or not: 1 or 0')
      return { isSparse: sparse === 1 ? true : undefined, content: readContent(reader) }
    }
    case 'folder':
      return { content: readContent(reader) }
    case 'symlink':
      return { target: reader.bytes(reader.u16()) }
    case 'block-device':
    case 'character-device':
      return { deviceNumber: reader.wideU64() }
    case 'fifo':
    case 'socket':
      return {}
  }
}

function attributesSizeOf(attributes: readonly ExtendedAttribute[]): number {
  return attributes.reduce((sum, { name, value }) => sum + 6 + name.length + value.length, 2)
}

function readAttributes(reader: ByteReader): readonly ExtendedAttribute[] | undefined {
  const count = reader.u16()
  if (count > ATTRIBUTES_MAX) throw new InvalidInputError(`entry: at most ${ATTRIBUTES_MAX} attributes`)
  const attributes: ExtendedAttribute[] = []
  for (let index = 0; index < count; index += 1) {
    const nameBytes = reader.u16()
    const valueBytes = reader.u32()
    attributes.push({ name: reader.bytes(nameBytes), value: reader.bytes(valueBytes) })
  }
  return count === 0 ? undefined : attributes
}

/** What neither the types nor the places in a record say. */
function checkEntry(entry: TreeEntry): void {
  const { kind, content, target, deviceNumber, attributes = [] } = entry
  checkEntryName(entry.name)
  const hasContent = kind === 'file' || kind === 'folder'
  wanted(hasContent === (content !== undefined), 'a file and a folder have a content, and nothing else has')
  wanted(entry.isSparse !== true || kind === 'file', 'only a file is sparse')
  wanted((kind === 'symlink') === (target !== undefined), 'a symlink has a target, and nothing else has')
  wanted(
    target === undefined || isTarget(target),
    `a target has 1 to ${LINK_TARGET_MAX_BYTES} bytes, none of them 0`,
  )
  const isDevice = kind === 'block-device' || kind === 'character-device'
  wanted(isDevice === (deviceNumber !== undefined), 'a device has a number, and nothing else has')
  wanted(
    isU64(entry.inode) && isU64(entry.device) && isU64(deviceNumber ?? 0n),
    'a number of 64 bits is wanted',
  )
  wanted(isUint(entry.mode, MODE_MAX), 'a mode has twelve bits')
  wanted(isUint(entry.uid, U32_MAX) && isUint(entry.gid, U32_MAX), 'an owner has 32 bits')
  wanted(
    entry.linkCount >= 1 && isUint(entry.linkCount, U32_MAX),
    'a count of links has 32 bits, and is not 0',
  )
  wanted(attributes.length <= ATTRIBUTES_MAX, `at most ${ATTRIBUTES_MAX} attributes`)
  let before: Uint8Array = NO_BYTES
  for (const { name, value } of attributes) {
    wanted(compareBytes(before, name) < 0, 'attributes come by name, each once')
    wanted(name.length <= ATTRIBUTE_NAME_MAX_BYTES, 'the name of an attribute is too long')
    wanted(value.length <= ATTRIBUTE_VALUE_MAX_BYTES, 'the value of an attribute is too large')
    before = name
  }
}

function wanted(holds: boolean, rule: string): void {
  if (!holds) throw new InvalidInputError(`entry: ${rule}`)
}

/** @throws InvalidInputError unless a folder can have it */
export function checkEntryName(name: Uint8Array): void {
  const isDots = name.length <= 2 && name.every((byte) => byte === DOT)
  const isSound = name.length >= 1 && name.length <= ENTRY_NAME_MAX_BYTES && !isDots
  if (isSound && !name.includes(SLASH) && !name.includes(0)) return
  throw new InvalidInputError(
    `entry: a name has 1 to ${ENTRY_NAME_MAX_BYTES} bytes without / and 0, and is neither . nor ..`,
  )
}

function checkRecordSize(sizeBytes: number): void {
  if (sizeBytes <= TREE_ENTRY_MAX_BYTES) return
  throw new InvalidInputError(`entry: at most ${TREE_ENTRY_MAX_BYTES} bytes wanted, found ${sizeBytes}`)
}

function isTarget(target: Uint8Array): boolean {
  return target.length >= 1 && target.length <= LINK_TARGET_MAX_BYTES && !target.includes(0)
}

function isUint(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most
}

function isU64(value: bigint): boolean {
  return BigInt.asUintN(64, value) === value
}

/** Text that has no bytes would read as none, and half a character as another. */
function checkOwnerName(bytes: Uint8Array, name: string | undefined): void {
  if (name === undefined) return
  wanted(bytes.length >= 1 && bytes.length <= OWNER_NAME_MAX_BYTES, 'the name of an owner has 1 to 255 bytes')
  wanted(name.isWellFormed(), 'the name of an owner is whole Unicode characters')
}

function readText(reader: ByteReader): string | undefined {
  const bytes = reader.view(reader.u8())
  if (bytes.length === 0) return undefined
  try {
    return textDecoder.decode(bytes)
  } catch (cause) {
    throw new InvalidInputError('entry: the name of an owner is not UTF-8', {}, { cause })
  }
}

function writeTime(writer: ByteWriter, nanoseconds: bigint): void {
  let rest = nanoseconds % NANOSECONDS
  if (rest < 0n) rest += NANOSECONDS
  const seconds = (nanoseconds - rest) / NANOSECONDS
  wanted(BigInt.asIntN(64, seconds) === seconds, 'seconds of a time have 64 bits')
  writer.wideI64(seconds).u32(Number(rest))
}

function readTime(reader: ByteReader): bigint {
  const seconds = reader.wideI64()
  const nanoseconds = reader.u32()
  wanted(nanoseconds < 1_000_000_000, 'nanoseconds are below a second')
  return seconds * NANOSECONDS + BigInt(nanoseconds)
}
