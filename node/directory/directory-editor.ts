/**
 * Edits of one directory by one process: those that come while one is being written wait, and are written together as
 * the next. So a thousand names added at once cost a few records, and a process does not race itself.
 */
import {
  bodyKey,
  childWriteKey,
  type DirectoryNode,
  type DirectoryWriteCapability,
  formatDirectoryNode,
  GridError,
  openSlotContent,
  type PublicKey,
  type ReadKey,
  RecentMap,
  type SlotContent,
  type SlotKeys,
  type SlotRecord,
  slotKeys,
  toBase32,
} from '#crypto'
import { NotFoundError } from '../errors.ts'
import { untilAborted } from '../flow.ts'
import type { Grid } from '../grid.ts'
import { CHANGES_TOGETHER_MAX, DIRECTORIES_CACHED_MAX } from '../limits.ts'
import type { RetrievedSlot } from '../slots/retrieve.ts'
import { updateSlot } from '../slots/update.ts'
import { joinBranches } from './join-heads.ts'
import { gridNodeStore, type NodeStore, parsedNode } from './node-store.ts'
import { changedRoot, EMPTY_NODE } from './nodes.ts'
import { type EditMemory, StagedEdits } from './staged-edits.ts'
import type { DirectoryChange, DirectoryOptions, EditReport } from './types.ts'

interface PendingEdit {
  readonly changes: readonly DirectoryChange[]
  readonly memory: EditMemory
  readonly signal: AbortSignal | undefined
  readonly acceptsRollback: boolean
  readonly settled: PromiseWithResolvers<EditReport>
  /** What made it impossible, at the last try. */
  refusal: GridError | undefined
}

interface GridEditors {
  readonly busy: Map<string, DirectoryEditor>
  /** Directories as this process read or left them: where nobody else wrote since, an edit need not read first. */
  readonly known: RecentMap<string, RetrievedSlot>
}

const editors = new WeakMap<Grid, GridEditors>()

/** @throws see editDirectory */
export async function editInTurn(
  grid: Grid,
  capability: DirectoryWriteCapability,
  edit: { readonly changes: readonly DirectoryChange[]; readonly options: DirectoryOptions },
): Promise<EditReport> {
  const keys = slotKeys(capability.seed.reveal())
  const name = toBase32(keys.publicKey)
  const { busy, known } = editorsOf(grid)
  const editor = busy.get(name) ?? new DirectoryEditor(grid, { capability, keys, known, name })
  busy.set(name, editor)
  try {
    return await editor.edit(edit.changes, edit.options)
  } finally {
    if (editor.isIdle) busy.delete(name)
  }
}

function editorsOf(grid: Grid): GridEditors {
  const standing = editors.get(grid)
  if (standing !== undefined) return standing
  const made = { busy: new Map(), known: new RecentMap<string, RetrievedSlot>(DIRECTORIES_CACHED_MAX) }
  editors.set(grid, made)
  return made
}

/** What was read of a directory that can be written: whoever reads one is likely to edit it next. */
export function noteRead(grid: Grid, publicKey: PublicKey, slot: RetrievedSlot): void {
  if (!slot.isSettled) return
  const name = toBase32(publicKey)
  const { known } = editorsOf(grid)
  // An edit may have ended while it was read.
  if ((known.get(name)?.record.sequence ?? 0) < slot.record.sequence) known.set(name, slot)
}

/** A directory that is not on the grid yet. Nobody else knows its keys, so there is nothing to read first. */
export async function writeFirst(
  grid: Grid,
  capability: DirectoryWriteCapability,
  edit: { readonly changes: readonly DirectoryChange[]; readonly options: DirectoryOptions },
): Promise<void> {
  const keys = slotKeys(capability.seed.reveal())
  const { options, changes } = edit
  const writer = new DirectoryWriter(grid, capability, { keys, options })
  const content = await writer.contentAfter(EMPTY_NODE, async (staged) => staged.apply(changes, new Map()))
  const { slot } = await updateSlot(grid, keys, async () => content, { ...options, base: 'new' })
  if (slot !== undefined) editorsOf(grid).known.set(toBase32(keys.publicKey), slot)
}

interface EditorParts {
  readonly capability: DirectoryWriteCapability
  readonly keys: SlotKeys
  /** Of the directory in `known`. */
  readonly name: string
  readonly known: GridEditors['known']
}

class DirectoryEditor {
  readonly #grid: Grid
  readonly #parts: EditorParts
  #waiting: PendingEdit[] = []
  #isRunning = false

  constructor(grid: Grid, parts: EditorParts) {
    this.#grid = grid
    this.#parts = parts
  }

  get isIdle(): boolean {
    return !this.#isRunning && this.#waiting.length === 0
  }

