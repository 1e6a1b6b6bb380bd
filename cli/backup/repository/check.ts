/**
 * Looking whether everything can be restored: the trees of every snapshot, where each of their blobs is, and whether
 * the packs are there and as large as they should be; and, of as many packs as is asked, every blob.
 *
 * It goes on where it finds something, and tells of it once.
 */
import {
  type BlobId,
  formatPackId,
  GridError,
  INDEX_FILE_MAX_BYTES,
  parseIndexFile,
  type Snapshot,
  toBase32,
} from '#crypto'
import type { GridFiles } from '#gateway'
import { mapInOrder, whileOpen } from '#node'
import type { FoundBlob, KnownPack } from './blob-index.ts'
import { choosePacks, readPacks } from './check-packs.ts'
import { FETCHES_IN_FLIGHT_MAX } from './limits.ts'
import { LiveBlobs } from './live-blobs.ts'
import type { LocalState } from './local-state.ts'
import { gridErrorOf } from './losses.ts'
import type { LearnedListing } from './pack-directory.ts'
import { fileSizeOf, readSmallFile } from './small-files.ts'
import { pathOf, SnapshotWalk, type WalkPlace, type WalkVisitor } from './snapshot-walk.ts'
import type { StoredRepository } from './stored-repository.ts'
import type { CheckOptions, CheckProblem, CheckReport } from './types.ts'

export interface CheckParts {
  readonly files: Pick<GridFiles, 'get' | 'check'>
  readonly state: LocalState
  readonly stored: StoredRepository
}

export function check(parts: CheckParts, options: CheckOptions = {}): Promise<CheckReport> {
  return new Check(parts, options).run()
}

class Check {
  readonly #parts: CheckParts
  readonly #options: CheckOptions
  readonly #live = new LiveBlobs()
  /** Told of already. */
  readonly #takenOut = new Set<string>()
  readonly #hits = new Hits()
  #problems = 0

  constructor(parts: CheckParts, options: CheckOptions) {
    this.#parts = parts
    this.#options = options
  }

