/** Vectors of what must be refused of directories (FORMAT §17): one fault each. */
import {
  asBoxKey,
  bodyKey,
  childWriteKey,
  compareBytes,
  concat,
  encodeFields,
  type FieldRecord,
  formatDirectoryNode,
  formatNodeFile,
  literalCapability,
  openChildWrite,
  packCapability,
  parseDirectoryLinks,
  parseDirectoryNode,
  parseNodeFile,
  type SlotContent,
  sealBox,
  slotKeys,
  slotWriteCapability,
  toReadCapability,
  toVerifyCapability,
  utf8,
} from '#crypto'
import { CHILD_DIRECTORY, CHILD_SLOT, entry, NODE_FILES } from './directory-vectors.ts'
import { hex, pattern } from './pattern.ts'
import { mustRefuse } from './refused-vectors.ts'
import { OTHER_SEED, SLOT_FILE, SLOT_SEED } from './slot-vectors.ts'

const key = childWriteKey(SLOT_SEED)
const noLinks = encodeFields({ children: [], nodes: [] })
const literal = packCapability(literalCapability(utf8('x')))
const dirRead = packCapability(toReadCapability(CHILD_DIRECTORY))
const sealedWrite = sealBox(key, packCapability(CHILD_DIRECTORY))

export async function refusedDirectoryVectors() {
  return {
    directory_links_refused: await refusedLinks(),
    directory_node_refused: await refusedNodes(),
    directory_write_refused: await refusedWrites(),
    node_file_refused: await refusedNodeFiles(),
  }
}

async function refusedLinks() {
  const [first = literal, second = literal] = [CHILD_SLOT, CHILD_DIRECTORY]
    .map((one) => packCapability(toVerifyCapability(one)))
    .sort(compareBytes)
  const node = packCapability(SLOT_FILE).subarray(1)
  const cases = [
    { fault: 'children out of order', links: encodeFields({ children: [second, first], nodes: [] }) },
    { fault: 'a child twice', links: encodeFields({ children: [first, first], nodes: [] }) },
    { fault: 'a child that reads', links: encodeFields({ children: [dirRead], nodes: [] }) },
    {
      fault: 'a child that writes',
      links: encodeFields({ children: [packCapability(CHILD_SLOT)], nodes: [] }),
    },
    { fault: 'a literal as child', links: encodeFields({ children: [literal], nodes: [] }) },
    {
      fault: 'a child of an unknown kind',
      links: encodeFields({ children: [Uint8Array.of(11)], nodes: [] }),
    },
    { fault: 'a child that is text', links: encodeFields({ children: ['a'], nodes: [] }) },
    { fault: 'an empty child', links: encodeFields({ children: [new Uint8Array(0)], nodes: [] }) },
    { fault: 'a node of 63 bytes', links: encodeFields({ children: [], nodes: [node.subarray(1)] }) },
    { fault: 'a packed node', links: encodeFields({ children: [], nodes: [packCapability(SLOT_FILE)] }) },
    { fault: 'an unknown field', links: encodeFields({ children: [], nodes: [], more: 1 }) },
    { fault: 'no nodes', links: encodeFields({ children: [] }) },
    { fault: 'no children', links: encodeFields({ nodes: [] }) },
    { fault: 'keys out of order', links: swappedKeys() },
    { fault: 'a byte too many', links: concat(noLinks, Uint8Array.of(0)) },
    { fault: 'no bytes', links: new Uint8Array(0) },
  ]
  for (const { fault, links } of cases) await mustRefuse(fault, () => parseDirectoryLinks(links))
  return cases.map(({ fault, links }) => ({ fault, links: hex(links) }))
}

/** A map with `children` before `nodes`, which is shorter. */
function swappedKeys(): Uint8Array {
  const children = concat(Uint8Array.of(0x68), utf8('children'), Uint8Array.of(0x80))
  const nodes = concat(Uint8Array.of(0x65), utf8('nodes'), Uint8Array.of(0x80))
  return concat(Uint8Array.of(0xa2), children, nodes)
}

const one = { name: 'a', read: literal }
const NULL = Uint8Array.of(0xf6)
const below = encodeFields({
  children: [],
  nodes: NODE_FILES.slice(0, 2).map((file) => packCapability(file).subarray(1)),
})

