/**
 * A history of one repository from a seed: hosts that back up, forget and prune, all at once, on one grid; processes
 * that are killed at any step; homes that lose their caches; time that passes, and leases that run out.
 *
 * What is promised is looked at before every single step: each snapshot that was published and that nobody has begun to
 * forget has all its blobs in packs that `data/` has and whose leases last. Every so often, and at the end, every one
 * is restored by somebody who knows nothing but the capability, and compared byte for byte.
 */
import { isDeepStrictEqual } from 'node:util'
import {
  type Content,
  compareBytes,
  type DirectoryWriteCapability,
  fileStorageIndex,
  GridError,
  InvalidInputError,
  PACK_FOOTER_SIZE_BYTES,
  packTableRange,
  parsePackTable,
  type TreeEntry,
  toBase32,
  toVerifyCapability,
} from '#crypto'
import { ConflictError, type Disk, UnhappyError, whileOpen } from '#node'
import { parseDataName } from '../../cli/backup/repository/layout.ts'
import { createRepository, openRepository } from '../../cli/backup/repository/open-repository.ts'
import { openReader } from '../../cli/backup/repository/reader.ts'
import type { Repository } from '../../cli/backup/repository/types.ts'
import { SimDisk } from '../sim/disk.ts'
import { SimRandom } from '../sim/sim-random.ts'
import { entryOf, readFolder, type SavedFolder, snapshotOf } from './saved-folders.ts'
import { SimGrid } from './sim-files.ts'
import { KilledError, SimProcess, SimProcesses } from './sim-processes.ts'

const HOUR = 3600 * 1000
const DAY = 24 * HOUR
/** The owner has leases renewed so often at least. */
const RENEW_MILLISECONDS = 10 * DAY

export interface HistoryOptions {
  readonly seed: number
  /** What each home does, one thing after the other. */
  readonly actionsEach: number
  /** One turn in so many, everything is restored. */
  readonly restoreOneIn: number
}

export interface HistoryCounts {
  turns: number
  backups: number
  forgotten: number
  prunes: number
  freedPacks: number
  kills: number
  lostCaches: number
  restores: number
  /** Backups and prunes that gave way to others, as they may. */
  conflicts: number
}

interface Home {
  readonly name: string
  readonly disk: SimDisk
  folder: SavedFolder
  /** When the session began that it has now. */
  busySince: number | undefined
}

interface Published {
  readonly folder: SavedFolder
  /** Ids of all its blobs. */
  readonly blobs: ReadonlySet<string>
}

/** What hosts have: of few kinds, so that they have much in common. */
const CONTENTS = 40

export class BackupHistory {
  readonly counts: HistoryCounts = {
    turns: 0,
    backups: 0,
    forgotten: 0,
    prunes: 0,
    freedPacks: 0,
    kills: 0,
    lostCaches: 0,
    restores: 0,
    conflicts: 0,
  }
  readonly #options: HistoryOptions
  readonly #random: SimRandom
  readonly #grid: SimGrid
  readonly #processes: SimProcesses
  readonly #homes: readonly Home[]
  readonly #published = new Map<string, Published>()
  /** Of all snapshots there ever were. */
  readonly #folders = new Map<string, SavedFolder>()
  readonly #contents: readonly Uint8Array[]
  readonly #capability: DirectoryWriteCapability
  readonly #watcher: PackWatcher
  #renewedAt: number

