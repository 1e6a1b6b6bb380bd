/**
 * Entries of trees: one name in a folder, with all that is kept of it (FORMAT §18.7).
 *
 * A tree is records one after the other, by name; a record is its size (u32) and a canonical CBOR map, so a folder of
 * any size is written and read one entry at a time (tree.ts). Numbers that may be above 2^53 - 1 are byte strings.
 */
import { compareBytes } from '../bytes.ts'
import { InvalidInputError } from '../errors.ts'
import { decodeFields, encodeFields, type FieldRecord, Fields } from '../fields.ts'
import { contentFields, readContent } from './content.ts'
import { ENTRY_KINDS, type EntryKind, type ExtendedAttribute, type TreeEntry } from './types.ts'

export const ENTRY_NAME_MAX_BYTES = 4096
/** Of one record without its size: all extended attributes of a file stand in it. */
export const TREE_ENTRY_MAX_BYTES = 1024 * 1024
export const LINK_TARGET_MAX_BYTES = 65_536
export const ATTRIBUTES_MAX = 1024
export const ATTRIBUTE_NAME_MAX_BYTES = 1024
export const ATTRIBUTE_VALUE_MAX_BYTES = 262_144
/** Of the name of a user or group, in UTF-16 units. */
export const OWNER_NAME_MAX = 256
const MODE_MAX = 0o7777
const U32_MAX = 0xffffffff
const NANOSECONDS = 1_000_000_000n
const TIME_SIZE_BYTES = 12
const U64_SIZE_BYTES = 8

/** A kind's number is its place in ENTRY_KINDS, whose order never changes. */
const KIND_NUMBERS: ReadonlyMap<EntryKind, number> = new Map(
  ENTRY_KINDS.map((kind, number) => [kind, number]),
)

/**
 * The map of a record, without its size.
 *
 * @throws InvalidInputError for what parseTreeEntry refuses
 */
export function formatTreeEntry(entry: TreeEntry): Uint8Array {
  checkEntry(entry)
  const bytes = encodeFields(fieldsOf(entry))
  if (bytes.length > TREE_ENTRY_MAX_BYTES) {
    throw new InvalidInputError(`entry: at most ${TREE_ENTRY_MAX_BYTES} bytes wanted, found ${bytes.length}`)
  }
  return bytes
}

/** @throws InvalidInputError for anything that FORMAT §18.7 does not allow */
export function parseTreeEntry(bytes: Uint8Array): TreeEntry {
  if (bytes.length > TREE_ENTRY_MAX_BYTES) {
    throw new InvalidInputError(`entry: at most ${TREE_ENTRY_MAX_BYTES} bytes wanted, found ${bytes.length}`)
  }
  const fields = decodeFields(bytes, 'entry')
  const entry = readEntry(fields)
  fields.finish()
  checkEntry(entry)
  return entry
}

function fieldsOf(entry: TreeEntry): FieldRecord {
  const { content, attributes, deviceNumber } = entry
  return {
    name: entry.name,
    kind: KIND_NUMBERS.get(entry.kind),
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    user: entry.user,
    group: entry.group,
    mtime: timeBytes(entry.modifiedAtNanoseconds),
    ctime: timeBytes(entry.changedAtNanoseconds),
    inode: u64Bytes(entry.inode),
    device: u64Bytes(entry.device),
    links: entry.linkCount,
    content: content === undefined ? undefined : contentFields(content),
    sparse: entry.isSparse === true ? true : undefined,
    target: entry.target,
    rdev: deviceNumber === undefined ? undefined : u64Bytes(deviceNumber),
    xattrs:
      attributes === undefined || attributes.length === 0
        ? undefined
        : attributes.map(({ name, value }) => ({ name, value })),
  }
}