function leafOf(fault: string, ...entries: readonly FieldRecord[]) {
  return { fault, links: noLinks, body: encodeFields({ entries, starts: [] }) }
}

function startsOf(fault: string, ...starts: readonly string[]) {
  return { fault, links: below, body: encodeFields({ entries: [], starts }) }
}

async function refusedNodes() {
  const manyUserFields = Object.fromEntries(Array.from({ length: 33 }, (_, place) => [`${place}`, place]))
  const body = encodeFields({ entries: [one], starts: [] })
  const noEntries = encodeFields({ entries: [], starts: [] })
  const cases: readonly (SlotContent & { readonly fault: string })[] = [
    leafOf('names out of order', { ...one, name: 'b' }, one),
    leafOf('a name twice', one, one),
    leafOf('names in the order of UTF-16', { ...one, name: '\u{1f5ff}' }, { ...one, name: '\u{ffff}' }),
    leafOf('a name that is empty', { ...one, name: '' }),
    leafOf('the name .', { ...one, name: '.' }),
    leafOf('the name ..', { ...one, name: '..' }),
    leafOf('a name with /', { ...one, name: 'a/b' }),
    leafOf('a name with U+0000', { ...one, name: 'a\0' }),
    leafOf('a name of 256 bytes', { ...one, name: `${'\u{1f5ff}'.repeat(63)}abcd` }),
    leafOf('a name that is bytes', { ...one, name: utf8('a') }),
    leafOf('no name', { read: literal }),
    leafOf('no capability', { name: 'a' }),
    leafOf('a child that verifies', { name: 'a', read: packCapability(toVerifyCapability(SLOT_FILE)) }),
    leafOf('a child that writes', { name: 'a', read: packCapability(CHILD_DIRECTORY) }),
    leafOf('a child of an unknown kind', { name: 'a', read: Uint8Array.of(11) }),
    leafOf('a child of 64 bytes', { name: 'a', read: dirRead.subarray(0, -1) }),
    leafOf('the write capability of a file', {
      name: 'a',
      read: packCapability(SLOT_FILE),
      write: sealedWrite,
    }),
    leafOf('the write capability of a literal', { ...one, write: sealedWrite }),
    leafOf('a write capability of 72 bytes', { name: 'a', read: dirRead, write: sealedWrite.subarray(1) }),
    leafOf('a size that is text', { ...one, size: '1' }),
    leafOf('an unknown field of an entry', { ...one, more: 1 }),
    leafOf('33 values of metadata', { ...one, user: manyUserFields }),
    leafOf('metadata of 1,025 characters', { ...one, user: { a: 'x'.repeat(1025) } }),
    leafOf('metadata of 1,025 bytes', { ...one, user: { a: new Uint8Array(1025) } }),
    leafOf('a name of metadata of 1,025 characters', { ...one, user: { ['x'.repeat(1025)]: 1 } }),
    leafOf('metadata in an array', { ...one, user: { a: [1] } }),
    leafOf('metadata in a map', { ...one, user: { a: {} } }),
    leafOf('metadata that is no map', { ...one, user: 'a' }),
    leafOf('a name removed in a leaf', { name: 'a', removed: true }),
    {
      fault: 'a name that is not removed',
      links: below,
      body: encodeFields({ entries: [{ name: 'a', removed: false }], starts: ['', 'b'] }),
    },
    {
      fault: 'a name removed that has a child',
      links: below,
      body: encodeFields({ entries: [{ ...one, removed: true }], starts: ['', 'b'] }),
    },
    startsOf('a start that is not empty', 'a', 'b'),
    startsOf('starts out of order', '', ''),
    startsOf('a start that is no name', '', 'a/b'),
    startsOf('a start too few', ''),
    startsOf('a start too many', '', 'b', 'c'),
    { fault: 'starts without nodes', links: noLinks, body: encodeFields({ entries: [], starts: [''] }) },
    { fault: 'nodes without starts', links: below, body: encodeFields({ entries: [], starts: [] }) },
    { fault: 'an entry that is no map', links: noLinks, body: encodeFields({ entries: [1], starts: [] }) },
    { fault: 'no entries', links: noLinks, body: encodeFields({ starts: [] }) },
    { fault: 'no starts', links: noLinks, body: encodeFields({ entries: [] }) },
    {
      fault: 'an unknown field',
      links: noLinks,
      body: encodeFields({ entries: [], starts: [], more: true }),
    },
    { fault: 'a byte too many', links: noLinks, body: concat(body, Uint8Array.of(0)) },
    { fault: 'a byte too few', links: noLinks, body: body.subarray(0, -1) },
    { fault: 'a name that is not UTF-8', links: noLinks, body: withoutUtf8(body) },
    { fault: 'entries that are null', links: noLinks, body: concat(noEntries.subarray(0, -1), NULL) },
    { fault: 'no links', links: new Uint8Array(0), body },
    { fault: 'a slot', links: noLinks, body: encodeFields({ value: pattern(520, 3) }) },
  ]
  for (const { fault, ...content } of cases) await mustRefuse(fault, () => parseDirectoryNode(content))
  return cases.map(({ fault, links, body: bytes }) => ({ fault, links: hex(links), body: hex(bytes) }))
}

