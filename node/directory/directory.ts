/**
 * Directories: make, open, list and edit. A directory is read by its slot's record and the nodes that a name leads
 * through; it is written by a new record (FORMAT §17).
 */
import {
  asReadKey,
  asSlotSeed,
  type BoxKey,
  bodyKey,
  carrierOfTree,
  checkedName,
  childWriteKey,
  compareNames,
  type DirectoryChild,
  type DirectoryNode,
  type DirectoryWriteCapability,
  formatDirectoryNode,
  formatNodeFile,
  InvalidInputError,
  openChildWrite,
  openSlotContent,
  parseNodeFile,
  type ReadKey,
  Secret,
  slotKeys,
  slotWriteCapability,
  type TreeReadCapability,
  toReadCapability,
  treeReadCapability,
  verifyKeyOf,
} from '#crypto'
import type { Grid } from '../grid.ts'
import { retrieveSlot } from '../slots/retrieve.ts'
import type { SlotWarning } from '../slots/warning.ts'
import { editInTurn, noteRead, writeFirst } from './directory-editor.ts'
import { gridNodeStore, type NodeStore, parsedNode, readNodeFile, saveNodeFile } from './node-store.ts'
import { changedRoot, EMPTY_NODE, entriesOf, findIn } from './nodes.ts'
import type {
  DirectoryCapability,
  DirectoryChange,
  DirectoryOptions,
  EditReport,
  NamedChild,
} from './types.ts'

const SEED_SIZE_BYTES = 32

/**
 * A new directory, with entries from the start.
 *
 * @throws UnhappyError if too few servers took it; ConflictError and NotFoundError as editDirectory
 */
export async function makeDirectory(
  grid: Grid,
  changes: readonly DirectoryChange[],
  options: DirectoryOptions,
): Promise<DirectoryWriteCapability> {
  const capability = slotWriteCapability('dir', asSlotSeed(grid.random.bytes(SEED_SIZE_BYTES)))
  await writeFirst(grid, capability, { changes, options })
  return capability
}

/**
 * Change a directory: all of the changes happen at once, or none. Changes to what others have changed meanwhile are
 * made again on what is found; edits of one process are written together.
 *
 * @throws ConflictError if a name is taken, or others changed the directory again and again; NotFoundError if a name,
 *   or the directory, is not there; UnhappyError if too few servers took it; InvalidInputError for a name that
 *   cannot be
 */
export function editDirectory(
  grid: Grid,
  capability: DirectoryWriteCapability,
  changes: readonly DirectoryChange[],
  options: DirectoryOptions,
): Promise<EditReport> {
  for (const change of changes) {
    for (const name of change.kind === 'rename' ? [change.from, change.to] : [change.name]) checkedName(name)
  }
  return editInTurn(grid, capability, { changes, options })
}

/**
 * An immutable directory. Write capabilities of children are weakened: a tree has no writers.
 *
 * @throws InvalidInputError for names that cannot be or come twice; what uploads throw
 */
export async function makeTree(
  grid: Grid,
  children: readonly NamedChild[],
  options: DirectoryOptions,
): Promise<TreeReadCapability> {
  const readKey = asReadKey(grid.random.bytes(SEED_SIZE_BYTES))
  const entries = children
    .map(({ name, capability, metadata }) => {
      const child = { capability: toReadCapability(capability), sealedWrite: undefined, metadata }
      return { name: checkedName(name), child }
    })
    .toSorted((left, right) => compareNames(left.name, right.name))
  const twice = entries.find(({ name }, place) => entries[place + 1]?.name === name)
  if (twice !== undefined)
    throw new InvalidInputError(`two children have the name ${JSON.stringify(twice.name)}`)
  const root = await changedRoot(EMPTY_NODE, entries, gridNodeStore(grid, bodyKey(readKey), options))
  const bytes = formatNodeFile(formatDirectoryNode(root), bodyKey(readKey))
  const carrier = await saveNodeFile(grid, bytes, {
    ...options,
    readKey: new Secret(asReadKey(verifyKeyOf(readKey))),
  })
  return treeReadCapability(readKey, carrier.root)
}

/** A directory as it stood when it was opened. */
export class Directory {
  readonly warnings: readonly SlotWarning[]
  readonly #root: DirectoryNode
  readonly #store: NodeStore
  /** Undefined: opened without the right to write. */
  readonly #childWriteKey: BoxKey | undefined

  /** By openDirectory only. */
  constructor(parts: {
    readonly root: DirectoryNode
    readonly store: NodeStore
    readonly childWriteKey: BoxKey | undefined
    readonly warnings: readonly SlotWarning[]
  }) {
    this.warnings = parts.warnings
    this.#root = parts.root
    this.#store = parts.store
    this.#childWriteKey = parts.childWriteKey
  }

  /** @throws InvalidInputError for a name that cannot be */
  async find(name: string): Promise<NamedChild | undefined> {
    const normal = checkedName(name)
    const child = await findIn(this.#root, normal, this.#store)
    return child === undefined ? undefined : this.#named(normal, child)
  }

  /** By name; may be iterated any number of times. */
  async *entries(): AsyncGenerator<NamedChild, void, undefined> {
    for await (const { name, child } of entriesOf(this.#root, this.#store)) yield this.#named(name, child)
  }

  #named(name: string, child: DirectoryChild): NamedChild {
    const key = this.#childWriteKey
    const write = key === undefined ? undefined : openChildWrite(key, child)
    return { name, capability: write ?? child.capability, metadata: child.metadata }
  }
}

/**
 * Read a directory's root.
 *
 * @throws NotFoundError if the grid has no such directory; NotEnoughSharesError; IntegrityError if it is none
 */
export async function openDirectory(
  grid: Grid,
  capability: DirectoryCapability,
  options: DirectoryOptions,
): Promise<Directory> {
  if (capability.kind === 'tree') {
    const readKey = capability.readKey.reveal()
    const bytes = await readNodeFile(grid, carrierOfTree(capability), options)
    const root = parsedNode(() => parseNodeFile(bytes, bodyKey(readKey)))
    return directoryOf(grid, readKey, { root, options, warnings: [], childWriteKey: undefined })
  }
  const isWritable = capability.kind === 'dir'
  const { publicKey, readKey } = isWritable ? slotKeys(capability.seed.reveal()) : capability
  const slot = await retrieveSlot(grid, publicKey, options)
  if (isWritable) noteRead(grid, publicKey, slot)
  const root = parsedNode(() => openSlotContent(slot.record, readKey.reveal()))
  const key = isWritable ? childWriteKey(capability.seed.reveal()) : undefined
  return directoryOf(grid, readKey.reveal(), { root, options, warnings: slot.warnings, childWriteKey: key })
}

function directoryOf(
  grid: Grid,
  readKey: ReadKey,
  parts: {
    readonly root: DirectoryNode
    readonly options: DirectoryOptions
    readonly warnings: readonly SlotWarning[]
    readonly childWriteKey: BoxKey | undefined
  },
): Directory {
  return new Directory({ ...parts, store: gridNodeStore(grid, bodyKey(readKey), parts.options) })
}
