/** The walk of a restore: what becomes of each entry of a snapshot, and how much is at work at a time. */
import { lstatSync } from 'node:fs'
import {
  type Content,
  checkEntryName,
  GridError,
  InvalidInputError,
  RecentMap,
  type TreeEntry,
} from '#crypto'
import { NoSpaceError, NotEnoughSharesError, UnreachableError } from '#node'
import { JobPool } from '../../copy/job-pool.ts'
import { errnoOf } from '../../errno.ts'
import type { RepositoryReader } from '../repository/types.ts'
import type { LocalFolder } from './folder.ts'
import type { PathSelection, SelectedPath } from './path-selection.ts'
import { putMode } from './put-metadata.ts'
import { putMetadataAt, type RestoredPlace, type RestoreEntryParts, restoreEntry } from './restore-entry.ts'
import { TargetFolder, type TargetOrigin } from './target-folder.ts'
import { Turns } from './turns.ts'

/** Files at work, in the weight of a small one: sixteen of those, or two large ones. */
const WORK_MAX = 16
const LARGE_FILE_WEIGHT = 8
const LARGE_FILE_BYTES = 4 * 1024 * 1024
/** Files of several names whose first was restored; the names of more are files of their own, and that is told. */
const LINKED_FILES_MAX = 1_000_000
/** So many failures in a row of the grid or for want of space, and the rest would fail too. */
const FAILURES_IN_ROW_MAX = 16
/** A link that cannot be made: another disk, too many names, or not permitted. Then it is a file of its own. */
const UNLINKABLE: readonly (string | undefined)[] = ['EXDEV', 'EMLINK', 'EPERM', 'EACCES', 'ENOTSUP']

export interface TreeRestorerParts extends RestoreEntryParts {
  readonly reader: Pick<RepositoryReader, 'readContent' | 'readTree'>
  readonly selection: PathSelection
  readonly startedAtMilliseconds: number
}

/** What of a folder is wanted, and where it goes. */
interface Goal {
  readonly target: TargetFolder
  readonly selected: SelectedPath
}

interface Wanted {
  readonly target: TargetFolder
  readonly entry: TreeEntry
  /** Another name of the same file that was restored. */
  readonly first: RestoredPlace | undefined
}

export class TreeRestorer {
  readonly #parts: TreeRestorerParts
  readonly #working = new JobPool(WORK_MAX)
  readonly #turns = new Turns()
  /** By device and inode of the snapshot. */
  readonly #linked = new RecentMap<string, Promise<RestoredPlace | undefined>>(LINKED_FILES_MAX)
  /** A folder on each file system that was written to. */
  readonly #written = new Map<bigint, LocalFolder>()
  #failuresInRow = 0
  #isLinkingTold = false

  constructor(parts: TreeRestorerParts) {
    this.#parts = parts
  }

  /** @param into undefined in a dry run, if it is not there */
  async restore(root: Content, into: LocalFolder | undefined): Promise<void> {
    const target = this.#target({ local: into })
    try {
      await this.#tree(root, { target, selected: this.#parts.selection.root })
    } finally {
      target.end()
    }
    await this.#working.drain()
  }

  /** Everything that was begun has ended. */
  async settle(): Promise<void> {
    await this.#working.settle()
  }

  /** A folder on each file system that was written to. */
  get written(): Iterable<LocalFolder> {
    return this.#written.values()
  }

