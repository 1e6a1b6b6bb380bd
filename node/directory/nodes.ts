/**
 * A directory as a tree of nodes: looking up, listing and changing (FORMAT §17.1).
 *
 * The root gathers changes; when they have grown to more than it may hold, they are written into the leaves they belong
 * to, all at once. So a change costs the root's record, and now and then a few leaves, however long the directory is.
 */
import {
  assert,
  compareNames,
  type DirectoryChild,
  type DirectoryNode,
  encodeFields,
  IntegrityError,
  type NodeEntry,
  type NodePointer,
  utf8,
} from '#crypto'
import { mapInOrder } from '../flow.ts'
import {
  LEAF_MAX_BYTES,
  LEAF_MIN_BYTES,
  LEAF_TARGET_BYTES,
  NODE_DEPTH_MAX,
  NODE_POINTERS_MAX,
  NODES_IN_FLIGHT_MAX,
  ROOT_ENTRIES_MAX_BYTES,
} from '../limits.ts'
import type { NodeStore } from './node-store.ts'

/** A directory that never had an entry. */
export const EMPTY_NODE: DirectoryNode = Object.freeze({ entries: [], nodes: [] })

/** An entry that is there. */
export interface PresentEntry extends NodeEntry {
  readonly child: DirectoryChild
}

/** @throws IntegrityError if the nodes are deeper than FORMAT §17.1 allows */
export async function findIn(
  root: DirectoryNode,
  name: string,
  store: NodeStore,
): Promise<DirectoryChild | undefined> {
  let node = root
  for (let depth = 0; ; depth += 1) {
    const own = entryAt(node.entries, name)
    if (own !== undefined) return own.child
    const pointer = node.nodes[placeOf(node.nodes, name)]
    if (pointer === undefined) return undefined
    requireDepth(depth)
    node = await store.load(pointer.file)
  }
}

/** Every entry, by name. Some nodes are read ahead. */
export async function* entriesOf(
  node: DirectoryNode,
  store: NodeStore,
  depth = 0,
): AsyncGenerator<PresentEntry, void, undefined> {
  if (node.nodes.length === 0) {
    yield* node.entries.filter(isPresent)
    return
  }
  requireDepth(depth)
  let place = 0
  for await (const entry of entriesBelow(node, store, depth)) {
    for (let own = node.entries[place]; own !== undefined; own = node.entries[place]) {
      if (compareNames(own.name, entry.name) >= 0) break
      place += 1
      if (isPresent(own)) yield own
    }
    if (node.entries[place]?.name !== entry.name) yield entry
  }
  yield* node.entries.slice(place).filter(isPresent)
}

/** Of the nodes below, each only for the names that its pointer gives it. */
async function* entriesBelow(
  node: DirectoryNode,
  store: NodeStore,
  depth: number,
): AsyncGenerator<PresentEntry, void, undefined> {
  const pointers = node.nodes.entries()
  const loaded = mapInOrder(pointers, NODES_IN_FLIGHT_MAX, async ([place, { start, file }]) => {
    return { below: await store.load(file), start, end: node.nodes[place + 1]?.start }
  })
  for await (const { below, start, end } of loaded) {
    for await (const entry of entriesOf(below, store, depth + 1)) {
      const isInside = compareNames(entry.name, start) >= 0
      if (isInside && (end === undefined || compareNames(entry.name, end) < 0)) yield entry
    }
  }
}

/**
 * The root after some changes.
 *
 * @param changes by name, each name once; without a child: removed
 */
export async function changedRoot(
  root: DirectoryNode,
  changes: readonly NodeEntry[],
  store: NodeStore,
): Promise<DirectoryNode> {
  const merged = mergeEntries(root.entries, changes)
  const entries = root.nodes.length === 0 ? merged.filter(isPresent) : merged
  if (sizeOf(entries) <= ROOT_ENTRIES_MAX_BYTES) return { entries, nodes: root.nodes }
  let nodes = await changedNodes(root.nodes, entries, { store, depth: 0 })
  while (nodes.length > NODE_POINTERS_MAX) nodes = await savedPointers(innerDrafts(nodes, ''), store)
  return collapsed(nodes, store)
}

