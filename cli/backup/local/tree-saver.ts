/** The walk of a backup: what becomes of each name that is found, and how much is at work at a time. */
import { type Content, InvalidInputError, RecentMap, type TreeEntry } from '#crypto'
import { JobPool } from '../../copy/job-pool.ts'
import { errnoOf } from '../../errno.ts'
import type { PutContent, RepositoryWriter } from '../repository/types.ts'
import { isSameContent } from '../walk.ts'
import { EntriesBefore } from './entries-before.ts'
import type { LocalFolder } from './folder.ts'
import { FolderEntries, type SavedEntry } from './folder-entries.ts'
import type { LocalSystem } from './local-system.ts'
import type { Found, LocalWalk, Place } from './local-walk.ts'
import { type EntryMetadata, isAsBefore, metadataOf } from './metadata.ts'
import { saveFile } from './save-file.ts'
import type { SaveTally } from './save-tally.ts'
import { Turns } from './turns.ts'

/** Files at work, in the weight of one that only has to be looked up in the repository. */
const WORK_MAX = 64
/** Of one that is read: sixteen small ones at a time, or two large ones. */
const SMALL_FILE_WEIGHT = 4
const LARGE_FILE_WEIGHT = 32
const LARGE_FILE_BYTES = 4 * 1024 * 1024
/** Folders that are walked and not yet put. */
const FOLDERS_FINISHING_MAX = 32
/** Files with several names whose first was met; of more, some are read twice, and stored once all the same. */
const LINKED_FILES_MAX = 65_536
/** The clock that stamps files may be so much behind ours. */
const CLOCK_SLACK_MILLISECONDS = 2000
const NANOSECONDS_PER_MILLISECOND = 1_000_000n

export interface TreeSaverParts {
  readonly writer: RepositoryWriter
  readonly system: LocalSystem
  readonly tally: SaveTally
  readonly walk: LocalWalk
  readonly parentRoot: Content | undefined
  readonly parentTakenAtMilliseconds: number | undefined
  readonly force: boolean
  readonly dryRun: boolean
  readonly signal: AbortSignal | undefined
}

interface SavedFolder {
  readonly content: Content
  /** It is the very tree of the snapshot that this one is compared with. */
  readonly isKept: boolean
}

/** What a name becomes, once it is known; undefined inside if it is left out. */
interface Begun {
  readonly slot: SavedEntry | undefined | Promise<SavedEntry | undefined>
}

/** A name in a folder, and what the earlier snapshot has of it. */
interface Met {
  readonly place: Place
  readonly found: Found
  readonly before: TreeEntry | undefined
  /** What there was then is what is here now: then `before` is there. */
  readonly kept: TreeEntry | undefined
}

export class TreeSaver {
  readonly #parts: TreeSaverParts
  readonly #working = new JobPool(WORK_MAX)
  readonly #finishing = new JobPool(FOLDERS_FINISHING_MAX)
  readonly #turns = new Turns()
  /** By device and inode. */
  readonly #linked = new RecentMap<string, Promise<SavedEntry | undefined>>(LINKED_FILES_MAX)
  /** What changed later is not taken over. */
  readonly #trustedUntilNanoseconds: bigint | undefined

  constructor(parts: TreeSaverParts) {
    this.#parts = parts
    const takenAt = parts.parentTakenAtMilliseconds
    this.#trustedUntilNanoseconds =
      takenAt === undefined
        ? undefined
        : BigInt(Math.floor(takenAt - CLOCK_SLACK_MILLISECONDS)) * NANOSECONDS_PER_MILLISECOND
  }

  /** @throws what the repository throws, or the reason of the signal */
  async save(): Promise<Content> {
    const { walk, parentRoot } = this.#parts
    const { result } = await this.#folder(walk.root(), this.#treeBefore(parentRoot))
    await this.#working.drain()
    await this.#finishing.drain()
    return (await result).content
  }

  /** Everything that was begun has ended. */
  async settle(): Promise<void> {
    await this.#working.settle()
    await this.#finishing.settle()
  }