  async run(): Promise<CheckReport> {
    const { stored, state } = this.#parts
    const snapshots = await this.#readableSnapshots()
    const listing = await stored.data.refresh(this.#options)
    for (const [name, error] of listing.unreadable) {
      this.#tell({ kind: 'unreadable-pack', message: `pack ${name} cannot be read: ${error.message}` })
    }
    await this.#checkIndexes(listing)
    await this.#walkAll(snapshots, {
      onBlobs: (_, ids, place) => this.#locate(ids, place),
      onProblem: (error, place) => {
        this.#tell({
          kind: 'damaged-tree',
          message: `a folder cannot be read: ${error.message}`,
          ...at(place),
        })
      },
    })
    const packs = [...state.index.packs()].filter(({ state: standing }) => standing === 'linked')
    await this.#checkSizes(packs)
    const read = await this.#readSome(packs)
    await this.#tellWhatIsHit(snapshots)
    return {
      snapshots: snapshots.length,
      packs: listing.packs.size,
      blobs: this.#live.count,
      ...read,
      problems: this.#problems,
    }
  }

  async #readableSnapshots(): Promise<readonly Snapshot[]> {
    const readable: Snapshot[] = []
    for await (const snapshot of this.#parts.stored.snapshots.read(this.#options)) {
      if (!('error' in snapshot)) {
        readable.push(snapshot)
        continue
      }
      const message = `snapshot ${snapshot.id} cannot be read: ${snapshot.error.message}`
      this.#tell({ kind: 'unreadable-snapshot', message, snapshotId: snapshot.id })
    }
    return readable
  }

  /** Packs tell of themselves where no index file does; without any, a lost cache takes long to make again. */
  async #checkIndexes({ packs, indexes }: LearnedListing): Promise<void> {
    const { files } = this.#parts
    const untold = new Set(packs.keys())
    const contents = mapInOrder(indexes, FETCHES_IN_FLIGHT_MAX, async ([id, { capability }]) => {
      const limits = { signal: this.#options.signal, sizeMaxBytes: INDEX_FILE_MAX_BYTES }
      return { id, bytes: await readSmallFile(files, capability, limits).catch(gridErrorOf) }
    })
    for await (const { id, bytes } of contents) {
      try {
        if (bytes instanceof GridError) throw bytes
        for (const { packId } of parseIndexFile(bytes)) untold.delete(formatPackId(packId))
      } catch (error) {
        const { message } = gridErrorOf(error)
        this.#tell({ kind: 'unreadable-index', message: `index file ${id} cannot be read: ${message}` })
      }
    }
    for (const name of untold) {
      this.#tell({ kind: 'unreadable-index', message: `no index file tells of pack ${name}` })
    }
  }

  async #walkAll(snapshots: readonly Snapshot[], visitor: WalkVisitor): Promise<void> {
    const { state, stored } = this.#parts
    const walk = await SnapshotWalk.open({ cache: state.cache, contents: stored.contents, visitor })
    await whileOpen(walk, async () => {
      for (const [done, snapshot] of snapshots.entries()) {
        this.#options.onProgress?.({ stage: 'walking', done, total: snapshots.length })
        await walk.walk(snapshot, this.#options)
      }
    })
  }

  async #locate(ids: readonly BlobId[], place: WalkPlace): Promise<void> {
    for (const found of await this.#parts.state.index.findMany(ids)) {
      if (found === undefined) {
        this.#tell({ kind: 'missing-blob', message: 'no pack has a part of it', ...at(place) })
        continue
      }
      const { pack } = found
      this.#live.add(pack, found.place)
      if (pack.state === 'linked' || pack.state === 'unlinked' || this.#takenOut.has(pack.name)) continue
      this.#takenOut.add(pack.name)
      const message = `pack ${pack.name} was taken out by a prune, and is needed: back up, or prune, to put it back`
      this.#tell({ kind: 'missing-pack', message, ...at(place) })
    }
  }

  /** That servers have the packs, without reading them. */
  async #checkSizes(packs: readonly KnownPack[]): Promise<void> {
    const sizes = mapInOrder(packs, FETCHES_IN_FLIGHT_MAX, async ({ capability }) => {
      return fileSizeOf(this.#parts.files, capability, this.#options).catch(gridErrorOf)
    })
    let place = 0
    for await (const size of sizes) {
      const pack = packs[place]
      place += 1
      if (pack === undefined || size === pack.sizeBytes) continue
      const what = size instanceof GridError ? size.message : `it has ${size} bytes of ${pack.sizeBytes}`
      this.#hits.addPack(pack, what)
    }
  }

  async #readSome(packs: readonly KnownPack[]): Promise<Pick<CheckReport, 'packsRead' | 'bytesRead'>> {
    const { read, seed } = this.#options
    const chosen = read === undefined ? [] : choosePacks(packs, read, seed ?? '')
    const bytesRead = await readPacks(this.#parts, chosen, {
      ...this.#options,
      onDamage: (pack, id, { message }) => this.#hits.addBlob(pack, id, message),
      onUnreadable: (pack, { message }) => this.#hits.addPack(pack, message),
    })
    return { packsRead: chosen.length, bytesRead }
  }

  /** A second walk, if there is anything to look for. */
  async #tellWhatIsHit(snapshots: readonly Snapshot[]): Promise<void> {
    const hits = this.#hits
    if (hits.size === 0) return
    await this.#walkAll(snapshots, {
      onBlobs: async (_, ids, place) => {
        const found = await this.#parts.state.index.findMany(ids)
        for (const problem of hits.take(ids, found)) this.#tell({ ...problem, ...at(place) })
      },
      onProblem: () => undefined,
    })
    for (const problem of hits.rest()) this.#tell(problem)
  }

  #tell(problem: CheckProblem): void {
    this.#problems += 1
    this.#options.onProblem?.(problem)
  }
}

/** What is wrong with blobs and packs, until it is known what it hits. */
class Hits {
  readonly #problems = new Map<string, CheckProblem>()

  get size(): number {
    return this.#problems.size
  }

  addPack({ name }: KnownPack, what: string): void {
    this.#problems.set(name, { kind: 'unreadable-pack', message: `pack ${name} cannot be read: ${what}` })
  }

  addBlob({ name }: KnownPack, id: BlobId, what: string): void {
    const message = `a blob in pack ${name} is damaged: ${what}`
    this.#problems.set(toBase32(id), { kind: 'damaged-blob', message })
  }

  /** What is to be said of the blobs, and of the packs where they stand; each is said once. */
  take(ids: readonly BlobId[], found: readonly (FoundBlob | undefined)[]): readonly CheckProblem[] {
    const taken: CheckProblem[] = []
    for (const key of [...ids.map(toBase32), ...found.flatMap((one) => one?.pack.name ?? [])]) {
      const problem = this.#problems.get(key)
      if (problem !== undefined) taken.push(problem)
      this.#problems.delete(key)
    }
    return taken
  }

  /** What hits no snapshot. */
  rest(): Iterable<CheckProblem> {
    return this.#problems.values()
  }
}

function at(place: WalkPlace): Pick<CheckProblem, 'snapshotId' | 'path'> {
  return { snapshotId: place.snapshotId, path: pathOf(place) }
}
