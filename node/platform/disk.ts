/** The real disk, over node:fs; its indexes are level databases. */
import { type FileHandle, mkdir, open, readdir, rename, rmdir, statfs, unlink } from 'node:fs/promises'
import { Level } from 'level'
import { IntegrityError } from '#crypto'
import { ConflictError, NoSpaceError } from '../errors.ts'
import { levelIndex } from './level-index.ts'
import type { Disk, DiskEntry, KeyValueIndex, ReadableFile, WritableFile } from './platform.ts'

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
/** Files of a level database that hold entries. */
const LEVEL_DATA = /\.(ldb|sst|log)$/

export const nodeDisk: Disk = Object.freeze({
  async makeFolder(path: string) {
    await mkdir(path, { recursive: true, mode: FOLDER_MODE }).catch(translate(path))
  },

  async list(path: string): Promise<readonly DiskEntry[]> {
    const entries = await readdir(path, { withFileTypes: true }).catch(orIfMissing([]))
    return entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
  },

  async createFile(path: string): Promise<WritableFile> {
    return new NodeWritableFile(await open(path, 'wx', FILE_MODE).catch(translate(path)), path)
  },

  async openFile(path: string): Promise<ReadableFile | undefined> {
    const handle = await open(path, 'r').catch(orIfMissing(undefined))
    if (handle === undefined) return undefined
    try {
      return new NodeReadableFile(handle, (await handle.stat()).size)
    } catch (error) {
      await handle.close()
      throw error
    }
  },

  async rename(from: string, to: string) {
    await rename(from, to).catch(translate(to))
  },

  async removeFile(path: string) {
    await unlink(path).catch(orIfMissing(undefined))
  },

  async removeFolder(path: string) {
    await rmdir(path).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return
      translate(path)(error)
    })
  },

  async syncFolder(path: string) {
    // Windows has no such call, and keeps its folders in order by itself.
    if (process.platform === 'win32') return
    const handle = await open(path, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },

  async freeBytes(path: string) {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  },

  openIndex,
  repairIndex,
})

async function openIndex(path: string): Promise<KeyValueIndex> {
  await mkdir(path, { recursive: true, mode: FOLDER_MODE }).catch(translate(path))
  // Without its CURRENT, level would take the folder for an empty one, and remove what stands in it.
  const names = await readdir(path)
  if (!names.includes('CURRENT') && names.some((name) => LEVEL_DATA.test(name))) {
    throw new IntegrityError(`the index in ${path} has lost its root`)
  }
  const level = new Level<Uint8Array, Uint8Array>(path, { keyEncoding: 'view', valueEncoding: 'view' })
  try {
    await level.open()
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    if (errorCode(cause) === 'LEVEL_LOCKED') {
      throw new ConflictError(`another process holds the index in ${path}`, {}, { cause })
    }
    if (await isFull(path)) throw new NoSpaceError(`no space for the index in ${path}`, {}, { cause })
    throw new IntegrityError(`the index in ${path} cannot be read`, {}, { cause })
  }
  return levelIndex(level)
}

async function repairIndex(path: string): Promise<void> {
  try {
    // Only level's declaration lacks it, as browsers do.
    if (!('repair' in Level) || typeof Level.repair !== 'function') throw new Error('level cannot repair')
    await Level.repair(path)
  } catch (cause) {
    if (await isFull(path)) throw new NoSpaceError(`no space to repair the index in ${path}`, {}, { cause })
    throw new IntegrityError(`the index in ${path} cannot be repaired`, {}, { cause })
  }
}

class NodeWritableFile implements WritableFile {
  readonly #handle: FileHandle
  readonly #path: string
  #sizeBytes = 0

  constructor(handle: FileHandle, path: string) {
    this.#handle = handle
    this.#path = path
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Positioned, so that a failed append is written over by the next. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#handle
        .write(bytes, done, bytes.length - done, this.#sizeBytes + done)
        .catch(translate(this.#path))
      done += bytesWritten
    }
    this.#sizeBytes += bytes.length
  }

  async sync(): Promise<void> {
    await this.#handle.datasync().catch(translate(this.#path))
  }

  async close(): Promise<void> {
    await this.#handle.close().catch(translate(this.#path))
  }
}

class NodeReadableFile implements ReadableFile {
  readonly #handle: FileHandle
  readonly sizeBytes: number

  constructor(handle: FileHandle, sizeBytes: number) {
    this.#handle = handle
    this.sizeBytes = sizeBytes
  }

  async read(offset: number, sizeBytes: number): Promise<Uint8Array> {
    const beyond = () =>
      new IntegrityError(`the file ends at ${this.sizeBytes} bytes, wanted ${sizeBytes} from ${offset}`)
    if (offset + sizeBytes > this.sizeBytes) throw beyond()
    // Not zeroed: every byte is written below, or nothing is returned.
    const bytes = new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer)
    for (let done = 0; done < sizeBytes; ) {
      const { bytesRead } = await this.#handle.read(bytes, done, sizeBytes - done, offset + done)
      if (bytesRead === 0) throw beyond()
      done += bytesRead
    }
    return bytes
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

function errorCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function orIfMissing<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (errorCode(error) === 'ENOENT') return value
    throw error
  }
}

/** Rethrow as what the caller can act on. */
function translate(path: string): (cause: unknown) => never {
  return (cause) => {
    switch (errorCode(cause)) {
      case 'ENOSPC':
      case 'EDQUOT':
        throw new NoSpaceError(`no space left on the disk for ${path}`, {}, { cause })
      case 'EEXIST':
      case 'ENOTEMPTY':
        throw new ConflictError(`something stands at ${path} already`, {}, { cause })
      default:
        throw cause
    }
  }
}

async function isFull(path: string): Promise<boolean> {
  const { bavail } = await statfs(path)
  return bavail === 0
}