  /** Walk a folder and all below it. Resolves when it is walked; the result comes when it is put. */
  async #folder(place: Place, before: EntriesBefore): Promise<{ readonly result: Promise<SavedFolder> }> {
    const entries = new FolderEntries((all) => this.#putTree(all))
    try {
      await this.#entries(place, { before, entries })
      const known = { content: before.content, count: await before.count() }
      return await begin(this.#finishing, () => this.#finish(entries, known))
    } catch (error) {
      entries.fail(error)
      throw error
    } finally {
      await before.close()
    }
  }

  async #entries(
    place: Place,
    { before, entries }: { readonly before: EntriesBefore; readonly entries: FolderEntries },
  ): Promise<void> {
    const { walk, signal } = this.#parts
    for (const found of this.#attempt(place.folder, undefined, () => walk.entries(place)) ?? []) {
      signal?.throwIfAborted()
      await this.#turns.pass()
      const there = await before.at(found.name)
      const kept = there !== undefined && this.#isKept(there, found) ? there : undefined
      const { slot } = await this.#entry({ place, found, before: there, kept })
      await entries.add(slot)
    }
  }

  async #entry(met: Met): Promise<Begun> {
    switch (met.found.kind) {
      case 'folder':
        return this.#subfolder(met)
      case 'file':
        return this.#file(met)
      default: {
        if (met.kept !== undefined) return { slot: { entry: met.kept, isKept: true } }
        const entry = this.#metadata(met)
        return { slot: entry && { entry, isKept: false } }
      }
    }
  }

  async #subfolder(met: Met): Promise<Begun> {
    const { place, found, before, kept } = met
    const { walk, tally } = this.#parts
    const metadata = kept ?? this.#metadata(met)
    const inner = this.#attempt(place.folder, found.name, () => walk.enter(place, found))
    if (metadata === undefined || inner === undefined) return { slot: undefined }
    tally.folder()
    const treeBefore = this.#treeBefore(before?.kind === 'folder' ? before.content : undefined)
    const { result } = await this.#folder(inner, treeBefore)
    const slot = result.then(({ content, isKept }) =>
      kept !== undefined && isKept
        ? { entry: kept, isKept: true }
        : { entry: { ...metadata, content }, isKept: false },
    )
    return { slot }
  }

  async #file(met: Met): Promise<Begun> {
    const { stats } = met.found
    const link = stats.nlink > 1n ? `${stats.dev}:${stats.ino}` : undefined
    const first = link === undefined || met.kept !== undefined ? undefined : this.#linked.get(link)
    if (first !== undefined) {
      const slot = first.then((saved) =>
        saved === undefined ? this.#fileEntry(met) : this.#another(saved, met),
      )
      return { slot }
    }
    const { result } = await begin(this.#working, () => this.#fileEntry(met), weightOf(met))
    // What was taken over was not linked to since: that would have changed it.
    if (link !== undefined && met.kept === undefined) this.#linked.set(link, result)
    return { slot: result }
  }

  async #fileEntry(met: Met): Promise<SavedEntry | undefined> {
    const { place, found, kept } = met
    const { writer, dryRun, system, tally, signal } = this.#parts
    const { folder } = place
    if (kept?.content !== undefined && (await writer.hasContent(kept.content, { signal }))) {
      tally.moved(kept.content.sizeBytes, folder, found.name)
      tally.file('unmodifiedFiles', kept.content.sizeBytes)
      return { entry: kept, isKept: true }
    }
    const entry = await saveFile({ folder, name: found.name }, { writer, dryRun, system, tally, signal })
    return entry && this.#counted(entry, met)
  }

  /** Another name of a file that is put already. */
  #another(first: SavedEntry, met: Met): SavedEntry {
    const { folder } = met.place
    const { name } = met.found
    const entry = { ...first.entry, name }
    this.#parts.tally.moved(entry.content?.sizeBytes ?? 0, folder, name)
    return this.#counted(entry, met)
  }

  #counted(entry: TreeEntry, { before }: Met): SavedEntry {
    const { tally } = this.#parts
    const sizeBytes = entry.content?.sizeBytes ?? 0
    if (before?.kind !== 'file') tally.file('newFiles', sizeBytes)
    else if (isSameFile(before, entry)) tally.file('unmodifiedFiles', sizeBytes)
    else tally.file('changedFiles', sizeBytes)
    return { entry, isKept: false }
  }

  /** All that is in a folder is known. */
  async #finish(
    entries: FolderEntries,
    before: { readonly content: Content | undefined; readonly count: number | undefined },
  ): Promise<SavedFolder> {
    const { writer, signal } = this.#parts
    const all = await entries.finish()
    if ('content' in all) return { content: all.content, isKept: false }
    const isAsBefore = all.length === before.count && all.every(({ isKept }) => isKept)
    if (isAsBefore && before.content !== undefined && (await writer.hasContent(before.content, { signal }))) {
      return { content: before.content, isKept: true }
    }
    const { content } = await this.#putTree(all.map(({ entry }) => entry))
    return { content, isKept: false }
  }

  async #putTree(entries: Iterable<TreeEntry> | AsyncIterable<TreeEntry>): Promise<PutContent> {
    const { writer, tally, dryRun, signal } = this.#parts
    const put = await writer.putTree(entries, { dryRun, signal })
    tally.added(put)
    return put
  }

  #treeBefore(content: Content | undefined): EntriesBefore {
    const { writer, signal } = this.#parts
    return new EntriesBefore(content, { writer, signal })
  }

  #isKept(before: TreeEntry, found: Found): boolean {
    const { force, system } = this.#parts
    const trusted = this.#trustedUntilNanoseconds
    const isTrusted = trusted === undefined || before.changedAtNanoseconds <= trusted
    return isTrusted && !force && isAsBefore(before, found, system)
  }

  /** Undefined if it has gone: then it was told of. */
  #metadata({ place, found }: Met): EntryMetadata | undefined {
    const { system, tally } = this.#parts
    const { folder } = place
    return this.#attempt(folder, found.name, () =>
      metadataOf(found, folder.at(found.name), {
        system,
        onProblem: (error) => tally.problem(folder.pathOf(found.name), error, 0),
      }),
    )
  }

  /** Undefined if the system refuses: then it was told of. @param name undefined: it is about the folder itself */
  #attempt<Result>(
    folder: LocalFolder,
    name: Uint8Array | undefined,
    work: () => Result,
  ): Result | undefined {
    try {
      return work()
    } catch (error) {
      if (errnoOf(error) === undefined && !(error instanceof InvalidInputError)) throw error
      this.#parts.tally.problem(name === undefined ? folder.path : folder.pathOf(name), error)
      return undefined
    }
  }
}

function weightOf({ found, kept }: Met): number {
  if (kept !== undefined) return 1
  return found.stats.size > LARGE_FILE_BYTES ? LARGE_FILE_WEIGHT : SMALL_FILE_WEIGHT
}

/** A file that was read again for nothing. */
function isSameFile(before: TreeEntry, now: TreeEntry): boolean {
  return (
    isSameContent(before.content, now.content) &&
    before.changedAtNanoseconds === now.changedAtNanoseconds &&
    before.modifiedAtNanoseconds === now.modifiedAtNanoseconds
  )
}

/** Begin a job. Resolves when it has begun; the result comes when it is done, and is rejected if it fails. */
async function begin<Result>(
  pool: JobPool,
  job: () => Promise<Result>,
  weight = 1,
): Promise<{ readonly result: Promise<Result> }> {
  const done = Promise.withResolvers<Result>()
  done.promise.catch(() => undefined)
  const run = async (): Promise<void> => {
    try {
      done.resolve(await job())
    } catch (error) {
      done.reject(error)
      throw error
    }
  }
  await pool.start(run, weight)
  return { result: done.promise }
}