  private constructor(options: HistoryOptions, grid: SimGrid, capability: DirectoryWriteCapability) {
    this.#options = options
    this.#random = new SimRandom(options.seed)
    this.#grid = grid
    this.#capability = capability
    this.#processes = new SimProcesses(this.#random.fork())
    this.#watcher = new PackWatcher(grid, capability)
    this.#renewedAt = grid.nowMilliseconds
    this.#contents = Array.from({ length: CONTENTS }, () => this.#random.bytes(20 + this.#random.below(900)))
    this.#homes = ['anna', 'bert', 'carl', 'dora'].map((name) => {
      return { name, disk: new SimDisk({ capacityBytes: 1e9 }), folder: {}, busySince: undefined }
    })
  }

  static async open(options: HistoryOptions): Promise<BackupHistory> {
    const random = new SimRandom(options.seed ^ 0x5eed)
    const shareOf = (most: number) => (random.below(3) / 2) * most
    const grid = new SimGrid(random.fork(), { twice: shareOf(0.3), stale: shareOf(0.2) })
    const { capability } = await createRepository(grid.filesOf(undefined), {
      clock: grid.clock,
      random: random.fork(),
    })
    return new BackupHistory(options, grid, capability)
  }

  /** @throws saying what was not kept */
  async run(): Promise<void> {
    const lives = Promise.all(this.#homes.map((home) => this.#live(home)))
    await this.#processes.run(lives, () => this.#watch())
    this.counts.turns = this.#processes.turns
    await this.#end()
  }

  async #live(home: Home): Promise<void> {
    // Some have much to back up, others are often pruned.
    const backups = 20 + this.#random.below(40)
    for (let action = 0; action < this.#options.actionsEach; action += 1) {
      const lot = this.#random.below(100)
      if (lot < backups) await this.#session(home, (repository) => this.#backUp(home, repository))
      else if (lot < backups + 10) await this.#session(home, (repository) => this.#forget(repository))
      else if (lot < 80) await this.#session(home, (repository) => this.#prune(repository))
      else if (lot < 86) await this.#loseCache(home)
      else this.#passTime()
    }
  }

  async #session(home: Home, work: (repository: Repository) => Promise<void>): Promise<void> {
    const process = new SimProcess(home.name, this.#processes, () => home.disk.powerOff())
    if (this.#random.below(100) < 35) process.killAfter(this.#random.below(200))
    home.disk.onStep = () => process.step()
    home.busySince = this.#grid.nowMilliseconds
    try {
      const repository = await openRepository(this.#grid.filesOf(process, home.name), this.#capability, {
        place: {
          folder: 'backup',
          disk: ofProcess(home.disk, process),
          clock: this.#grid.clock,
          random: this.#random.fork(),
        },
        packCloseBytes: 1500,
      })
      await whileOpen(repository, work)
    } catch (error) {
      if (process.isDead) this.counts.kills += 1
      else if (error instanceof ConflictError || error instanceof UnhappyError) this.counts.conflicts += 1
      else throw error
    } finally {
      home.busySince = undefined
      home.disk.onStep = undefined
      if (process.isDead && this.#random.below(2) === 0) home.disk.killProcess()
      else if (process.isDead) await home.disk.crash(() => this.#random.below(2) === 0)
    }
  }

  async #backUp(home: Home, repository: Repository): Promise<void> {
    home.folder = this.#changed(home.folder)
    const parent = await repository.parentOf(home.name, ['/'])
    const before = parent && { root: parent.root, folder: this.#folders.get(parent.id) ?? {} }
    const { folder } = home
    try {
      await this.#publish(home, repository, { folder, before })
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error
      this.counts.conflicts += 1
      await this.#publish(home, repository, { folder, before: undefined })
    }
  }

  async #publish(
    home: Home,
    repository: Repository,
    { folder, before }: { readonly folder: SavedFolder; readonly before: Before | undefined },
  ): Promise<void> {
    const blobs = new Set<string>()
    const root = await saveAgain(repository, folder, { before, blobs })
    const takenAtMilliseconds = this.#grid.nowMilliseconds
    const tags = [`${this.#folders.size}`]
    const content = snapshotOf(root, { takenAtMilliseconds, host: home.name, paths: ['/'], tags })
    const { id } = await repository.publish(content)
    this.#published.set(id, { folder, blobs })
    this.#folders.set(id, folder)
    this.counts.backups += 1
  }

  /** Not promised any more once it has begun. */
  async #forget(repository: Repository): Promise<void> {
    const ids = [...this.#published.keys()].filter(() => this.#random.below(3) === 0)
    for (const id of ids) this.#published.delete(id)
    this.counts.forgotten += ids.length
    await repository.forget(ids)
  }

  async #prune(repository: Repository): Promise<void> {
    const keepUnfinishedMilliseconds = this.#random.below(2) === 0 ? 0 : this.#random.below(3 * DAY)
    const repackBelow = this.#random.below(3) * 0.4
    const { freed } = await repository.prune({ keepUnfinishedMilliseconds, repackBelow })
    this.counts.prunes += 1
    this.counts.freedPacks += freed
  }

  async #loseCache(home: Home): Promise<void> {
    for (const path of home.disk.files()) await home.disk.removeFile(path)
    const folder = home.disk.memory.root
    folder.entries.clear()
    this.counts.lostCaches += 1
  }

  /** So long that leases run out where nobody renews them, and never so long that a session outlives its own. */
  #passTime(): void {
    const jumps = [this.#random.below(HOUR), this.#random.below(DAY), this.#random.below(12 * DAY)]
    const jump = jumps[this.#random.below(jumps.length)] ?? 0
    const now = this.#grid.nowMilliseconds + jump
    if (this.#homes.some(({ busySince }) => busySince !== undefined && now - busySince > 20 * DAY)) return
    if (now - this.#renewedAt > RENEW_MILLISECONDS) this.#renew()
    this.#grid.nowMilliseconds = now
    if (jump > RENEW_MILLISECONDS) this.#renew()
  }

  #renew(): void {
    for (const name of this.#grid.below(toVerifyCapability(this.#capability))) this.#grid.renew(name)
    this.#renewedAt = this.#grid.nowMilliseconds
  }

  async #watch(): Promise<void> {
    for (const [id, { blobs }] of this.#published) {
      const missing = [...blobs].find((blob) => !this.#watcher.has(blob))
      if (missing !== undefined) throw new Error(`${this.#label}: snapshot ${id} lacks a blob`)
    }
    if (this.#random.below(this.#options.restoreOneIn) === 0) await this.#restoreAll()
  }

  /** By somebody who has nothing but the capability. */
  async #restoreAll(): Promise<void> {
    const reader = await openReader(this.#grid.filesOf(undefined), this.#capability)
    await whileOpen(reader, async () => {
      const found = new Set<string>()
      for await (const snapshot of reader.snapshots()) {
        const wanted = this.#published.get(snapshot.id)
        if (wanted === undefined) continue
        if ('error' in snapshot)
          throw new Error(`${this.#label}: a snapshot cannot be read`, { cause: snapshot.error })
        found.add(snapshot.id)
        const restored = await readFolder(reader, snapshot.root)
        if (!isDeepStrictEqual(restored, wanted.folder))
          throw new Error(`${this.#label}: a snapshot is not what it was`)
      }
      const lost = [...this.#published.keys()].find((id) => !found.has(id))
      if (lost !== undefined) throw new Error(`${this.#label}: snapshot ${lost} is not listed`)
    })
    this.counts.restores += 1
  }

  /** Everybody has come to rest: whatever died is cleared up, and nothing is amiss. */
  async #end(): Promise<void> {
    await this.#restoreAll()
    this.#grid.nowMilliseconds += DAY
    const place = {
      folder: 'backup',
      disk: new SimDisk({ capacityBytes: 1e9 }),
      clock: this.#grid.clock,
      random: this.#random,
    }
    const repository = await openRepository(this.#grid.filesOf(undefined), this.#capability, { place })
    await whileOpen(repository, async () => {
      await repository.prune({ keepUnfinishedMilliseconds: 0, repackBelow: 0.9 })
      const problems: string[] = []
      const onProblem = ({ message }: { readonly message: string }) => void problems.push(message)
      await repository.check({ read: { percent: 100 }, onProblem })
      if (problems.length > 0) throw new Error(`${this.#label}: ${problems.join('; ')}`)
      const left = this.#watcher.names().filter((name) => name.endsWith('.freeing'))
      if (left.length > 0) throw new Error(`${this.#label}: ${left.length} packs are neither here nor there`)
    })
    await this.#restoreAll()
  }

  #changed(folder: SavedFolder): SavedFolder {
    if (this.#random.below(4) === 0) return folder
    const names = ['one', 'two', 'three', 'four', 'five', 'six']
    const changed = Object.fromEntries(Object.entries(folder).filter(() => this.#random.below(8) > 0))
    for (let changes = this.#random.below(4); changes >= 0; changes -= 1) {
      const name = names[this.#random.below(names.length)] ?? ''
      const content = this.#contents[this.#random.below(CONTENTS)] ?? new Uint8Array(0)
      const inner = changed.below
      const below = inner === undefined || inner instanceof Uint8Array ? {} : inner
      if (this.#random.below(3) === 0) changed.below = { ...below, [name]: content }
      else changed[name] = content
    }
    return changed
  }

  get #label(): string {
    return `seed ${this.#options.seed}, turn ${this.#processes.turns}`
  }
}

interface Before {
  readonly root: Content
  readonly folder: SavedFolder
}

/** As a backup does: what is as it was is taken over unread, if it is still there. @param parts `blobs`: gets all ids */
async function saveAgain(
  repository: Repository,
  folder: SavedFolder,
  { before, blobs }: { readonly before: Before | undefined; readonly blobs: Set<string> },
): Promise<Content> {
  const standing =
    before === undefined ? new Map<string, Content>() : await contentsOf(repository, before.root)
  const entries: TreeEntry[] = []
  for (const [name, item] of Object.entries(folder)) {
    const old = before?.folder[name]
    const oldContent = standing.get(name)
    if (item instanceof Uint8Array) {
      const isSame = old === item && oldContent !== undefined && (await repository.hasContent(oldContent))
      const content = isSame ? oldContent : (await repository.putContent(once(item))).content
      for (const id of content.ids) blobs.add(toBase32(id))
      entries.push(entryOf(name, 'file', content))
      continue
    }
    const isFolder = old !== undefined && !(old instanceof Uint8Array) && oldContent !== undefined
    const below = isFolder ? { root: oldContent, folder: old } : undefined
    entries.push(entryOf(name, 'folder', await saveAgain(repository, item, { before: below, blobs })))
  }
  entries.sort((left, right) => compareBytes(left.name, right.name))
  const { content } = await repository.putTree(entries)
  for (const id of content.ids) blobs.add(toBase32(id))
  return content
}

/** None if it cannot be read: then it was forgotten and pruned meanwhile. */
async function contentsOf(repository: Repository, root: Content): Promise<ReadonlyMap<string, Content>> {
  const contents = new Map<string, Content>()
  try {
    for await (const { name, content } of repository.readTree(root)) {
      if (content !== undefined) contents.set(new TextDecoder().decode(name), content)
    }
    return contents
  } catch (error) {
    if (error instanceof GridError) return new Map()
    throw error
  }
}

/** Which blobs stand in packs that `data/` has and that are kept. */
class PackWatcher {
  readonly #grid: SimGrid
  readonly #dataKey: string
  /** Ids of the blobs of each file that is a pack. */
  readonly #packs = new Map<string, readonly string[]>()
  #blobs = new Set<string>()
  #asOf = ''

  constructor(grid: SimGrid, capability: DirectoryWriteCapability) {
    this.#grid = grid
    const place = grid.directory(grid.keyOf(capability)).children.get('data')
    if (place === undefined) throw new Error('a repository has data')
    this.#dataKey = grid.keyOf(place.capability)
    grid.onStored = (bytes, name) => void this.#packs.set(name, blobsOf(bytes))
  }

  /** In `data/`. */
  names(): readonly string[] {
    return [...this.#grid.directory(this.#dataKey).children.keys()]
  }

  has(blob: string): boolean {
    const { children, sequence } = this.#grid.directory(this.#dataKey)
    const asOf = `${sequence} ${this.#grid.nowMilliseconds}`
    if (asOf !== this.#asOf) {
      this.#asOf = asOf
      this.#blobs = new Set()
      for (const { name, capability } of children.values()) {
        const kind = parseDataName(name)?.kind
        if ((kind !== 'pack' && kind !== 'freeing') || capability.kind !== 'file') continue
        const file = toBase32(fileStorageIndex(capability.readKey.reveal()))
        if (this.#grid.isKept(file)) for (const id of this.#packs.get(file) ?? []) this.#blobs.add(id)
      }
    }
    return this.#blobs.has(blob)
  }
}

function blobsOf(bytes: Uint8Array): readonly string[] {
  try {
    const { start, end } = packTableRange(bytes.subarray(-PACK_FOOTER_SIZE_BYTES), bytes.length)
    return parsePackTable(bytes.subarray(start, end)).rows.map(({ id }) => toBase32(id))
  } catch (error) {
    // Other files are stored too.
    if (error instanceof InvalidInputError) return []
    throw error
  }
}

/** What a process that is gone can do nothing to any more. */
function ofProcess(disk: SimDisk, process: SimProcess): Disk {
  const guarded = <Arguments extends unknown[], Result>(work: (...given: Arguments) => Promise<Result>) => {
    return async (...given: Arguments): Promise<Result> => {
      if (process.isDead) throw new KilledError('the process is gone')
      return work(...given)
    }
  }
  return {
    makeFolder: guarded((path: string) => disk.makeFolder(path)),
    list: guarded((path: string) => disk.list(path)),
    createFile: guarded((path: string) => disk.createFile(path)),
    openFile: guarded((path: string) => disk.openFile(path)),
    rename: guarded((from: string, to: string) => disk.rename(from, to)),
    removeFile: guarded((path: string) => disk.removeFile(path)),
    removeFolder: guarded((path: string) => disk.removeFolder(path)),
    syncFolder: guarded((path: string) => disk.syncFolder(path)),
    freeBytes: guarded((path: string) => disk.freeBytes(path)),
    openIndex: guarded((path: string) => disk.openIndex(path)),
    repairIndex: guarded((path: string) => disk.repairIndex(path)),
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes.slice()
}
