/**
 * A disk that can lose power, fill up, fail and rot, all of it on demand and the same way every time.
 *
 * What a crash leaves: of a file the bytes that were synced; of a folder the entries that stood at its last
 * syncFolder; of an index the batches up to the last one with `sync: true`. Of every change after that, the caller's
 * `keep` decides alone whether it survived (a prefix of the unsynced bytes and of the unsynced batches; each entry by
 * itself, so a rename may leave both names or none). The root folder itself is durable.
 */
import { MemoryLevel } from 'memory-level'
import { IntegrityError } from '#crypto'
import { MemoryDisk, MemoryFile, MemoryFolder } from '../../node/platform/memory-disk.ts'
import type {
  Disk,
  DiskEntry,
  IndexOperation,
  KeyValueIndex,
  ReadableFile,
  WritableFile,
} from '../../node/platform/platform.ts'

export interface DiskStep {
  /** Counts every operation of this disk, from 0. */
  readonly number: number
  readonly kind:
    | 'makeFolder'
    | 'list'
    | 'create'
    | 'append'
    | 'sync'
    | 'open'
    | 'read'
    | 'rename'
    | 'remove'
    | 'removeFolder'
    | 'syncFolder'
    | 'openIndex'
    | 'index'
  readonly path: string
}

/** The power is off: nothing works until `crash()`. */
export class PowerLossError extends Error {
  override readonly name = 'PowerLossError'
}

/** A copy of all that a disk held at one moment, for whoever restores a backup of a machine. */
export interface DiskImage {
  readonly folder: FolderImage
}

interface FolderImage {
  readonly entries: ReadonlyMap<string, FolderImage | readonly Uint8Array[]>
  /** Of an index that lives in the folder: what was durable of it. */
  readonly records: IndexJournal['durable'] | undefined
}

interface IndexJournal {
  /** By the key's bytes as text. */
  readonly durable: Map<string, { readonly key: Uint8Array; readonly value: Uint8Array }>
  pending: (readonly IndexOperation[])[]
}

export class SimDisk implements Disk {
  readonly memory: MemoryDisk
  /** Called before each operation; what it throws is what the operation throws, with nothing done. */
  onStep: ((step: DiskStep) => void) | undefined
  stepCount = 0
  #isOff = false
  /** Handles of an earlier life stay dead. */
  #life = 0
  readonly #durableEntries = new WeakMap<MemoryFolder, Map<string, MemoryFolder | MemoryFile>>()
  readonly #durableSizes = new WeakMap<MemoryFile, number>()
  readonly #damagedIndexes = new WeakMap<MemoryFolder, { readonly isRepairable: boolean }>()
  readonly #journals = new WeakMap<MemoryFolder, IndexJournal>()

  constructor(options: { readonly capacityBytes: number }) {
    this.memory = new MemoryDisk(options)
  }

  /** From now on every operation fails, as for a process that is gone. */
  powerOff(): void {
    this.#isOff = true
  }

  /** @param keep decides for each unsynced change; nothing survives if left out */
  async crash(keep: () => boolean = () => false): Promise<void> {
    await this.#crashFolder(this.memory.root, keep)
    this.memory.recount()
    this.#life += 1
    this.#isOff = false
  }

  /** The process is gone and the machine is not: nothing is lost, and nothing made durable. */
  killProcess(): void {
    closeIndexes(this.memory.root)
    this.#life += 1
    this.#isOff = false
  }

