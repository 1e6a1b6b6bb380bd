/**
 * A disk in memory, for devices that lend memory and for tests. The same promises as a real disk, except that nothing
 * outlives the process; test/sim/disk.ts adds crashes and faults on top.
 */
import { MemoryLevel } from 'memory-level'
import { assert, IntegrityError } from '#crypto'
import { ConflictError, NoSpaceError, NotFoundError } from '../errors.ts'
import { levelIndex } from './level-index.ts'
import type { Disk, DiskEntry, KeyValueIndex, ReadableFile, WritableFile } from './platform.ts'

export class MemoryFolder {
  readonly entries = new Map<string, MemoryFolder | MemoryFile>()
  /** An index that lives in this folder. */
  store: MemoryLevel<Uint8Array, Uint8Array> | undefined
  storeIsOpen = false
}

/** Content as it was appended; parts are never changed once they stand. */
export class MemoryFile {
  parts: Uint8Array[] = []
  sizeBytes = 0

  /** A copy of a run inside the file. */
  slice(offset: number, sizeBytes: number): Uint8Array {
    assert(offset >= 0 && offset + sizeBytes <= this.sizeBytes, 'a run lies inside the file')
    const bytes = new Uint8Array(sizeBytes)
    let start = 0
    for (const part of this.parts) {
      const end = start + part.length
      if (end > offset && start < offset + sizeBytes) {
        const from = Math.max(0, offset - start)
        const to = Math.min(part.length, offset + sizeBytes - start)
        bytes.set(part.subarray(from, to), start + from - offset)
      }
      start = end
    }
    return bytes
  }
}

export class MemoryDisk implements Disk {
  readonly root = new MemoryFolder()
  /** For all file content together; names and indexes are not counted. May be changed at any time. */
  capacityBytes: number
  #usedBytes = 0

  constructor(options: { readonly capacityBytes: number }) {
    this.capacityBytes = options.capacityBytes
  }

  async makeFolder(path: string): Promise<void> {
    let folder = this.root
    for (const name of partsOf(path)) {
      const next = folder.entries.get(name) ?? new MemoryFolder()
      if (next instanceof MemoryFile)
        throw new ConflictError(`a file stands in the way of the folder ${path}`)
      folder.entries.set(name, next)
      folder = next
    }
  }

  async list(path: string): Promise<readonly DiskEntry[]> {
    const folder = this.folderAt(path)
    if (folder === undefined) return []
    return [...folder.entries].map(([name, entry]) => ({ name, isFolder: entry instanceof MemoryFolder }))
  }

  async createFile(path: string): Promise<WritableFile> {
    const { folder, name } = this.#placeOf(path)
    if (folder.entries.has(name)) throw new ConflictError(`something stands at ${path} already`)
    const file = new MemoryFile()
    folder.entries.set(name, file)
    return {
      get sizeBytes() {
        return file.sizeBytes
      },
      append: async (bytes) => this.#append(file, bytes),
      sync: async () => {},
      close: async () => {},
    }
  }

  async openFile(path: string): Promise<ReadableFile | undefined> {
    const file = this.fileAt(path)
    if (file === undefined) return undefined
    const { sizeBytes } = file
    return {
      sizeBytes,
      read: async (offset, wantedBytes) => {
        if (offset + wantedBytes > file.sizeBytes) {
          throw new IntegrityError(
            `the file ends at ${file.sizeBytes} bytes, wanted ${wantedBytes} from ${offset}`,
          )
        }
        return file.slice(offset, wantedBytes)
      },
      close: async () => {},
    }
  }

  async rename(from: string, to: string): Promise<void> {
    const source = this.#placeOf(from)
    const target = this.#placeOf(to)
    const entry = source.folder.entries.get(source.name)
    if (entry === undefined) throw new NotFoundError(`nothing stands at ${from}`)
    const replaced = target.folder.entries.get(target.name)
    if (replaced instanceof MemoryFolder) throw new ConflictError(`a folder stands at ${to}`)
    source.folder.entries.delete(source.name)
    target.folder.entries.set(target.name, entry)
    if (replaced !== undefined && replaced !== entry) this.#usedBytes -= replaced.sizeBytes
  }

  async removeFile(path: string): Promise<void> {
    const file = this.fileAt(path)
    if (file === undefined) return
    const { folder, name } = this.#placeOf(path)
    folder.entries.delete(name)
    this.#usedBytes -= file.sizeBytes
  }

  async removeFolder(path: string): Promise<void> {
    const doomed = this.folderAt(path)
    if (doomed === undefined) return
    if (doomed.entries.size > 0 || doomed.storeIsOpen)
      throw new ConflictError(`the folder ${path} is not empty`)
    const { folder, name } = this.#placeOf(path)
    folder.entries.delete(name)
  }

  async syncFolder(path: string): Promise<void> {
    if (this.folderAt(path) === undefined) throw new NotFoundError(`no folder at ${path}`)
  }

  async freeBytes(_path: string): Promise<number> {
    return Math.max(0, this.capacityBytes - this.#usedBytes)
  }

  async openIndex(path: string): Promise<KeyValueIndex> {
    await this.makeFolder(path)
    const folder = this.folderAt(path)
    assert(folder !== undefined, 'a folder stands where it was made')
    if (folder.storeIsOpen) throw new ConflictError(`another holder has the index in ${path}`)
    folder.store ??= new MemoryLevel({ storeEncoding: 'view', keyEncoding: 'view', valueEncoding: 'view' })
    folder.storeIsOpen = true
    const index = levelIndex(folder.store)
    // The database stays open underneath: closing a memory-level forgets nothing, but would refuse the next holder.
    const close = async () => {
      folder.storeIsOpen = false
    }
    return { ...index, close }
  }

  /** Memory does not rot. */
  async repairIndex(_path: string): Promise<void> {}

  folderAt(path: string): MemoryFolder | undefined {
    let entry: MemoryFolder | MemoryFile | undefined = this.root
    for (const name of partsOf(path)) {
      if (!(entry instanceof MemoryFolder)) return undefined
      entry = entry.entries.get(name)
    }
    return entry instanceof MemoryFolder ? entry : undefined
  }

  fileAt(path: string): MemoryFile | undefined {
    const parts = partsOf(path)
    const entry = this.folderAt(parts.slice(0, -1).join('/'))?.entries.get(parts.at(-1) ?? '')
    return entry instanceof MemoryFile ? entry : undefined
  }

  /** Count again what the files hold, after someone changed the tree from outside. */
  recount(): void {
    this.#usedBytes = sizeOf(this.root)
  }

  #append(file: MemoryFile, bytes: Uint8Array): void {
    if (this.#usedBytes + bytes.length > this.capacityBytes) {
      throw new NoSpaceError(`no space left in memory: ${this.capacityBytes} bytes are lent`)
    }
    file.parts.push(bytes.slice())
    file.sizeBytes += bytes.length
    this.#usedBytes += bytes.length
  }

  #placeOf(path: string): { readonly folder: MemoryFolder; readonly name: string } {
    const parts = partsOf(path)
    const name = parts.at(-1)
    const folder = this.folderAt(parts.slice(0, -1).join('/'))
    if (name === undefined || folder === undefined) throw new NotFoundError(`no folder for ${path}`)
    return { folder, name }
  }
}

function partsOf(path: string): readonly string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.')
}

function sizeOf(folder: MemoryFolder): number {
  let sizeBytes = 0
  for (const entry of folder.entries.values()) {
    sizeBytes += entry instanceof MemoryFile ? entry.sizeBytes : sizeOf(entry)
  }
  return sizeBytes
}
