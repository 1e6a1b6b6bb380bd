/** Vectors of directories: nodes, node files and trees (FORMAT §17). */
import {
  asFileRoot,
  asReadKey,
  asSlotSeed,
  type BulkCrypto,
  bodyKey,
  type Capability,
  type ChildCapability,
  carrierOfTree,
  childWriteKey,
  contentToShares,
  type DirectoryChild,
  type DirectoryNode,
  type Encoding,
  type EntryMetadata,
  fileReadCapability,
  formatCapability,
  formatDirectoryNode,
  formatNodeFile,
  literalCapability,
  type NodeEntry,
  openCodec,
  sealChildWrite,
  slotKeys,
  slotWriteCapability,
  toReadCapability,
  toVerifyCapability,
  treeReadCapability,
  type UserMetadata,
  utf8,
  verifyKeyOf,
  type WriteCapability,
} from '#crypto'
import { hex, pattern } from './pattern.ts'
import { hexContent, SLOT_FILE, SLOT_SEED } from './slot-vectors.ts'

const key = childWriteKey(SLOT_SEED)
export const CHILD_SLOT = slotWriteCapability('slot', asSlotSeed(pattern(530, 32)))
export const CHILD_DIRECTORY = slotWriteCapability('dir', asSlotSeed(pattern(531, 32)))
const CHILD_TREE = treeReadCapability(asReadKey(pattern(532, 32)), asFileRoot(pattern(533, 32)))
export const NODE_FILES = [540, 542, 544].map((seed) =>
  fileReadCapability(asReadKey(pattern(seed, 32)), asFileRoot(pattern(seed + 1, 32))),
)

const user: UserMetadata = Object.fromEntries([
  ['', ''],
  ['note', 'caf\u00e9'],
  ['mode', 0o644],
  ['hidden', false],
  ['key', pattern(534, 4)],
  ['__proto__', 'a name like others'],
  ['constructor', true],
])

/** In the order of their names. */
const LEAF: DirectoryNode = {
  entries: [
    entry('!', literalCapability(new Uint8Array(0))),
    entry('...', literalCapability(pattern(535, 64)), { sizeBytes: 64 }),
    entry('__proto__', SLOT_FILE, { sizeBytes: Number.MAX_SAFE_INTEGER, modifiedAtMilliseconds: 0, user }),
    entry('a file', SLOT_FILE, { sizeBytes: 1_000_000, modifiedAtMilliseconds: 1_763_856_000_000 }),
    entry('caf\u00e9', toReadCapability(CHILD_SLOT)),
    entry('constructor', CHILD_SLOT, { user: {} }),
    entry('directory', CHILD_DIRECTORY, { modifiedAtMilliseconds: 1 }),
    entry('tree', CHILD_TREE),
    entry('\u{feff}with a byte order mark', literalCapability(utf8('x'))),
    entry('\u{ffff}', literalCapability(utf8('below those above U+FFFF'))),
    entry('\u{1f5ff}'.repeat(63), literalCapability(utf8('252 bytes'))),
  ],
  nodes: [],
}

/** A root with changes that are newer than the nodes below. */
const ROOT: DirectoryNode = {
  entries: [{ name: 'gone', child: undefined }, entry('new', SLOT_FILE, { sizeBytes: 70 })],
  nodes: NODE_FILES.map((file, place) => ({ start: ['', 'h', '\u{1f5ff}'][place] ?? '', file })),
}

export async function directoryVectors(bulk: BulkCrypto, encoding: Encoding) {
  return {
    directory_node: [LEAF, ROOT, { entries: [], nodes: [] }].map(nodeVector),
    node_file: nodeFileVectors(),
    directory_tree: await treeVector(bulk, encoding),
  }
}

/** @param capability one that writes stands in the entry as its read form, and sealed */
export function entry(
  name: string,
  capability: ChildCapability | WriteCapability,
  metadata: EntryMetadata = {},
): NodeEntry {
  const isWrite = capability.access === 'write'
  const child: DirectoryChild = {
    capability: isWrite ? toReadCapability(capability) : capability,
    sealedWrite: isWrite ? sealChildWrite(key, capability) : undefined,
    metadata,
  }
  return { name, child }
}

function nodeVector(node: DirectoryNode) {
  return {
    childWriteKey: hex(key),
    entries: node.entries.map(entryVector),
    starts: node.nodes.map(({ start }) => start),
    nodes: node.nodes.map(({ file }) => formatCapability(file)),
    ...hexContent(formatDirectoryNode(node)),
  }
}

const WRITES: readonly WriteCapability[] = [CHILD_SLOT, CHILD_DIRECTORY]

function entryVector({ name, child }: NodeEntry) {
  if (child === undefined) return { name, removed: true }
  const { capability, sealedWrite, metadata } = child
  const write = WRITES.find((one) => sealedWrite !== undefined && same(toReadCapability(one), capability))
  return {
    name,
    read: formatCapability(capability),
    ...(write && { write: formatCapability(write) }),
    ...(metadata.sizeBytes !== undefined && { size: metadata.sizeBytes }),
    ...(metadata.modifiedAtMilliseconds !== undefined && { mtime: metadata.modifiedAtMilliseconds }),
    // Pairs, as an object of JSON keeps no name `__proto__` in every language.
    ...(metadata.user && {
      user: Object.entries(metadata.user).map(([field, value]) => [
        field,
        value instanceof Uint8Array ? { bytes: hex(value) } : value,
      ]),
    }),
  }
}

function same(left: Capability, right: Capability): boolean {
  return formatCapability(left) === formatCapability(right)
}

function nodeFileVectors() {
  const sealing = bodyKey(slotKeys(SLOT_SEED).readKey.reveal())
  return [LEAF, ROOT].map((node) => {
    const content = formatDirectoryNode(node)
    return { bodyKey: hex(sealing), ...hexContent(content), file: hex(formatNodeFile(content, sealing)) }
  })
}

/** A whole tree of one node. */
async function treeVector(bulk: BulkCrypto, encoding: Encoding) {
  const readKey = asReadKey(pattern(536, 32))
  const verifyKey = asReadKey(verifyKeyOf(readKey))
  const content = formatNodeFile(formatDirectoryNode(LEAF), bodyKey(readKey))
  const parts = { bulk, codec: await openCodec(encoding) }
  const { capability: carrier, shares } = await contentToShares(parts, content, {
    readKey: verifyKey,
    encoding,
  })
  const tree = treeReadCapability(readKey, carrier.root)
  const verify = toVerifyCapability(tree)
  if (!same(carrierOfTree(tree), carrier)) throw new Error('the carrier of a tree is the file of its node')
  return {
    readKey: hex(readKey),
    verifyKey: hex(verifyKey),
    bodyKey: hex(bodyKey(readKey)),
    encoding,
    node: nodeVector(LEAF),
    content: hex(content),
    capability: formatCapability(tree),
    verifyCapability: formatCapability(verify),
    carrier: formatCapability(carrier),
    carrierVerify: formatCapability(toVerifyCapability(carrier)),
    shares: shares.map((share) => ({ bytes: hex(share) })),
  }
}
