/**
 * Packs on their way, as files of this machine: written blob by blob, sent when they are closed, and gone once the grid
 * has them and the cache knows.
 *
 * | name | what |
 * |---|---|
 * | `<number>.open` | being written; whoever finds one has found what a crash left, and drops it |
 * | `<pack id>.pack` | whole: to be sent |
 *
 * A pack gets its second name when all of it is durable. What a crash has torn all the same is found out: the name is
 * that of the table, and every blob is verified.
 */
import {
  assert,
  type BlobEntry,
  formatPackEnd,
  formatPackId,
  IntegrityError,
  InvalidInputError,
  PACK_BLOBS_MAX_BYTES,
  PACK_ROWS_MAX,
  type PackTable,
  readPackTable,
} from '#crypto'
import { BufferedFile, type Disk, NotFoundError, type UploadSource } from '#node'
import { syncNames } from './durable-folder.ts'
import { RUN_SIZE_BYTES } from './limits.ts'

const OPEN = '.open'
const CLOSED = '.pack'

/** @throws IntegrityError unless what is stored is the blob */
export type VerifyBlob = (entry: BlobEntry, stored: Uint8Array) => Promise<unknown>

export class Spool {
  readonly #disk: Disk
  readonly #folder: string
  #nextNumber = 0

  private constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
  }

  /** For one process at a time. Removes what was never closed. */
  static async open(disk: Disk, folder: string): Promise<Spool> {
    await disk.makeFolder(folder)
    await syncNames(disk, folder, 1)
    for (const { name } of await disk.list(folder)) {
      if (name.endsWith(OPEN)) await disk.removeFile(`${folder}/${name}`)
    }
    return new Spool(disk, folder)
  }

  create(): OpenPack {
    const path = `${this.#folder}/${this.#nextNumber}${OPEN}`
    this.#nextNumber += 1
    return new OpenPack(this.#disk, this.#folder, new BufferedFile(this.#disk, path))
  }

  /** Packs that an earlier session has closed. One that is not what its name says is removed. */
  async *closed(verify: VerifyBlob): AsyncGenerator<ClosedPack, void, undefined> {
    for (const { name } of await this.#disk.list(this.#folder)) {
      if (!name.endsWith(CLOSED)) continue
      const path = `${this.#folder}/${name}`
      const pack = await reopened(this.#disk, path, verify)
      if (pack === undefined) await this.#disk.removeFile(path)
      else yield pack
    }
  }
}

/** A pack that blobs are still added to. Calls come one at a time. */
export class OpenPack {
  readonly #disk: Disk
  readonly #folder: string
  readonly #file: BufferedFile
  readonly #entries: BlobEntry[] = []

  /** By Spool.create only. */
  constructor(disk: Disk, folder: string, file: BufferedFile) {
    this.#disk = disk
    this.#folder = folder
    this.#file = file
  }

  get blobCount(): number {
    return this.#entries.length
  }

  /** Of the blobs in it. */
  get sizeBytes(): number {
    return this.#file.sizeBytes
  }

  /** Whether another blob of so many stored bytes may go in. */
  hasRoomFor(storedSizeBytes: number): boolean {
    return this.blobCount < PACK_ROWS_MAX && this.sizeBytes + storedSizeBytes <= PACK_BLOBS_MAX_BYTES
  }

  /** @returns where it begins. @throws NoSpaceError */
  async append(entry: BlobEntry, stored: Uint8Array): Promise<number> {
    assert(entry.storedSizeBytes === stored.length, 'a row tells the size of its blob')
    assert(this.hasRoomFor(stored.length), 'a pack is closed before it is too large')
    const offsetBytes = this.sizeBytes
    await this.#file.append(stored)
    this.#entries.push(entry)
    return offsetBytes
  }

  /** A blob that was appended. */
  async read(offsetBytes: number, sizeBytes: number): Promise<Uint8Array> {
    const waiting = this.#file.waiting(offsetBytes, sizeBytes)
    return waiting ?? readPart(this.#disk, this.#file.path, { offsetBytes, sizeBytes })
  }

  /** It holds at least one blob. Durable under its own name when it resolves. */
  async close(): Promise<ClosedPack> {
    const { bytes, ...table } = formatPackEnd(this.#entries)
    await this.#file.append(bytes)
    await this.#file.syncAndClose()
    const path = `${this.#folder}/${formatPackId(table.packId)}${CLOSED}`
    await this.#disk.rename(this.#file.path, path)
    await this.#disk.syncFolder(this.#folder)
    return new ClosedPack(this.#disk, path, table)
  }

  async discard(): Promise<void> {
    await this.#file.remove()
  }
}

/** A pack that is whole. */
export class ClosedPack {
  readonly table: PackTable
  readonly #disk: Disk
  readonly #path: string

  constructor(disk: Disk, path: string, table: PackTable) {
    this.#disk = disk
    this.#path = path
    this.table = table
  }

  get source(): UploadSource {
    const { packSizeBytes: sizeBytes } = this.table
    return { sizeBytes, rereadable: true, open: () => readWhole(this.#disk, this.#path) }
  }

  read(offsetBytes: number, sizeBytes: number): Promise<Uint8Array> {
    return readPart(this.#disk, this.#path, { offsetBytes, sizeBytes })
  }

  async remove(): Promise<void> {
    await this.#disk.removeFile(this.#path)
  }
}

/** Undefined unless it is a pack, the one that its name says, and every blob in it is sound. */
async function reopened(disk: Disk, path: string, verify: VerifyBlob): Promise<ClosedPack | undefined> {
  const file = await disk.openFile(path)
  if (file === undefined) return undefined
  try {
    const table = await readPackTable(file.sizeBytes, ({ start, end }) => file.read(start, end - start))
    if (!path.endsWith(`/${formatPackId(table.packId)}${CLOSED}`)) return undefined
    for (const row of table.rows) await verify(row, await file.read(row.offsetBytes, row.storedSizeBytes))
    return new ClosedPack(disk, path, table)
  } catch (error) {
    if (error instanceof InvalidInputError || error instanceof IntegrityError) return undefined
    throw error
  } finally {
    await file.close()
  }
}

async function readPart(
  disk: Disk,
  path: string,
  { offsetBytes, sizeBytes }: { readonly offsetBytes: number; readonly sizeBytes: number },
): Promise<Uint8Array> {
  const file = await openSpooled(disk, path)
  try {
    return await file.read(offsetBytes, sizeBytes)
  } finally {
    await file.close()
  }
}

async function* readWhole(disk: Disk, path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await openSpooled(disk, path)
  try {
    for (let offset = 0; offset < file.sizeBytes; offset += RUN_SIZE_BYTES) {
      yield await file.read(offset, Math.min(RUN_SIZE_BYTES, file.sizeBytes - offset))
    }
  } finally {
    await file.close()
  }
}

async function openSpooled(disk: Disk, path: string) {
  const file = await disk.openFile(path)
  if (file === undefined) throw new NotFoundError('a pack was taken out of the spool while it was on its way')
  return file
}
