/**
 * A file of this machine as it is read for a backup: no symlink is followed, nothing waits for the writer of a fifo,
 * the time of its last access stays if that is allowed, holes are not read, and whether it changed meanwhile can be
 * asked.
 */
import {
  type BigIntStats,
  closeSync,
  fstatSync,
  constants as openFlags,
  openSync,
  read,
  readSync,
} from 'node:fs'
import { errnoOf } from '../../errno.ts'
import type { LocalSystem } from './local-system.ts'

/** Read in one go, on this thread: faster than to another and back. */
const READ_AT_ONCE_BYTES = 64 * 1024
/** Larger files are read so much at a time, the next while this is worked on. */
const RUN_SIZE_BYTES = 1024 * 1024
/** What stat counts the size on disk in. */
const BLOCK_BYTES = 512n
const FLAGS = openFlags.O_RDONLY | openFlags.O_NOFOLLOW | openFlags.O_NONBLOCK
/** Linux alone has it. */
const O_NOATIME: number = openFlags.O_NOATIME ?? 0

interface Run {
  readonly start: number
  readonly end: number
  readonly isHole: boolean
}

export class ReadFile implements Disposable {
  readonly #file: number
  readonly #system: LocalSystem
  #stats: BigIntStats
  #isSparse = false

  private constructor(file: number, system: LocalSystem) {
    this.#file = file
    this.#system = system
    this.#stats = fstatSync(file, { bigint: true })
  }

  /** @param path for a call @throws the system's error */
  static open(path: Buffer, system: LocalSystem): ReadFile {
    const file = openQuietly(path)
    try {
      return new ReadFile(file, system)
    } catch (error) {
      closeSync(file)
      throw error
    }
  }

  /** As it was when it was opened, or when `content` was last begun. */
  get stats(): BigIntStats {
    return this.#stats
  }

  /** Whether the last reading met a hole. */
  get isSparse(): boolean {
    return this.#isSparse
  }

  /**
   * Its bytes, up to the size that it has at the beginning: what is added later comes with the next backup. Less if it
   * was cut meanwhile. Buffers belong to the reader.
   *
   * @throws the system's error
   */
  async *content(): AsyncGenerator<Uint8Array, void, undefined> {
    this.#stats = fstatSync(this.#file, { bigint: true })
    this.#isSparse = false
    const size = Number(this.#stats.size)
    const mayHaveHoles = this.#stats.blocks * BLOCK_BYTES < this.#stats.size
    if (size === 0) return
    if (size <= READ_AT_ONCE_BYTES && !mayHaveHoles) {
      const bytes = readAtOnce(this.#file, size)
      if (bytes.length > 0) yield bytes
      return
    }
    for (const run of mayHaveHoles ? this.#runs(size) : [{ start: 0, end: size, isHole: false }]) {
      this.#isSparse ||= run.isHole
      const isWhole = yield* run.isHole ? zeros(run) : readAhead(this.#file, run)
      if (!isWhole) return
    }
  }

  /** Whether it is another file now than the one whose content was read, as far as the system tells. */
  hasChanged(): boolean {
    const now = fstatSync(this.#file, { bigint: true })
    const before = this.#stats
    return now.size !== before.size || now.mtimeNs !== before.mtimeNs || now.ctimeNs !== before.ctimeNs
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
  }

  /** Data and holes by turns. */
  *#runs(size: number): Generator<Run, void, undefined> {
    for (let start = 0; start < size; ) {
      const run = this.#runAt(start, size)
      yield run
      start = run.end
    }
  }

  #runAt(start: number, size: number): Run {
    const { native } = this.#system
    try {
      if (native !== undefined) {
        const data = Math.min(native.nextData(this.#file, start) ?? size, size)
        if (data > start) return { start, end: data, isHole: true }
        const hole = Math.min(native.nextHole(this.#file, data), size)
        if (hole > start) return { start, end: hole, isHole: false }
      }
    } catch {
      // A file system that does not tell where its holes are.
    }
    // It is read like any other, and its zeros come back as holes. That it takes little space may come of compression:
    // the bytes are the same all the same.
    this.#isSparse = true
    return { start, end: size, isHole: false }
  }
}

/** Only the owner of a file and root may leave the time of access alone. */
function openQuietly(path: Buffer): number {
  try {
    return openSync(path, FLAGS | O_NOATIME)
  } catch (error) {
    if (errnoOf(error) !== 'EPERM' || O_NOATIME === 0) throw error
    return openSync(path, FLAGS)
  }
}

function readAtOnce(file: number, size: number): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(size)
  let done = 0
  while (done < size) {
    const count = readSync(file, bytes, done, size - done, done)
    if (count === 0) break
    done += count
  }
  return bytes.subarray(0, done)
}

/** @returns false if the file ended early */
async function* readAhead(file: number, { start, end }: Run): AsyncGenerator<Uint8Array, boolean, undefined> {
  const begin = (from: number): Promise<Uint8Array> | undefined =>
    from < end ? readRun(file, from, Math.min(RUN_SIZE_BYTES, end - from)) : undefined
  let next = begin(start)
  let from = start
  try {
    while (next !== undefined) {
      const bytes = await next
      const wanted = Math.min(RUN_SIZE_BYTES, end - from)
      from += bytes.length
      next = bytes.length === wanted ? begin(from) : undefined
      next?.catch(() => undefined)
      if (bytes.length > 0) yield bytes
      if (bytes.length < wanted) return false
    }
    return true
  } finally {
    // The file must not be closed under a reading.
    await next?.catch(() => undefined)
  }
}

async function readRun(file: number, start: number, size: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(size)
  let done = 0
  while (done < size) {
    const count = await readSome(file, bytes.subarray(done), start + done)
    if (count === 0) break
    done += count
  }
  return bytes.subarray(0, done)
}

function readSome(file: number, into: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(file, into, 0, into.length, position, (error, count) => {
      if (error === null) resolve(count)
      else reject(error)
    })
  })
}

async function* zeros({ start, end }: Run): AsyncGenerator<Uint8Array, boolean, undefined> {
  for (let left = end - start; left > 0; left -= RUN_SIZE_BYTES)
    yield Buffer.alloc(Math.min(RUN_SIZE_BYTES, left))
  return true
}
