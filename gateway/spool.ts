/**
 * A body that must be read twice, kept in a file meanwhile: the key of a convergent put follows from all of it. The
 * file lies in the home, readable by its owner alone, and goes when the put has ended or, after a crash, at the next
 * start.
 */
import { toBase32 } from '#crypto'
import { type Disk, NotFoundError, type Random, type UploadSource } from '#node'

const READ_SIZE_BYTES = 1024 * 1024

export interface SpooledSource extends UploadSource, AsyncDisposable {}

export class SpoolFolder {
  readonly #disk: Disk
  readonly #random: Random
  readonly #path: string

  private constructor(disk: Disk, random: Random, path: string) {
    this.#disk = disk
    this.#random = random
    this.#path = path
  }

  /** Removes what a crash has left. */
  static async open(disk: Disk, random: Random, path: string): Promise<SpoolFolder> {
    await disk.makeFolder(path)
    for (const { name, isFolder } of await disk.list(path)) {
      if (!isFolder) await disk.removeFile(`${path}/${name}`)
    }
    return new SpoolFolder(disk, random, path)
  }

  /** Read the body to its end; dispose of the source when done. @throws NoSpaceError */
  async keep(body: AsyncIterable<Uint8Array>): Promise<SpooledSource> {
    const disk = this.#disk
    const path = `${this.#path}/${toBase32(this.#random.bytes(16))}`
    const remove = () => disk.removeFile(path)
    try {
      const sizeBytes = await writeBody(disk, path, body)
      return { sizeBytes, rereadable: true, open: () => readBody(disk, path), [Symbol.asyncDispose]: remove }
    } catch (error) {
      await remove()
      throw error
    }
  }
}

async function writeBody(disk: Disk, path: string, body: AsyncIterable<Uint8Array>): Promise<number> {
  const file = await disk.createFile(path)
  try {
    for await (const bytes of body) await file.append(bytes)
    return file.sizeBytes
  } finally {
    await file.close()
  }
}

async function* readBody(disk: Disk, path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await disk.openFile(path)
  if (file === undefined) throw new NotFoundError('a spooled body was taken away while it was read')
  try {
    for (let offset = 0; offset < file.sizeBytes; offset += READ_SIZE_BYTES) {
      yield await file.read(offset, Math.min(READ_SIZE_BYTES, file.sizeBytes - offset))
    }
  } finally {
    await file.close()
  }
}