  #target(origin: TargetOrigin): TargetFolder {
    const { dryRun, system, startedAtMilliseconds } = this.#parts
    return new TargetFolder(origin, {
      dryRun,
      userId: system.userId,
      startedAtMilliseconds,
      onDone: (folder) => this.#finish(folder),
    })
  }

  async #tree(content: Content, { target, selected }: Goal): Promise<void> {
    const { reader, selection, signal } = this.#parts
    const entries = reader.readTree(content, { signal })[Symbol.asyncIterator]()
    try {
      for (;;) {
        signal?.throwIfAborted()
        await this.#turns.pass()
        const entry = await this.#next(entries, target)
        if (entry === undefined) return
        const isFolder = entry.kind === 'folder'
        const below = selection.below(selected, { name: entry.name, isFolder })
        if (below === undefined) continue
        if (isFolder) await this.#subfolder(entry, { target, selected: below })
        else await this.#begin(entry, target)
      }
    } finally {
      await entries.return?.()
    }
  }

  /** Undefined at the end, also if the rest cannot be read: then that was told of. */
  async #next(entries: AsyncIterator<TreeEntry>, target: TargetFolder): Promise<TreeEntry | undefined> {
    try {
      const { done, value } = await entries.next()
      if (done === true) return undefined
      // What a hostile repository may have let through is not put together into a path.
      checkEntryName(value.name)
      return value
    } catch (error) {
      this.#failed(target.path, error)
      return undefined
    }
  }

  async #subfolder(entry: TreeEntry, { target, selected }: Goal): Promise<void> {
    const { dryRun, tally } = this.#parts
    const folder = this.#target({ parent: target, entry, isWanted: selected.isWanted })
    try {
      const existing = this.#attempt(folder, () => ({ local: folder.existing() }))
      // What is in the way of a folder is in the way of all that is in it.
      if (existing === undefined) return
      if (existing.local === undefined && selected.isWanted) {
        if (dryRun) tally.made('folder', 0)
        else if (this.#attempt(folder, () => folder.made()) === undefined) return
      }
      if (entry.content !== undefined) await this.#tree(entry.content, { target: folder, selected })
    } finally {
      folder.end()
    }
  }

  /** Resolves when the work on an entry has begun. */
  async #begin(entry: TreeEntry, target: TargetFolder): Promise<void> {
    const key = entry.linkCount > 1 ? `${entry.device}:${entry.inode}` : undefined
    const first = key === undefined ? undefined : this.#linked.get(key)
    const place = Promise.withResolvers<RestoredPlace | undefined>()
    const job = async (): Promise<void> => {
      try {
        place.resolve(await this.#restore({ target, entry, first: await first }))
      } finally {
        place.resolve(undefined)
        target.end()
      }
    }
    target.begin()
    await this.#working.start(job, weightOf(entry))
    if (key !== undefined && first === undefined) this.#remember(key, place.promise, target)
  }

  async #restore(wanted: Wanted): Promise<RestoredPlace | undefined> {
    const { target, entry, first } = wanted
    try {
      const place = await restoreEntry(wanted, this.#parts)
      this.#failuresInRow = 0
      return place
    } catch (error) {
      this.#failed(target.pathOf(entry.name), error)
      const isApart = first !== undefined && UNLINKABLE.includes(errnoOf(error))
      return isApart ? this.#restore({ target, entry, first: undefined }) : undefined
    }
  }

  #remember(key: string, place: Promise<RestoredPlace | undefined>, target: TargetFolder): void {
    this.#linked.set(key, place)
    if (this.#linked.size < LINKED_FILES_MAX || this.#isLinkingTold) return
    this.#isLinkingTold = true
    const message = `more than ${LINKED_FILES_MAX} files have several names: some come back as files of their own`
    this.#failed(target.path, new InvalidInputError(message))
  }

  /** All that belongs into a folder is done: now its own metadata. */
  #finish(folder: TargetFolder): void {
    const { dryRun, overwrite, tally } = this.#parts
    const { local, parent, entry, isMade } = folder
    if (dryRun || local === undefined) return
    this.#written.set(local.identity.dev, this.#written.get(local.identity.dev) ?? local)
    if (parent?.local === undefined || entry === undefined) return
    if (isMade) tally.made('folder', 0)
    const path = parent.local.at(entry.name)
    this.#attempt(folder, () => {
      if (isMade || (folder.isWanted && overwrite !== 'never')) {
        const stats = lstatSync(path, { bigint: true })
        putMetadataAt({ path, shown: () => folder.path }, { entry, stats }, this.#parts)
      } else if (folder.modeBefore !== undefined) {
        putMode(path, folder.modeBefore)
      }
    })
  }

  /** Undefined if it failed: then that was told of. */
  #attempt<Result>(folder: TargetFolder, work: () => Result): Result | undefined {
    try {
      return work()
    } catch (error) {
      this.#failed(folder.path, error)
      return undefined
    }
  }

  /** @throws the error if it ends the whole: an interruption, a bug, or a grid or disk that gives no more */
  #failed(path: Uint8Array, error: unknown): void {
    this.#parts.signal?.throwIfAborted()
    const errno = errnoOf(error)
    if (!(error instanceof GridError) && errno === undefined) throw error
    this.#parts.tally.problem(path, error)
    const isFull = errno === 'ENOSPC' || errno === 'EDQUOT'
    const isOfGrid = error instanceof NotEnoughSharesError || error instanceof UnreachableError
    if (!isFull && !isOfGrid) return
    this.#failuresInRow += 1
    if (this.#failuresInRow < FAILURES_IN_ROW_MAX) return
    throw isFull ? new NoSpaceError('the disk that is restored to is full', {}, { cause: error }) : error
  }
}

function weightOf({ content }: TreeEntry): number {
  return content !== undefined && content.sizeBytes > LARGE_FILE_BYTES ? LARGE_FILE_WEIGHT : 1
}