function readEntry(fields: Fields): TreeEntry {
  const kind = ENTRY_KINDS[fields.uint('kind', ENTRY_KINDS.length - 1)]
  if (kind === undefined) throw new InvalidInputError('entry: a known kind wanted')
  const isSparse = fields.optional('sparse', () => fields.boolean('sparse'))
  if (isSparse === false) throw new InvalidInputError('entry: sparse is true')
  const attributes = fields.optional('xattrs', () =>
    fields.records('xattrs', ATTRIBUTES_MAX).map(readAttribute),
  )
  if (attributes?.length === 0) throw new InvalidInputError('entry: no xattrs are left out')
  return {
    name: fields.bytesUpTo('name', ENTRY_NAME_MAX_BYTES),
    kind,
    mode: fields.uint('mode', MODE_MAX),
    uid: fields.uint('uid', U32_MAX),
    gid: fields.uint('gid', U32_MAX),
    user: fields.optional('user', () => fields.text('user', OWNER_NAME_MAX)),
    group: fields.optional('group', () => fields.text('group', OWNER_NAME_MAX)),
    modifiedAtNanoseconds: timeOf(fields.bytes('mtime', TIME_SIZE_BYTES)),
    changedAtNanoseconds: timeOf(fields.bytes('ctime', TIME_SIZE_BYTES)),
    inode: u64Of(fields.bytes('inode', U64_SIZE_BYTES)),
    device: u64Of(fields.bytes('device', U64_SIZE_BYTES)),
    linkCount: fields.uint('links', U32_MAX),
    content: fields.optional('content', () =>
      readContent(new Fields(fields.map('content'), 'entry content')),
    ),
    isSparse,
    target: fields.optional('target', () => fields.bytesUpTo('target', LINK_TARGET_MAX_BYTES)),
    deviceNumber: fields.optional('rdev', () => u64Of(fields.bytes('rdev', U64_SIZE_BYTES))),
    attributes,
  }
}

function readAttribute(fields: Fields): ExtendedAttribute {
  const attribute = {
    name: fields.bytesUpTo('name', ATTRIBUTE_NAME_MAX_BYTES),
    value: fields.bytesUpTo('value', ATTRIBUTE_VALUE_MAX_BYTES),
  }
  fields.finish()
  return attribute
}

/** What neither the types nor the kinds of fields say. */
function checkEntry(entry: TreeEntry): void {
  const { kind, content, target, deviceNumber, attributes = [] } = entry
  checkEntryName(entry.name)
  const wanted = (holds: boolean, rule: string) => {
    if (!holds) throw new InvalidInputError(`entry: ${rule}`)
  }
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
  for (const number of [entry.inode, entry.device, deviceNumber ?? 0n]) {
    wanted(number >= 0n && number < 2n ** 64n, 'a number of 64 bits is wanted')
  }
  wanted(isUint(entry.mode, MODE_MAX), 'a mode has twelve bits')
  wanted(isUint(entry.uid, U32_MAX) && isUint(entry.gid, U32_MAX), 'an owner has 32 bits')
  wanted(entry.linkCount >= 1 && isUint(entry.linkCount, U32_MAX), 'a count of links is at least 1')
  for (const name of [entry.user, entry.group]) {
    wanted(
      name === undefined || (name !== '' && name.length <= OWNER_NAME_MAX),
      'the name of an owner is too long',
    )
    wanted(name === undefined || name.isWellFormed(), 'the name of an owner is whole Unicode characters')
  }
  wanted(attributes.length <= ATTRIBUTES_MAX, `at most ${ATTRIBUTES_MAX} attributes`)
  let before: Uint8Array = new Uint8Array(0)
  for (const { name, value } of attributes) {
    wanted(compareBytes(before, name) < 0, 'attributes come by name, each once')
    wanted(name.length <= ATTRIBUTE_NAME_MAX_BYTES, 'the name of an attribute is too long')
    wanted(value.length <= ATTRIBUTE_VALUE_MAX_BYTES, 'the value of an attribute is too large')
    before = name
  }
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

const DOT = 0x2e
const SLASH = 0x2f

function isTarget(target: Uint8Array): boolean {
  return target.length >= 1 && target.length <= LINK_TARGET_MAX_BYTES && !target.includes(0)
}

function isUint(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most
}

/** Whole seconds (i64, two's complement) ‖ nanoseconds after them (u32, below 10^9). */
function timeBytes(nanoseconds: bigint): Uint8Array {
  let rest = nanoseconds % NANOSECONDS
  if (rest < 0n) rest += NANOSECONDS
  const seconds = (nanoseconds - rest) / NANOSECONDS
  if (BigInt.asIntN(64, seconds) !== seconds) throw new InvalidInputError('entry: a time is out of range')
  const bytes = new Uint8Array(TIME_SIZE_BYTES)
  const view = new DataView(bytes.buffer)
  view.setBigInt64(0, seconds)
  view.setUint32(8, Number(rest))
  return bytes
}

function timeOf(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const rest = BigInt(view.getUint32(8))
  if (rest >= NANOSECONDS) throw new InvalidInputError('entry: nanoseconds are below a second')
  return view.getBigInt64(0) * NANOSECONDS + rest
}

function u64Bytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(U64_SIZE_BYTES)
  new DataView(bytes.buffer).setBigUint64(0, value)
  return bytes
}

function u64Of(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0)
}