  image(): DiskImage {
    return { folder: this.#imageOf(this.memory.root) }
  }

  /** Put back what an image holds, durable; the power is on again. */
  async restore({ folder }: DiskImage): Promise<void> {
    await this.#restoreFolder(this.memory.root, folder)
    this.memory.recount()
    this.#life += 1
    this.#isOff = false
  }

  /** Turn over one bit of a file, as a dying disk does. */
  flipBit(path: string, bit: number): void {
    const file = this.memory.fileAt(path)
    if (file === undefined) throw new Error(`no file at ${path} to damage`)
    const bytes = file.slice(0, file.sizeBytes)
    const offset = Math.floor(bit / 8)
    bytes[offset] = (bytes[offset] ?? 0) ^ (1 << (bit % 8))
    file.parts = [bytes]
  }

  /** From now on an index cannot be read, until it is repaired, if that is possible, or its folder moved away. */
  damageIndex(path: string, options: { readonly isRepairable: boolean }): void {
    const folder = this.memory.folderAt(path)
    if (folder === undefined) throw new Error(`no index at ${path} to damage`)
    this.#damagedIndexes.set(folder, options)
  }

  /** What is durable in an index. */
  records(path: string): readonly { readonly key: Uint8Array; readonly value: Uint8Array }[] {
    const folder = this.memory.folderAt(path)
    const journal = folder === undefined ? undefined : this.#journals.get(folder)
    return [...(journal?.durable.values() ?? [])]
  }

  /** Turn over one bit of a record. */
  async flipRecordBit(path: string, key: Uint8Array, bit: number): Promise<void> {
    const folder = this.memory.folderAt(path)
    const value = (await folder?.store?.get(key))?.slice()
    if (folder === undefined || value === undefined) throw new Error('no such record to damage')
    const offset = Math.floor(bit / 8)
    value[offset] = (value[offset] ?? 0) ^ (1 << (bit % 8))
    await folder.store?.put(key, value)
    this.#journals.get(folder)?.durable.set(key.join(), { key, value })
  }

  /** Paths of all files below a folder, sorted. */
  files(path = ''): readonly string[] {
    const folder = this.memory.folderAt(path)
    if (folder === undefined) return []
    const found: string[] = []
    for (const [name, entry] of folder.entries) {
      const below = path === '' ? name : `${path}/${name}`
      if (entry instanceof MemoryFile) found.push(below)
      else found.push(...this.files(below))
    }
    return found.toSorted()
  }

  async makeFolder(path: string): Promise<void> {
    this.#step('makeFolder', path)
    await this.memory.makeFolder(path)
  }

  async list(path: string): Promise<readonly DiskEntry[]> {
    this.#step('list', path)
    return this.memory.list(path)
  }

  async createFile(path: string): Promise<WritableFile> {
    this.#step('create', path)
    const inner = await this.memory.createFile(path)
    const file = this.memory.fileAt(path)
    const step = this.#stepOfThisLife(path)
    return {
      get sizeBytes() {
        return inner.sizeBytes
      },
      append: async (bytes) => {
        step('append')
        await inner.append(bytes)
      },
      sync: async () => {
        step('sync')
        if (file !== undefined) this.#durableSizes.set(file, file.sizeBytes)
      },
      close: () => inner.close(),
    }
  }

  async openFile(path: string): Promise<ReadableFile | undefined> {
    this.#step('open', path)
    const inner = await this.memory.openFile(path)
    if (inner === undefined) return undefined
    const step = this.#stepOfThisLife(path)
    return {
      sizeBytes: inner.sizeBytes,
      read: async (offset, sizeBytes) => {
        step('read')
        return inner.read(offset, sizeBytes)
      },
      close: () => inner.close(),
    }
  }

  async rename(from: string, to: string): Promise<void> {
    this.#step('rename', to)
    await this.memory.rename(from, to)
  }

  async removeFile(path: string): Promise<void> {
    this.#step('remove', path)
    await this.memory.removeFile(path)
  }

  async removeFolder(path: string): Promise<void> {
    this.#step('removeFolder', path)
    await this.memory.removeFolder(path)
  }

  async syncFolder(path: string): Promise<void> {
    this.#step('syncFolder', path)
    await this.memory.syncFolder(path)
    const folder = this.memory.folderAt(path)
    if (folder !== undefined) this.#durableEntries.set(folder, new Map(folder.entries))
  }

  async freeBytes(path: string): Promise<number> {
    return this.memory.freeBytes(path)
  }

  async openIndex(path: string): Promise<KeyValueIndex> {
    this.#step('openIndex', path)
    const standing = this.memory.folderAt(path)
    if (standing !== undefined && this.#damagedIndexes.has(standing)) {
      throw new IntegrityError(`the index in ${path} cannot be read`)
    }
    const inner = await this.memory.openIndex(path)
    const folder = this.memory.folderAt(path)
    if (folder === undefined) throw new Error(`no folder at ${path}`)
    const journal: IndexJournal = this.#journals.get(folder) ?? { durable: new Map(), pending: [] }
    this.#journals.set(folder, journal)
    const step = this.#stepOfThisLife(path)
    return {
      ...inner,
      batch: async (operations, options) => {
        step('index')
        await inner.batch(operations, options)
        journal.pending.push(operations)
        if (options.sync) this.#settle(journal, journal.pending.length)
      },
    }
  }

  async repairIndex(path: string): Promise<void> {
    this.#step('openIndex', path)
    const folder = this.memory.folderAt(path)
    const damage = folder === undefined ? undefined : this.#damagedIndexes.get(folder)
    if (folder === undefined || damage?.isRepairable !== true) {
      throw new IntegrityError(`the index in ${path} cannot be repaired`)
    }
    this.#damagedIndexes.delete(folder)
  }

  #step(kind: DiskStep['kind'], path: string): void {
    if (this.#isOff) throw new PowerLossError('the power is off')
    const number = this.stepCount
    this.stepCount += 1
    this.onStep?.({ number, kind, path })
    // The hook itself may have cut the power.
    if (this.#isOff) throw new PowerLossError('the power is off')
  }

  #stepOfThisLife(path: string): (kind: DiskStep['kind']) => void {
    const life = this.#life
    return (kind) => {
      if (life !== this.#life) throw new PowerLossError('this handle is from before the crash')
      this.#step(kind, path)
    }
  }

  async #crashFolder(folder: MemoryFolder, keep: () => boolean): Promise<void> {
    const durable = this.#durableEntries.get(folder) ?? new Map<string, MemoryFolder | MemoryFile>()
    for (const name of new Set([...durable.keys(), ...folder.entries.keys()])) {
      const before = durable.get(name)
      if (folder.entries.get(name) === before || keep()) continue
      if (before === undefined) folder.entries.delete(name)
      else folder.entries.set(name, before)
    }
    this.#durableEntries.set(folder, new Map(folder.entries))
    for (const entry of folder.entries.values()) {
      if (entry instanceof MemoryFile) this.#crashFile(entry, keep)
      else await this.#crashFolder(entry, keep)
    }
    await this.#crashIndex(folder, keep)
  }

  #crashFile(file: MemoryFile, keep: () => boolean): void {
    const synced = this.#durableSizes.get(file) ?? 0
    const unsynced = file.sizeBytes - synced
    let kept = 0
    // Up to eight cuts in the tail: all of it, none, or something between.
    for (let part = 1; part <= 8 && unsynced > 0 && keep(); part += 1) kept = Math.ceil((unsynced * part) / 8)
    file.parts = [file.slice(0, synced + kept)]
    file.sizeBytes = synced + kept
    this.#durableSizes.set(file, file.sizeBytes)
  }

