/**
 * A tree of a repository back onto this machine, below a folder.
 *
 * The trees are walked in order (local/tree-restorer.ts); files are fetched beside it, several at a time, each a draft
 * until it is whole (local/draft.ts). What is there and looks the same is left alone; nothing that the snapshot has not
 * is taken away; and no name and no symlink, of the snapshot or of the disk, leads out of the folder.
 */
import { closeSync, mkdirSync, constants as openFlags, openSync, statSync } from 'node:fs'
import type { Content } from '#crypto'
import { errnoOf, explain } from '../errno.ts'
import { printablePath } from './byte-path.ts'
import { FolderPool, type LocalFolder } from './local/folder.ts'
import { type LocalSystem, openLocalSystem } from './local/local-system.ts'
import { PathSelection, type PathSelectionOptions } from './local/path-selection.ts'
import type { Overwrite } from './local/restore-entry.ts'
import { type RestoreCounts, RestoreTally } from './local/restore-tally.ts'
import { countSelected } from './local/scan-tree.ts'
import { removeOldDrafts } from './local/target-folder.ts'
import type { OnProblem, OnProgress } from './local/tree-progress.ts'
import { TreeRestorer } from './local/tree-restorer.ts'
import type { RepositoryReader } from './repository/types.ts'

export interface RestoreOptions extends PathSelectionOptions {
  /** The folder that the tree goes into; made if it is missing. No other restore may be at work in it. */
  readonly target: Uint8Array
  /** Left out: `changed`. */
  readonly overwrite?: Overwrite | undefined
  /** Read back what was written, and compare the bytes of what is left alone. */
  readonly verify?: boolean | undefined
  /** Owners by number; else, for root, by name where this machine knows the name, and by number where not. */
  readonly numericOwners?: boolean | undefined
  /** Count, and write nothing. */
  readonly dryRun?: boolean | undefined
  /** Left out: with the native calls, if they are there. */
  readonly system?: LocalSystem | undefined
  /** Some twenty times a second at most, and once at the end. */
  readonly onProgress?: OnProgress | undefined
  /** Once for each thing that could not be brought back as it was. */
  readonly onProblem?: OnProblem | undefined
  readonly signal?: AbortSignal | undefined
}

export interface RestoreReport extends RestoreCounts {
  readonly problems: number
  /** What this machine does not let us bring back, for people; undefined if there is nothing of the kind. */
  readonly notKept: string | undefined
}

/**
 * When it returns, what was written is durable, where the native calls are there.
 *
 * @param root a tree: that of a snapshot, or of a folder in it
 * @throws InvalidInputError for a pattern that is none, or a target that is no folder; what ends the whole: a grid or a
 * disk that gives no more; the reason of the signal
 */
export async function restoreTree(
  reader: Pick<RepositoryReader, 'readContent' | 'readTree'>,
  root: Content,
  options: RestoreOptions,
): Promise<RestoreReport> {
  const selection = new PathSelection(options)
  const system = options.system ?? (await openLocalSystem())
  const tally = new RestoreTally(options)
  const startedAtMilliseconds = Date.now()
  const dryRun = options.dryRun === true
  const pool = new FolderPool()
  const counting = new AbortController()
  const counted = startCounting(reader, root, { selection, tally, options, signal: counting.signal })
  const restorer = new TreeRestorer({
    reader,
    system,
    tally,
    selection,
    startedAtMilliseconds,
    overwrite: options.overwrite ?? 'changed',
    verify: options.verify === true,
    dryRun,
    numericOwners: options.numericOwners === true,
    signal: options.signal,
  })
  try {
    const into = openTarget(options.target, { pool, dryRun })
    if (into !== undefined && !dryRun) removeOldDrafts(into, startedAtMilliseconds)
    await restorer.restore(root, into)
    if (!dryRun) await syncAll(restorer.written, system)
    return { ...tally.finish(), problems: tally.problems, notKept: system.notKept }
  } finally {
    await restorer.settle()
    counting.abort()
    await counted
    pool[Symbol.dispose]()
  }
}

/** Undefined in a dry run, if it is not there. */
function openTarget(
  target: Uint8Array,
  { pool, dryRun }: { readonly pool: FolderPool; readonly dryRun: boolean },
): LocalFolder | undefined {
  const path = Buffer.from(target)
  try {
    if (!dryRun) mkdirSync(path, { recursive: true })
    else if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined
    return pool.openPath(path)
  } catch (error) {
    return explain('restoring to', printablePath(path))(error)
  }
}

/** For whoever watches: resolves when it has ended, also without success. */
async function startCounting(
  reader: Pick<RepositoryReader, 'readTree'>,
  root: Content,
  {
    selection,
    tally,
    options,
    signal,
  }: {
    readonly selection: PathSelection
    readonly tally: RestoreTally
    readonly options: RestoreOptions
    readonly signal: AbortSignal
  },
): Promise<void> {
  if (options.onProgress === undefined) return
  try {
    tally.scanned(await countSelected(reader, root, { selection, signal }))
  } catch {
    // The restore meets the same trouble, and tells of it.
  }
}

/** What was written to the file systems is durable. */
async function syncAll(folders: Iterable<LocalFolder>, { native }: LocalSystem): Promise<void> {
  if (native === undefined) return
  for (const folder of folders) {
    let handle: number
    try {
      handle = openSync(folder.at(Buffer.alloc(0)), openFlags.O_RDONLY | openFlags.O_DIRECTORY)
    } catch (error) {
      // A folder that came back as one that its owner may not read.
      if (errnoOf(error) === 'EACCES') continue
      throw error
    }
    try {
      await native.syncFileSystem(handle)
    } finally {
      closeSync(handle)
    }
  }
}
