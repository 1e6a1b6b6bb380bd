/**
 * Directories as bytes (FORMAT §17): names and capabilities of children, in nodes.
 *
 * A node is two canonical CBOR maps: links, which whoever may verify sees, and body, which only readers see. The root
 * of a mutable directory stands in a slot record, every other node in an immutable file (node-file.ts).
 */
import { toReadCapability, toVerifyCapability } from './attenuate.ts'
import { compareBytes, concat, equalBytes, utf8 } from './bytes.ts'
import { FIELDS_VALUES_MAX } from './canonical-cbor.ts'
import {
  type Capability,
  type ChildCapability,
  type FileReadCapability,
  packCapability,
  unpackCapability,
  type VerifyCapability,
  type WriteCapability,
} from './capability.ts'
import { IntegrityError, InvalidInputError } from './errors.ts'
import { decodeFields, encodeFields, type FieldRecord, type Fields } from './fields.ts'
import type { BoxKey } from './hash.ts'
import { BOX_OVERHEAD_BYTES, openBox, sealBox } from './secret-box.ts'
import type { SlotContent } from './slot-record.ts'

/** Of a name in UTF-8: what file systems allow too. */
export const NAME_MAX_BYTES = 255
/** Of one node: a reader holds a node in memory. */
export const NODE_ENTRIES_MAX = 16_384
export const NODE_CHILDREN_MAX = 4096
/** A packed write capability, sealed. */
export const SEALED_WRITE_SIZE_BYTES = 33 + BOX_OVERHEAD_BYTES
export const USER_METADATA_MAX = 32
export const USER_METADATA_TEXT_MAX = 1024
/** Packed: a literal of 64 bytes, or two hashes. */
const PACKED_CAPABILITY_MAX_BYTES = 65
const ENTRY_FIELDS_REMOVED = 'removed'
/** CBOR values, names of fields included: of a node without its entries, and of an entry without its user metadata. */
const NODE_VALUES = 5
const ENTRY_VALUES_MAX = 13

export type UserMetadata = Readonly<Record<string, string | number | boolean | Uint8Array>>

/** What is known of a child besides its capability. It is the word of whoever wrote it. */
export interface EntryMetadata {
  /** Of the content; for files. */
  readonly sizeBytes?: number | undefined
  /** Milliseconds since 1970 UTC when the content was last changed. */
  readonly modifiedAtMilliseconds?: number | undefined
  /** Anything: at most USER_METADATA_MAX values; whole numbers from 0; text and bytes of up to 1,024. */
  readonly user?: UserMetadata | undefined
}

export interface DirectoryChild {
  readonly capability: ChildCapability
  /** The child's write capability, sealed for the directory's writers; see openChildWrite. */
  readonly sealedWrite: Uint8Array | undefined
  readonly metadata: EntryMetadata
}

export interface NodeEntry {
  readonly name: string
  /** Undefined: a node below has the name, and it was removed since. */
  readonly child: DirectoryChild | undefined
}

/** A node below: it has the names from `start` up to the start of the next one. */
export interface NodePointer {
  readonly start: string
  readonly file: FileReadCapability
}

export interface DirectoryNode {
  /** By name, each once. They hold, whatever the nodes below say of the same names. */
  readonly entries: readonly NodeEntry[]
  /** By start, the first of which is empty; none in a leaf. */
  readonly nodes: readonly NodePointer[]
}

/** What a verifier sees of a node. */
export interface DirectoryLinks {
  readonly nodes: readonly FileReadCapability[]
  /** Each once, in the order of their bytes, which says nothing of their names. */
  readonly children: readonly VerifyCapability[]
}

/**
 * A name as directories hold it: NFC.
 *
 * @throws InvalidInputError if it is empty, longer than 255 bytes, `.` or `..`, or holds `/`, NUL or half a character
 */
export function checkedName(name: string): string {
  const normal = name.normalize('NFC')
  const problem = problemOfName(normal)
  if (problem !== undefined) throw new InvalidInputError(`a name in a directory ${problem}`, { name: normal })
  return normal
}

function problemOfName(name: string): string | undefined {
  if (name === '' || name === '.' || name === '..') return 'is not empty and neither . nor ..'
  if (/[/\0]/.test(name)) return 'has no / and no NUL'
  if (!name.isWellFormed()) return 'is whole Unicode characters'
  if (name.length * 3 > NAME_MAX_BYTES && utf8(name).length > NAME_MAX_BYTES) {
    return `has at most ${NAME_MAX_BYTES} bytes in UTF-8`
  }
  return undefined
}