/** With the byte FF as the text `a`. */
function withoutUtf8(body: Uint8Array): Uint8Array {
  const text = Uint8Array.of(0x61, 0x61)
  const bytes = body.slice()
  for (let at = 0; at + 1 < bytes.length; at += 1) {
    if (compareBytes(bytes.subarray(at, at + 2), text) === 0) {
      bytes[at + 1] = 0xff
      return bytes
    }
  }
  throw new Error('the name stands in the body')
}

async function refusedWrites() {
  const child = { capability: toReadCapability(CHILD_DIRECTORY), metadata: {} }
  const asSlot = slotWriteCapability('slot', CHILD_DIRECTORY.seed.reveal())
  const box = (content: Uint8Array) => sealBox(key, content)
  const cases = [
    { fault: 'of another directory', write: box(packCapability(slotWriteCapability('dir', OTHER_SEED))) },
    { fault: 'of the same seed as a slot', write: box(packCapability(asSlot)) },
    { fault: 'a read capability', write: box(dirRead) },
    { fault: 'no capability', write: box(pattern(537, 33)) },
    {
      fault: 'sealed under another key',
      write: sealBox(asBoxKey(pattern(538, 32)), packCapability(CHILD_DIRECTORY)),
    },
    {
      fault: 'sealed for a context',
      write: sealBox(key, packCapability(CHILD_DIRECTORY), Uint8Array.of(1)),
    },
  ]
  for (const { fault, write } of cases) {
    await mustRefuse(fault, () => openChildWrite(key, { ...child, sealedWrite: write }))
  }
  return cases.map(({ fault, write }) => ({
    fault,
    childWriteKey: hex(key),
    read: hex(dirRead),
    write: hex(write),
  }))
}

async function refusedNodeFiles() {
  const sealing = bodyKey(slotKeys(SLOT_SEED).readKey.reveal())
  const content = formatDirectoryNode({ entries: [entry('a', SLOT_FILE)], nodes: [] })
  const sound = formatNodeFile(content, sealing)
  const changed = (at: number, ...values: readonly number[]): Uint8Array => {
    const bytes = sound.slice()
    bytes.set(values, at)
    return bytes
  }
  const size = content.links.length
  const flipped = changed(sound.length - 20, (sound[sound.length - 20] ?? 0) ^ 1)
  const cases = [
    { fault: 'version 2', file: changed(0, 2) },
    { fault: 'version 0', file: changed(0, 0) },
    { fault: 'links past the end', file: changed(1, 0, 0, 255, 255) },
    { fault: 'links of 2^32 - 1 bytes', file: changed(1, 255, 255, 255, 255) },
    { fault: 'links that leave 39 bytes', file: sound.slice(0, 5 + size + 39) },
    { fault: 'a byte too few', file: sound.slice(0, -1) },
    { fault: 'a byte too many', file: concat(sound, Uint8Array.of(0)) },
    { fault: 'links said to be smaller', file: changed(4, size - 1) },
    { fault: 'a byte of the body changed', file: flipped },
    { fault: 'no bytes', file: new Uint8Array(0) },
    { fault: 'a head and no more', file: sound.slice(0, 5) },
    { fault: 'sealed under another key', file: formatNodeFile(content, asBoxKey(pattern(539, 32))) },
  ]
  for (const { fault, file } of cases) await mustRefuse(fault, () => parseNodeFile(file, sealing))
  return cases.map(({ fault, file }) => ({ fault, bodyKey: hex(sealing), file: hex(file) }))
}