/** A node that stands nowhere yet, and the first name it may have. */
interface Draft {
  readonly start: string
  readonly node: DirectoryNode
}

async function changedNodes(
  pointers: readonly NodePointer[],
  changes: readonly NodeEntry[],
  where: { readonly store: NodeStore; readonly depth: number },
): Promise<readonly NodePointer[]> {
  const { store, depth } = where
  requireDepth(depth)
  if (pointers.length === 0) return savedPointers(leafDrafts(changes.filter(isPresent), ''), store)
  const groups = Map.groupBy(changes, ({ name }) => placeOf(pointers, name))
  const result: (NodePointer | Draft)[] = []
  /** Entries of neighbouring leaves that are written anew together. */
  let run: { readonly start: string; readonly entries: PresentEntry[] } | undefined
  const endRun = (): void => {
    if (run !== undefined) result.push(...leafDrafts(run.entries, run.start))
    run = undefined
  }
  const visited = mapInOrder(pointers.entries(), NODES_IN_FLIGHT_MAX, async ([place, pointer]) => {
    const mine = groups.get(place) ?? []
    return { pointer, mine, node: mine.length === 0 ? undefined : await store.load(pointer.file) }
  })
  for await (const { pointer, mine, node } of visited) {
    const isWanted: boolean = run !== undefined && sizeOf(run.entries) < LEAF_MIN_BYTES
    const below = node ?? (isWanted ? await store.load(pointer.file) : undefined)
    if (below === undefined || (mine.length === 0 && below.nodes.length > 0)) {
      endRun()
      result.push(pointer)
    } else if (below.nodes.length > 0) {
      endRun()
      const nodes = await changedNodes(below.nodes, mergeEntries(below.entries, mine), {
        store,
        depth: depth + 1,
      })
      result.push(...innerDrafts(nodes, pointer.start))
    } else {
      run ??= { start: pointer.start, entries: [] }
      run.entries.push(...mergeEntries(below.entries, mine).filter(isPresent))
    }
  }
  endRun()
  return savedPointers(result, store)
}

/** Nothing is left of a start when what was below it has gone: the first node takes the names from the first on. */
async function savedPointers(
  drafts: readonly (NodePointer | Draft)[],
  store: NodeStore,
): Promise<readonly NodePointer[]> {
  const pointers: NodePointer[] = []
  const saved = mapInOrder(drafts, NODES_IN_FLIGHT_MAX, async (draft) =>
    'file' in draft ? draft : { start: draft.start, file: await store.save(draft.node) },
  )
  for await (const { start, file } of saved)
    pointers.push({ start: pointers.length === 0 ? '' : start, file })
  return pointers
}

/** Leaves of about equal size. */
function leafDrafts(entries: readonly PresentEntry[], start: string): readonly Draft[] {
  if (entries.length === 0) return []
  const total = sizeOf(entries)
  const count = total <= LEAF_MAX_BYTES ? 1 : Math.ceil(total / LEAF_TARGET_BYTES)
  const drafts: Draft[] = []
  let leaf: PresentEntry[] = []
  let sizeBytes = 0
  const end = (): void => {
    const first = leaf[0]
    if (first === undefined) return
    drafts.push({ start: drafts.length === 0 ? start : first.name, node: { entries: leaf, nodes: [] } })
    leaf = []
    sizeBytes = 0
  }
  for (const entry of entries) {
    leaf.push(entry)
    sizeBytes += entrySize(entry)
    if (sizeBytes >= total / count) end()
  }
  end()
  return drafts
}