  edit(changes: readonly DirectoryChange[], options: DirectoryOptions): Promise<EditReport> {
    const { signal, acceptRollback: acceptsRollback = false } = options
    const settled = Promise.withResolvers<EditReport>()
    this.#waiting.push({ changes, memory: new Map(), signal, acceptsRollback, settled, refusal: undefined })
    if (!this.#isRunning) void this.#run(options)
    return untilAborted(settled.promise, signal)
  }

  async #run(options: DirectoryOptions): Promise<void> {
    this.#isRunning = true
    while (this.#waiting.length > 0) {
      const wanted = this.#take().filter(({ signal }) => signal?.aborted !== true)
      if (wanted.length > 0) await this.#write(wanted, options)
    }
    this.#isRunning = false
  }

  /** The first edits that are few enough to be written together; at least one. */
  #take(): readonly PendingEdit[] {
    let changeCount = 0
    const beyond = this.#waiting.findIndex(({ changes }) => {
      changeCount += changes.length
      return changeCount > CHANGES_TOGETHER_MAX
    })
    return this.#waiting.splice(0, beyond === -1 ? this.#waiting.length : Math.max(1, beyond))
  }

  /** Settles every edit. Never fails. */
  async #write(edits: readonly PendingEdit[], options: DirectoryOptions): Promise<void> {
    const { capability, keys, known, name } = this.#parts
    const grid = this.#grid
    const abandoned = whenAllAborted(edits)
    try {
      const acceptRollback = edits.some(({ acceptsRollback }) => acceptsRollback)
      const own = { ...options, acceptRollback, signal: abandoned.signal, base: known.get(name) }
      const writer = new DirectoryWriter(grid, capability, { keys, options: own })
      const { slot, changed, warnings } = await updateSlot(
        grid,
        keys,
        (current) => writer.contentFrom(current, edits),
        own,
      )
      if (slot !== undefined) known.set(name, slot)
      for (const { settled, refusal } of edits) {
        if (refusal !== undefined) settled.reject(refusal)
        else settled.resolve({ changed, sequence: slot?.record.sequence ?? 0, warnings })
      }
    } catch (error) {
      for (const { settled, refusal } of edits) settled.reject(refusal ?? error)
    } finally {
      abandoned.stop()
    }
  }
}

/** What the next record of a directory holds. */
class DirectoryWriter {
  readonly #readKey: ReadKey
  readonly #store: NodeStore
  readonly #capability: DirectoryWriteCapability

  constructor(
    grid: Grid,
    capability: DirectoryWriteCapability,
    parts: { readonly keys: SlotKeys; readonly options: DirectoryOptions },
  ) {
    this.#capability = capability
    this.#readKey = parts.keys.readKey.reveal()
    this.#store = gridNodeStore(grid, bodyKey(this.#readKey), parts.options)
  }

  /** Undefined: everything is as wanted. Each edit's refusal is set anew. */
  async contentFrom(
    current: RetrievedSlot | undefined,
    edits: readonly PendingEdit[],
  ): Promise<SlotContent | undefined> {
    if (current === undefined) throw new NotFoundError('the directory is not on the grid, or not any more')
    const root = this.#rootOf(current.record)
    const others = current.rivals.map((rival) => ({ root: this.#rootOf(rival), hash: rival.hash }))
    const joined = await joinBranches({ root, hash: current.record.hash }, others, this.#store)
    let hasChanges = others.length > 0
    const content = await this.contentAfter(root, async (staged) => {
      for (const { name, child } of joined) if (child !== undefined) staged.join(name, child)
      for (const edit of edits) edit.refusal = await refusalOf(staged.apply(edit.changes, edit.memory))
      hasChanges ||= staged.changes.length > 0
    })
    return hasChanges ? content : undefined
  }

  async contentAfter(
    root: DirectoryNode,
    stage: (staged: StagedEdits) => Promise<void>,
  ): Promise<SlotContent> {
    const staged = new StagedEdits(root, this.#store, childWriteKey(this.#capability.seed.reveal()))
    await stage(staged)
    return formatDirectoryNode(await changedRoot(root, staged.changes, this.#store))
  }

  #rootOf(record: SlotRecord): DirectoryNode {
    return parsedNode(() => openSlotContent(record, this.#readKey))
  }
}

async function refusalOf(applied: Promise<void>): Promise<GridError | undefined> {
  try {
    await applied
    return undefined
  } catch (error) {
    if (error instanceof GridError) return error
    throw error
  }
}

/** Aborts when nobody waits for the edits any more. */
function whenAllAborted(edits: readonly PendingEdit[]): {
  readonly signal: AbortSignal
  readonly stop: () => void
} {
  const all = new AbortController()
  const onAbort = (): void => {
    if (edits.every(({ signal }) => signal?.aborted === true)) all.abort(edits[0]?.signal?.reason)
  }
  for (const { signal } of edits) signal?.addEventListener('abort', onAbort)
  const stop = (): void => {
    for (const { signal } of edits) signal?.removeEventListener('abort', onAbort)
  }
  return { signal: all.signal, stop }
}
