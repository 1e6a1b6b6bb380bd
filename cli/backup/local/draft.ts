/**
 * Something that a restore makes: under a name of its own until it is whole, then by one rename under the name that it
 * is meant for. Who looks there finds what was there before, or what is there now, and never half of it.
 */
import { randomBytes } from 'node:crypto'
import {
  type BigIntStats,
  closeSync,
  fdatasync,
  ftruncateSync,
  linkSync,
  lstatSync,
  constants as openFlags,
  openSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  write,
  writeSync,
} from 'node:fs'
import { promisify } from 'node:util'
import { assert, InvalidInputError, type TreeEntry } from '#crypto'
import { errnoOf } from '../../errno.ts'
import type { LocalFolder } from './folder.ts'
import type { LocalSystem } from './local-system.ts'
import { DRAFT_PREFIX } from './target-folder.ts'

/** Runs of zeros of so many bytes, at multiples of it, become holes: what disks give space in. */
const HOLE_BYTES = 4096
const NO_BYTES = Buffer.alloc(HOLE_BYTES)
/** Written on this thread: faster than on another. */
const WRITE_AT_ONCE_BYTES = 64 * 1024
const DRAFT_FLAGS = openFlags.O_RDWR | openFlags.O_CREAT | openFlags.O_EXCL | openFlags.O_NOFOLLOW

export class Draft implements Disposable {
  readonly #folder: LocalFolder
  readonly #name = Buffer.from(`${DRAFT_PREFIX}${randomBytes(8).toString('hex')}`)
  #isThere = false

  constructor(folder: LocalFolder) {
    this.#folder = folder
  }

  /** For a call, good for its time. */
  get path(): Buffer {
    return this.#folder.at(this.#name)
  }

  get stats(): BigIntStats {
    return lstatSync(this.path, { bigint: true })
  }

  /** An empty file for its owner alone. */
  file(): FileDraft {
    const file = openSync(this.path, DRAFT_FLAGS, 0o600)
    this.#isThere = true
    return new FileDraft(file)
  }

  symlink(target: Uint8Array): void {
    symlinkSync(Buffer.from(target), this.path)
    this.#isThere = true
  }

  /** Another name of something that is there. @param path for a call */
  link(path: Buffer): void {
    linkSync(path, this.path)
    this.#isThere = true
  }

  /** A fifo, socket or device. @throws InvalidInputError without native calls */
  node({ kind, deviceNumber = 0n }: TreeEntry, { native }: LocalSystem): void {
    assert(kind !== 'file' && kind !== 'folder' && kind !== 'symlink', 'a node is a fifo, socket or device')
    if (native === undefined)
      throw new InvalidInputError(`a ${kind} cannot be made here without native calls`)
    native.makeNode(this.path, { kind, mode: 0o600, deviceNumber })
    this.#isThere = true
  }

  /** Takes the place of what has that name. @throws the system's error, for a folder */
  become(name: Uint8Array): void {
    renameSync(this.path, this.#folder.at(name))
    this.#isThere = false
  }

  /** Nothing is left of one that did not become anything. */
  [Symbol.dispose](): void {
    if (!this.#isThere) return
    this.#isThere = false
    try {
      unlinkSync(this.path)
    } catch (error) {
      // Whoever took it away, or the folder, has done our work.
      if (errnoOf(error) !== 'ENOENT') throw error
    }
  }
}

const writeAt = promisify(write)
const syncData = promisify(fdatasync)

export class FileDraft implements Disposable {
  readonly #file: number
  #sizeBytes = 0

  constructor(file: number) {
    this.#file = file
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  async append(bytes: Uint8Array): Promise<void> {
    const start = this.#sizeBytes
    this.#sizeBytes += bytes.length
    for (let done = 0; done < bytes.length; ) {
      const rest = bytes.subarray(done)
      done +=
        rest.length <= WRITE_AT_ONCE_BYTES
          ? writeSync(this.#file, rest, 0, rest.length, start + done)
          : (await writeAt(this.#file, rest, 0, rest.length, start + done)).bytesWritten
    }
  }

  /** As `append`, and zeros take no space. */
  async appendSparsely(bytes: Uint8Array): Promise<void> {
    let done = 0
    for (const { length, isHole } of runsOf(bytes, this.#sizeBytes)) {
      if (isHole) this.#sizeBytes += length
      else await this.append(bytes.subarray(done, done + length))
      done += length
    }
  }

  /** A hole at the end is there too. */
  finish(): void {
    ftruncateSync(this.#file, this.#sizeBytes)
  }

  /** The bytes are durable. */
  async sync(): Promise<void> {
    await syncData(this.#file)
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
  }
}

/** The runs of zeros and of other bytes, in order. */
function* runsOf(
  bytes: Uint8Array,
  offset: number,
): Generator<{ readonly length: number; readonly isHole: boolean }, void, undefined> {
  let length = 0
  let wasHole = false
  for (let start = 0; start < bytes.length; ) {
    const size = Math.min(HOLE_BYTES - ((offset + start) % HOLE_BYTES), bytes.length - start)
    const isHole = NO_BYTES.subarray(0, size).equals(bytes.subarray(start, start + size))
    if (length > 0 && isHole !== wasHole) {
      yield { length, isHole: wasHole }
      length = 0
    }
    wasHole = isHole
    length += size
    start += size
  }
  if (length > 0) yield { length, isHole: wasHole }
}