/** The order of names: that of their code points, which is that of their bytes in UTF-8. */
export function compareNames(left: string, right: string): number {
  const shared = Math.min(left.length, right.length)
  for (let index = 0; index < shared; index += 1) {
    const difference = codeOrder(left.charCodeAt(index)) - codeOrder(right.charCodeAt(index))
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

/** Halves of characters above U+FFFF come after all others. */
function codeOrder(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

/** @throws InvalidInputError if entries or nodes are too many, out of order or of the wrong shape */
export function formatDirectoryNode(node: DirectoryNode): SlotContent {
  checkNode(node)
  const children = inOrderOnce(
    node.entries.flatMap(({ child }) => {
      return child === undefined || child.capability.kind === 'lit'
        ? []
        : [packCapability(toVerifyCapability(child.capability))]
    }),
  )
  const nodes = node.nodes.map(({ file }) => packCapability(file).subarray(1))
  return {
    links: encodeFields({ children, nodes }),
    body: encodeFields({
      entries: node.entries.map(entryFields),
      starts: node.nodes.map(({ start }) => start),
    }),
  }
}

/** @throws InvalidInputError for anything that FORMAT §17 does not allow */
export function parseDirectoryNode(content: SlotContent): DirectoryNode {
  const files = parseDirectoryLinks(content.links).nodes
  const body = decodeFields(content.body, 'directory')
  const entries = body.records('entries', NODE_ENTRIES_MAX).map(readEntry)
  const starts = body.list('starts', NODE_CHILDREN_MAX)
  body.finish()
  if (starts.length !== files.length) throw new InvalidInputError('directory: a start for each node wanted')
  const nodes = files.map((file, place) => {
    const start = starts[place]
    if (typeof start !== 'string') throw new InvalidInputError('directory: a start is text')
    return { start, file }
  })
  const node = { entries, nodes }
  checkNode(node)
  return node
}

/** @throws InvalidInputError */
export function parseDirectoryLinks(links: Uint8Array): DirectoryLinks {
  const fields = decodeFields(links, 'links')
  const nodes = fields.list('nodes', NODE_CHILDREN_MAX).map((value) => {
    const file = unpackCapability(concat(FILE_ID, bytesOf(value)))
    if (file.kind !== 'file') throw new InvalidInputError('links: a node is a file')
    return file
  })
  let before: Uint8Array = new Uint8Array(0)
  const children = fields.list('children', NODE_ENTRIES_MAX).map((value) => {
    const packed = bytesOf(value)
    if (compareBytes(before, packed) >= 0) {
      throw new InvalidInputError('links: children come in the order of their bytes, each once')
    }
    before = packed
    const child = unpackCapability(packed)
    if (child.access !== 'verify') throw new InvalidInputError('links: a child is a verify capability')
    return child
  })
  fields.finish()
  return { nodes, children }
}

function inOrderOnce(packed: Uint8Array[]): readonly Uint8Array[] {
  const sorted = packed.sort(compareBytes)
  return sorted.filter((one, place) => {
    const before = sorted[place - 1]
    return before === undefined || !equalBytes(before, one)
  })
}

/** Seal a child's write capability for the writers of the directory. */
export function sealChildWrite(key: BoxKey, capability: WriteCapability): Uint8Array {
  return sealBox(key, packCapability(capability))
}

/** @throws IntegrityError if it does not open, or is not of this child */
export function openChildWrite(key: BoxKey, child: DirectoryChild): WriteCapability | undefined {
  if (child.sealedWrite === undefined) return undefined
  const packed = openBox(key, child.sealedWrite, 'the write capability of a child')
  const write = unpackCapability(packed)
  if (write.access !== 'write' || !isSameCapability(toReadCapability(write), child.capability)) {
    throw new IntegrityError('the write capability of a child is of something else')
  }
  return write
}

/** Whether both grant the same on the same thing. */
export function isSameCapability(left: Capability, right: Capability): boolean {
  return equalBytes(packCapability(left), packCapability(right))
}

const FILE_ID = Uint8Array.of(1)

function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array && value.length <= PACKED_CAPABILITY_MAX_BYTES) return value
  throw new InvalidInputError('links: packed capabilities wanted')
}

function entryFields({ name, child }: NodeEntry): FieldRecord {
  if (child === undefined) return { name, [ENTRY_FIELDS_REMOVED]: true }
  const { capability, sealedWrite, metadata } = child
  return {
    name,
    read: packCapability(capability),
    write: sealedWrite,
    size: metadata.sizeBytes,
    mtime: metadata.modifiedAtMilliseconds,
    user: metadata.user,
  }
}

function readEntry(fields: Fields): NodeEntry {
  const name = fields.text('name', NAME_MAX_BYTES)
  if (fields.has(ENTRY_FIELDS_REMOVED)) {
    if (!fields.boolean(ENTRY_FIELDS_REMOVED)) throw new InvalidInputError('directory: removed is true')
    fields.finish()
    return { name, child: undefined }
  }
  const capability = unpackCapability(fields.bytesUpTo('read', PACKED_CAPABILITY_MAX_BYTES))
  if (capability.access !== 'read') throw new InvalidInputError('directory: a child is a read capability')
  const sealedWrite = fields.optional('write', () => fields.bytes('write', SEALED_WRITE_SIZE_BYTES))
  const metadata = {
    sizeBytes: fields.optional('size', () => fields.uint('size')),
    modifiedAtMilliseconds: fields.optional('mtime', () => fields.uint('mtime')),
    user: fields.optional('user', () => readUserMetadata(fields.map('user'))),
  }
  fields.finish()
  return { name, child: { capability, sealedWrite, metadata } }
}

function readUserMetadata(map: ReadonlyMap<unknown, unknown>): UserMetadata {
  const user: Record<string, string | number | boolean | Uint8Array> = {}
  for (const [name, value] of map) {
    if (typeof name !== 'string') throw new InvalidInputError('directory: names of metadata are text')
    const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    if (!isPlain && !(value instanceof Uint8Array)) {
      throw new InvalidInputError('directory: metadata is text, whole numbers, booleans and bytes')
    }
    Object.defineProperty(user, name, { value, enumerable: true })
  }
  return user
}

function checkNode({ entries, nodes }: DirectoryNode): void {
  if (entries.length > NODE_ENTRIES_MAX) throw new InvalidInputError('directory: too many entries in a node')
  if (nodes.length > NODE_CHILDREN_MAX) throw new InvalidInputError('directory: too many nodes in a node')
  let valueCount = nodes.length + NODE_VALUES
  entries.forEach(({ name, child }, place) => {
    valueCount += ENTRY_VALUES_MAX + 2 * Object.keys(child?.metadata.user ?? {}).length
    const problem = problemOfName(name)
    if (problem !== undefined) throw new InvalidInputError(`directory: a name ${problem}`)
    const before = entries[place - 1]
    if (before !== undefined && compareNames(before.name, name) >= 0) {
      throw new InvalidInputError('directory: names come in order, each once')
    }
    if (child === undefined) {
      if (nodes.length === 0) throw new InvalidInputError('directory: nothing is removed from a leaf')
    } else checkChild(child)
  })
  if (valueCount > FIELDS_VALUES_MAX) throw new InvalidInputError('directory: too much metadata in a node')
  nodes.forEach(({ start }, place) => {
    const before = nodes[place - 1]
    const isInOrder = before === undefined ? start === '' : compareNames(before.start, start) < 0
    if (!isInOrder) throw new InvalidInputError('directory: starts come in order, the first one empty')
    const problem = before === undefined ? undefined : problemOfName(start)
    if (problem !== undefined) throw new InvalidInputError(`directory: a start is a name, which ${problem}`)
  })
}

function checkChild({ capability, sealedWrite, metadata }: DirectoryChild): void {
  const isWritable = capability.kind === 'dir-read' || capability.kind === 'slot-read'
  if (sealedWrite !== undefined && (!isWritable || sealedWrite.length !== SEALED_WRITE_SIZE_BYTES)) {
    throw new InvalidInputError('directory: only slots and directories have a write capability')
  }
  const values = Object.entries(metadata.user ?? {})
  if (values.length > USER_METADATA_MAX) {
    throw new InvalidInputError(`directory: at most ${USER_METADATA_MAX} values of metadata`)
  }
  for (const [name, value] of values) {
    const sizeOf = typeof value === 'string' || value instanceof Uint8Array ? value.length : 0
    if (name.length > USER_METADATA_TEXT_MAX || sizeOf > USER_METADATA_TEXT_MAX) {
      throw new InvalidInputError(
        `directory: metadata of at most ${USER_METADATA_TEXT_MAX} characters or bytes`,
      )
    }
    if (!name.isWellFormed() || (typeof value === 'string' && !value.isWellFormed())) {
      throw new InvalidInputError('directory: text in metadata is whole Unicode characters')
    }
    if (typeof value === 'number' && !(Number.isSafeInteger(value) && value >= 0)) {
      throw new InvalidInputError('directory: numbers in metadata are whole and not negative')
    }
  }
}
