/**
 * Files and folders of this machine, as a copy reads them.
 *
 * Looking at a file, and reading a small one, is done on this thread: each call takes some microseconds, and a trip to
 * the thread pool and back a thousand times as long when the machine is busy with the copy itself.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  read,
  readSync,
  type Stats,
  statSync,
} from 'node:fs'
import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { InvalidInputError } from '#crypto'
import type { UploadSource } from '#node'
import { errnoOf, explain } from '../errno.ts'
import type { LocalEntry } from './plan.ts'

const READ_SIZE_BYTES = 1024 * 1024
/** What is read on this thread: some 20 microseconds from the cache of the system, and one seek from a disk. */
const SMALL_READ_MAX_BYTES = 64 * 1024
/** Node sets times in seconds of floating point, and Node 22 comes out up to a quarter of a microsecond too low. */
const TIME_TOLERANCE_MILLISECONDS = 0.01
const readAway = promisify(read)
/** So many names are read from a folder at once. */
const FOLDER_READ_AHEAD = 64

/** Undefined if nothing has the name. @param follow what a link leads to, and not the link itself */
export async function localEntry(
  path: string,
  options: { readonly follow: boolean },
): Promise<LocalEntry | undefined> {
  try {
    return entryOf(options.follow ? statSync(path) : lstatSync(path))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    return explain('reading', path)(error)
  }
}

/** Names in a folder, in no order, read as they are asked for. */
export async function* namesIn(folder: string): AsyncGenerator<string, void, undefined> {
  const entries = await opendir(folder, { bufferSize: FOLDER_READ_AHEAD }).catch(explain('reading', folder))
  for await (const { name } of entries) yield name
}

/** What tells one folder from another, whatever leads to it. */
export async function folderIdentity(folder: string): Promise<string> {
  const { dev, ino } = await stat(folder).catch(explain('reading', folder))
  return `${dev}:${ino}`
}

/** An open file: what is read is what was looked at, whatever the name stands for meanwhile. */
export class LocalFile implements AsyncDisposable {
  readonly path: string
  readonly entry: LocalEntry
  readonly #file: number

  private constructor(path: string, entry: LocalEntry, file: number) {
    this.path = path
    this.entry = entry
    this.#file = file
  }

  /** @throws InvalidInputError if it has gone, may not be read, or is no file any more */
  static async open(path: string, options: { readonly follow: boolean }): Promise<LocalFile> {
    const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants
    // Opening a pipe would wait for its writer.
    const flags = O_RDONLY | (O_NONBLOCK ?? 0) | (options.follow ? 0 : (O_NOFOLLOW ?? 0))
    const file = opened(path, flags)
    try {
      const entry = entryOf(fstatSync(file))
      if (entry.kind === 'file') return new LocalFile(path, entry, file)
      throw new InvalidInputError(`reading ${path}: it is no file any more`)
    } catch (error) {
      closeSync(file)
      throw error
    }
  }

  get source(): UploadSource {
    return { sizeBytes: this.entry.sizeBytes, rereadable: true, open: () => this.#read() }
  }

  /** Whether size and time are what they were when it was opened. */
  async isUnchanged(): Promise<boolean> {
    const { sizeBytes, modifiedAtMilliseconds } = entryOf(fstatSync(this.#file))
    return sizeBytes === this.entry.sizeBytes && modifiedAtMilliseconds === this.entry.modifiedAtMilliseconds
  }

  async [Symbol.asyncDispose](): Promise<void> {
    closeSync(this.#file)
  }

  async #readInto(buffer: Uint8Array, position: number): Promise<number> {
    try {
      if (buffer.length <= SMALL_READ_MAX_BYTES)
        return readSync(this.#file, buffer, 0, buffer.length, position)
      return (await readAway(this.#file, buffer, 0, buffer.length, position)).bytesRead
    } catch (error) {
      return explain('reading', this.path)(error)
    }
  }

  async *#read(): AsyncGenerator<Uint8Array, void, undefined> {
    // A byte more than it should have, to see the end of a small file without reading again.
    const sizeBytes = Math.min(READ_SIZE_BYTES, this.entry.sizeBytes + 1)
    for (let position = 0; ; ) {
      const buffer = new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer)
      const bytesRead = await this.#readInto(buffer, position)
      if (bytesRead === 0) return
      position += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  }
}

function opened(path: string, flags: number): number {
  try {
    return openSync(path, flags)
  } catch (error) {
    return explain('reading', path)(error)
  }
}

/** Where a name of a folder lies. */
export function below(folder: string, name: string): string {
  return join(folder, name)
}

function entryOf(found: Stats): LocalEntry {
  const time = Math.floor(found.mtimeMs + TIME_TOLERANCE_MILLISECONDS)
  return {
    kind: found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other',
    sizeBytes: found.size,
    modifiedAtMilliseconds: time >= 0 ? time : undefined,
    mode: found.mode & 0o777,
  }
}
