/**
 * A file that is written front to back and gathers small appends, so that a small share costs one create and one
 * write. The file is made with the first byte that must go to the disk.
 */
import { assert } from '#crypto'
import { BusyError } from '../errors.ts'
import type { Disk, WritableFile } from '../platform/platform.ts'

/** Appends of this size or more go to the disk without being copied. */
const BUFFER_MAX_BYTES = 64 * 1024
const BUFFER_MIN_BYTES = 2 * 1024

export class BufferedFile {
  readonly path: string
  readonly #disk: Disk
  #file: WritableFile | undefined
  #buffer = new Uint8Array(0)
  #bufferedBytes = 0
  #sizeBytes = 0
  #flushedBytes = 0
  #isMade = false
  #isClosed = false

  /** @param path a name that nothing has; its folder exists */
  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.path = path
  }

  /** Bytes appended, whether they are on the disk yet or not. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Bytes that the disk has. */
  get flushedBytes(): number {
    return this.#flushedBytes
  }

  /** The bytes are free again when the promise resolves. One call at a time. @throws NoSpaceError */
  async append(bytes: Uint8Array): Promise<void> {
    if (this.#bufferedBytes + bytes.length > BUFFER_MAX_BYTES) await this.#flush()
    if (bytes.length >= BUFFER_MAX_BYTES) await this.#write(bytes)
    else this.#gather(bytes)
    this.#sizeBytes += bytes.length
  }

  /** A copy of the whole content, as long as none of it went to the disk. */
  gathered(): Uint8Array | undefined {
    return this.#isMade ? undefined : this.#buffer.slice(0, this.#bufferedBytes)
  }

  /** A copy of a run that was appended in one call, as long as it waits to go to the disk. */
  waiting(offset: number, sizeBytes: number): Uint8Array | undefined {
    const start = offset - this.#flushedBytes
    if (start < 0 || start + sizeBytes > this.#bufferedBytes) return undefined
    return this.#buffer.slice(start, start + sizeBytes)
  }

  /** Everything is durable under the incoming name when the promise resolves, and the file is closed. */
  async syncAndClose(): Promise<void> {
    await this.#flush()
    await this.#file?.sync()
    await this.close()
  }

  /** What was gathered and not flushed is lost. May be called twice. */
  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    this.#isClosed = true
    this.#buffer = new Uint8Array(0)
    this.#bufferedBytes = 0
    await file?.close()
  }

  /** Close it, and remove the file if it came to one. May be called twice. */
  async remove(): Promise<void> {
    await this.close()
    if (this.#isMade) await this.#disk.removeFile(this.path)
  }

  #gather(bytes: Uint8Array): void {
    const end = this.#bufferedBytes + bytes.length
    if (end > this.#buffer.length) {
      const sizeBytes = Math.min(BUFFER_MAX_BYTES, Math.max(BUFFER_MIN_BYTES, 2 * end))
      const grown = new Uint8Array(sizeBytes)
      grown.set(this.#buffer.subarray(0, this.#bufferedBytes))
      this.#buffer = grown
    }
    this.#buffer.set(bytes, this.#bufferedBytes)
    this.#bufferedBytes = end
  }

  async #flush(): Promise<void> {
    if (this.#bufferedBytes === 0) return
    await this.#write(this.#buffer.subarray(0, this.#bufferedBytes))
    this.#bufferedBytes = 0
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#isClosed) throw new BusyError('the storage is closing: the write was dropped')
    if (!this.#isMade) {
      this.#file = await this.#disk.createFile(this.path)
      this.#isMade = true
    }
    assert(this.#file !== undefined, 'an open file stands')
    await this.#file.append(bytes)
    this.#flushedBytes += bytes.length
  }
}