  async #crashIndex(folder: MemoryFolder, keep: () => boolean): Promise<void> {
    folder.storeIsOpen = false
    const journal = this.#journals.get(folder)
    if (journal === undefined) return
    let kept = 0
    while (kept < journal.pending.length && keep()) kept += 1
    this.#settle(journal, kept)
    journal.pending = []
    await this.#loadStore(folder, journal)
  }

  async #loadStore(folder: MemoryFolder, { durable }: IndexJournal): Promise<void> {
    const store = new MemoryLevel<Uint8Array, Uint8Array>({
      storeEncoding: 'view',
      keyEncoding: 'view',
      valueEncoding: 'view',
    })
    await store.batch([...durable.values()].map((entry) => ({ type: 'put' as const, ...entry })))
    folder.store = store
  }

  #imageOf(folder: MemoryFolder): FolderImage {
    const entries = [...folder.entries].map(
      ([name, entry]) =>
        [name, entry instanceof MemoryFile ? [...entry.parts] : this.#imageOf(entry)] as const,
    )
    const durable = this.#journals.get(folder)?.durable
    return { entries: new Map(entries), records: durable && new Map(durable) }
  }

  async #restoreFolder(folder: MemoryFolder, image: FolderImage): Promise<void> {
    folder.entries.clear()
    folder.storeIsOpen = false
    for (const [name, held] of image.entries) {
      if ('records' in held) {
        const below = new MemoryFolder()
        await this.#restoreFolder(below, held)
        folder.entries.set(name, below)
        continue
      }
      const file = new MemoryFile()
      file.parts = [...held]
      file.sizeBytes = held.reduce((sum, part) => sum + part.length, 0)
      this.#durableSizes.set(file, file.sizeBytes)
      folder.entries.set(name, file)
    }
    this.#durableEntries.set(folder, new Map(folder.entries))
    if (image.records === undefined) return
    const journal = { durable: new Map(image.records), pending: [] }
    this.#journals.set(folder, journal)
    await this.#loadStore(folder, journal)
  }

  #settle(journal: IndexJournal, batchCount: number): void {
    for (const operation of journal.pending.splice(0, batchCount).flat()) {
      const name = operation.key.join()
      if (operation.type === 'put') journal.durable.set(name, { key: operation.key, value: operation.value })
      else journal.durable.delete(name)
    }
  }
}

function closeIndexes(folder: MemoryFolder): void {
  folder.storeIsOpen = false
  for (const entry of folder.entries.values()) if (entry instanceof MemoryFolder) closeIndexes(entry)
}
