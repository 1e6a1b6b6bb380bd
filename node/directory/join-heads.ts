/**
 * Joining the branches of a fork: whatever any of them has stays (FORMAT §16.2). An entry that was removed in one
 * branch and is in another comes back: nothing is ever lost by joining.
 */
import {
  compareNames,
  type DirectoryChild,
  type DirectoryNode,
  isSameCapability,
  NAME_MAX_BYTES,
  type NodeEntry,
  type RecordHash,
  toBase32,
  utf8,
} from '#crypto'
import type { NodeStore } from './node-store.ts'
import { entriesOf, findIn, type PresentEntry } from './nodes.ts'

export interface Branch {
  readonly root: DirectoryNode
  /** Of the record that the branch stands in. */
  readonly hash: RecordHash
}

/**
 * What the holding branch lacks of the others. Where two branches give one name to different things, the holding one
 * keeps it, and the other thing gets a name beside it.
 *
 * @returns changes to the holding branch, by name
 */
export async function joinBranches(
  holding: Branch,
  others: readonly Branch[],
  store: NodeStore,
): Promise<readonly NodeEntry[]> {
  const added = new Map<string, DirectoryChild>()
  for (const other of others) {
    for await (const { name, child } of differences(holding.root, other.root, store)) {
      const there = added.get(name) ?? (await findIn(holding.root, name, store))
      if (there === undefined) added.set(name, child)
      else if (!isSameCapability(there.capability, child.capability))
        added.set(nameBeside(name, other), child)
    }
  }
  return [...added]
    .map(([name, child]) => ({ name, child }))
    .toSorted((left, right) => compareNames(left.name, right.name))
}

/** Entries of the other root that may not be in the first. Nodes that both have in common need not be read. */
async function* differences(
  first: DirectoryNode,
  other: DirectoryNode,
  store: NodeStore,
): AsyncGenerator<PresentEntry, void, undefined> {
  const haveNodesInCommon =
    first.nodes.length === other.nodes.length &&
    first.nodes.every(({ file }, place) => {
      const twin = other.nodes[place]
      return twin !== undefined && isSameCapability(file, twin.file)
    })
  if (!haveNodesInCommon) {
    yield* entriesOf(other, store)
    return
  }
  // A name that the first root removed may still be in the nodes, and in the other branch.
  for (const { name } of first.entries) {
    const child = await findIn(other, name, store)
    if (child !== undefined) yield { name, child }
  }
  for (const { name, child } of other.entries) if (child !== undefined) yield { name, child }
}

function nameBeside(name: string, { hash }: Branch): string {
  const mark = ` (conflict ${toBase32(hash).slice(0, 8)})`
  let stem = name
  while (utf8(stem + mark).length > NAME_MAX_BYTES) stem = [...stem].slice(0, -1).join('')
  return stem + mark
}
