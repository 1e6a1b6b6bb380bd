/**
 * Files and folders of this machine into a repository, as one tree whose root is that of the machine.
 *
 * One walk goes through the folders in order (local/local-walk.ts); files are read beside it, several small ones or a
 * few large ones at a time; a folder is put when all that is in it is put (local/tree-saver.ts). What the last snapshot
 * has in the same form, by path, size, mtime, ctime and inode, is taken over from there without reading, and so is a
 * folder in which nothing changed.
 */
import type { Content, SnapshotTotals } from '#crypto'
import { FolderPool } from './local/folder.ts'
import { type LocalSystem, openLocalSystem } from './local/local-system.ts'
import { LocalWalk } from './local/local-walk.ts'
import { PathRules } from './local/rules.ts'
import { SaveTally } from './local/save-tally.ts'
import { scanAhead } from './local/scan.ts'
import type { OnProblem, OnProgress } from './local/tree-progress.ts'
import { TreeSaver } from './local/tree-saver.ts'
import type { RepositoryWriter } from './repository/types.ts'

export interface SaveOptions {
  /** What is backed up: absolute, without `..`, at least one. */
  readonly paths: readonly Uint8Array[]
  /** Patterns of local/rules.ts. */
  readonly exclude?: readonly string[] | undefined
  /** What is never taken, under whatever name it is met: what works for the backup itself meanwhile. */
  readonly leaveOut?: readonly Uint8Array[] | undefined
  /** Of folders marked as caches (CACHEDIR.TAG), take the mark alone. */
  readonly excludeCaches?: boolean | undefined
  /** Folders on another file system than the path that was named are taken empty. */
  readonly oneFileSystem?: boolean | undefined
  /** The tree that unchanged files are taken over from. */
  readonly parentRoot?: Content | undefined
  /**
   * When that backup began. A file that changed since then, or just before, is read again though it looks the same: it
   * may have been changed once more within one tick of the clock that stamps files.
   */
  readonly parentTakenAtMilliseconds?: number | undefined
  /** Read everything. */
  readonly force?: boolean | undefined
  /** Read and count, and put nothing. */
  readonly dryRun?: boolean | undefined
  /** Left out: with the native calls, if they are there. */
  readonly system?: LocalSystem | undefined
  /** Some twenty times a second at most, and once at the end. */
  readonly onProgress?: OnProgress | undefined
  /** Once for each thing that could not be taken as it is. */
  readonly onProblem?: OnProblem | undefined
  readonly signal?: AbortSignal | undefined
}

export interface SavedTree {
  /** Of a dry run: what it would be. */
  readonly root: Content
  readonly totals: SnapshotTotals
  readonly problems: number
  /** What this machine does not let us keep, for people; undefined if all is kept. */
  readonly notKept: string | undefined
}

/**
 * @throws InvalidInputError if none of the paths is there, or one is not absolute; what the repository throws; the
 * reason of the signal
 */
export async function saveTree(writer: RepositoryWriter, options: SaveOptions): Promise<SavedTree> {
  const system = options.system ?? (await openLocalSystem())
  const tally = new SaveTally(options)
  const exclude = options.exclude ?? []
  const walked = {
    paths: options.paths,
    leaveOut: options.leaveOut ?? [],
    excludeCaches: options.excludeCaches === true,
    oneFileSystem: options.oneFileSystem === true,
  }
  const rules = PathRules.parse(exclude)
  const pool = new FolderPool()
  const walk = new LocalWalk(
    { ...walked, exclude: rules },
    { pool, onProblem: ({ path, error }) => tally.problem(path, error) },
  )
  const scan =
    options.onProgress === undefined
      ? undefined
      : scanAhead({ ...walked, exclude }, (totals) => tally.scanned(totals))
  const saver = new TreeSaver({
    writer,
    system,
    tally,
    walk,
    parentRoot: options.parentRoot,
    parentTakenAtMilliseconds: options.parentTakenAtMilliseconds,
    force: options.force === true,
    dryRun: options.dryRun === true,
    signal: options.signal,
  })
  try {
    const root = await saver.save()
    return { root, totals: tally.finish(), problems: tally.problems, notKept: system.notKept }
  } finally {
    await saver.settle()
    await scan?.close()
    pool[Symbol.dispose]()
  }
}