function innerDrafts(pointers: readonly NodePointer[], start: string): readonly Draft[] {
  const count = Math.ceil(pointers.length / NODE_POINTERS_MAX)
  const perNode = Math.ceil(pointers.length / count)
  return Array.from({ length: count }, (_, place) => {
    const nodes = pointers.slice(place * perNode, (place + 1) * perNode)
    const first = nodes[0]
    assert(first !== undefined, 'an inner node has nodes below it')
    const below = [{ ...first, start: '' }, ...nodes.slice(1)]
    return { start: place === 0 ? start : first.start, node: { entries: [], nodes: below } }
  })
}

/** A directory that has become small stands in its root again. */
async function collapsed(pointers: readonly NodePointer[], store: NodeStore): Promise<DirectoryNode> {
  let nodes = pointers
  for (;;) {
    const [only, ...others] = nodes
    if (only === undefined || others.length > 0) return { entries: [], nodes }
    const node = await store.load(only.file)
    if (node.nodes.length === 0) {
      return sizeOf(node.entries) <= ROOT_ENTRIES_MAX_BYTES / 2 ? node : { entries: [], nodes }
    }
    if (node.entries.length > 0) return { entries: [], nodes }
    nodes = node.nodes
  }
}

/** Both by name; what changed holds. */
export function mergeEntries(
  entries: readonly NodeEntry[],
  changes: readonly NodeEntry[],
): readonly NodeEntry[] {
  const merged: NodeEntry[] = []
  let place = 0
  for (const change of changes) {
    for (let entry = entries[place]; entry !== undefined; entry = entries[place]) {
      const order = compareNames(entry.name, change.name)
      if (order > 0) break
      if (order < 0) merged.push(entry)
      place += 1
    }
    merged.push(change)
  }
  return [...merged, ...entries.slice(place)]
}

export function isPresent(entry: NodeEntry): entry is PresentEntry {
  return entry.child !== undefined
}

function entryAt(entries: readonly NodeEntry[], name: string): NodeEntry | undefined {
  const place = lastNotAbove(entries.length, (at) => compareNames(entries[at]?.name ?? '', name))
  return entries[place]?.name === name ? entries[place] : undefined
}

/** Which node has a name; -1 if there are no nodes. */
function placeOf(pointers: readonly NodePointer[], name: string): number {
  return lastNotAbove(pointers.length, (at) => compareNames(pointers[at]?.start ?? '', name))
}

/** The last place whose comparison is not positive; -1 if there is none. Comparisons ascend. */
function lastNotAbove(count: number, compare: (place: number) => number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (compare(middle) <= 0) low = middle + 1
    else high = middle
  }
  return low - 1
}

function sizeOf(entries: readonly NodeEntry[]): number {
  let sizeBytes = 0
  for (const entry of entries) sizeBytes += entrySize(entry)
  return sizeBytes
}

const sizes = new WeakMap<NodeEntry, number>()
/** Field names and heads of an entry, a packed capability in the body and its verify form in the links. */
const ENTRY_OVERHEAD_BYTES = 40
const CAPABILITY_BYTES = 67

/** About as many bytes as an entry takes in body and links. */
function entrySize(entry: NodeEntry): number {
  const known = sizes.get(entry)
  if (known !== undefined) return known
  const { name, child } = entry
  let sizeBytes = ENTRY_OVERHEAD_BYTES + utf8(name).length
  if (child !== undefined) {
    const { user } = child.metadata
    sizeBytes += 2 * CAPABILITY_BYTES + (child.sealedWrite === undefined ? 0 : child.sealedWrite.length + 8)
    if (user !== undefined) sizeBytes += encodeFields({ user }).length
  }
  sizes.set(entry, sizeBytes)
  return sizeBytes
}

function requireDepth(depth: number): void {
  if (depth < NODE_DEPTH_MAX) return
  throw new IntegrityError(`the nodes of a directory are at most ${NODE_DEPTH_MAX} deep`)
}
