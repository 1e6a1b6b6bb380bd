/**
 * Blobs into packs: two are open at a time, one for the bytes of files and one for trees and lists, so that whoever
 * reads trees fetches no files with them. A pack that is full is closed and sent while the next one fills.
 *
 * Whoever brings blobs waits while as many packs are on their way as may be.
 */
import type { BlobEntry, BlobKind } from '#crypto'
import { JobPool } from '../../copy/job-pool.ts'
import { PACKS_IN_FLIGHT_MAX } from './limits.ts'
import type { ClosedPack, OpenPack, Spool, VerifyBlob } from './spool.ts'
import type { SpooledBlob, WaitingBlobs } from './waiting-blobs.ts'

export interface PackWriterParts {
  readonly spool: Spool
  /** A pack is closed once its blobs have so many bytes. */
  readonly packCloseBytes: number
  /**
   * A blob of one byte. A pack of a single blob gets it as its second, for whatever is so small that it would be a
   * literal is no file of the grid, and the same goes for an index file of a single row.
   */
  readonly fillerOf: (kind: 'data' | 'tree') => { readonly entry: BlobEntry; readonly stored: Uint8Array }
  /** Put it onto the grid, and see to it that it is found again. */
  readonly send: (pack: ClosedPack) => Promise<void>
}

export class PackWriter {
  readonly #parts: PackWriterParts
  readonly #files: Filling
  readonly #trees: Filling
  readonly #sending = new JobPool(PACKS_IN_FLIGHT_MAX)

  constructor(parts: PackWriterParts) {
    this.#parts = parts
    this.#files = new Filling(parts, 'data', (pack) => this.#send(pack))
    this.#trees = new Filling(parts, 'tree', (pack) => this.#send(pack))
  }

  /** @throws NoSpaceError; what an earlier pack's sending has thrown */
  append(entry: BlobEntry, stored: Uint8Array): Promise<SpooledBlob> {
    return this.#fillingOf(entry.kind).append(entry, stored)
  }

  /** Send what an earlier session has spooled: its blobs wait like those of this one. */
  async resume(waiting: WaitingBlobs, verify: VerifyBlob): Promise<void> {
    for await (const pack of this.#parts.spool.closed(verify)) {
      for (const entry of pack.table.rows) {
        const read = () => pack.read(entry.offsetBytes, entry.storedSizeBytes)
        waiting.set(entry.id, { entry, spooled: Promise.resolve({ read }) })
      }
      await this.#send(pack)
    }
  }

  /** Everything appended so far stands on the grid. */
  async flush(): Promise<void> {
    await this.#trees.close()
    await this.#files.close()
    await this.#sending.drain()
  }

  /** What is on its way has ended, well or not; what was not closed is dropped. */
  async abandon(): Promise<void> {
    await this.#sending.settle()
    await this.#trees.discard()
    await this.#files.discard()
  }

  /** Resolves when it is on its way. */
  async #send(pack: ClosedPack): Promise<void> {
    await this.#sending.start(() => this.#parts.send(pack))
  }

  #fillingOf(kind: BlobKind): Filling {
    return kind === 'data' ? this.#files : this.#trees
  }
}

/** The pack of one kind that is open. */
class Filling {
  readonly #parts: PackWriterParts
  readonly #kind: 'data' | 'tree'
  readonly #onClosed: (pack: ClosedPack) => Promise<void>
  #pack: OpenPack | undefined
  /** Undefined: not closed yet, and not dropped. By the pack, as blobs of an earlier one are asked for too. */
  readonly #closed = new WeakMap<OpenPack, ClosedPack>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: PackWriterParts, kind: 'data' | 'tree', onClosed: (pack: ClosedPack) => Promise<void>) {
    this.#parts = parts
    this.#kind = kind
    this.#onClosed = onClosed
  }

  append(entry: BlobEntry, stored: Uint8Array): Promise<SpooledBlob> {
    return this.#inTurn(async () => {
      if (this.#pack?.hasRoomFor(stored.length) === false) await this.#close()
      const pack = this.#pack ?? this.#parts.spool.create()
      this.#pack = pack
      const offset = await pack.append(entry, stored)
      if (pack.sizeBytes >= this.#parts.packCloseBytes) await this.#close()
      return this.#spooled(pack, offset, stored.length)
    })
  }

  /** On its own, so that what reads a blob from the spool does not hold the blob in memory. */
  #spooled(pack: OpenPack, offset: number, sizeBytes: number): SpooledBlob {
    return { read: () => (this.#closed.get(pack) ?? pack).read(offset, sizeBytes) }
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#close())
  }

  discard(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#pack?.discard()
      this.#pack = undefined
    })
  }

  async #close(): Promise<void> {
    const pack = this.#pack
    if (pack === undefined) return
    this.#pack = undefined
    const filler = this.#parts.fillerOf(this.#kind)
    if (pack.blobCount === 1 && pack.hasRoomFor(filler.stored.length)) {
      await pack.append(filler.entry, filler.stored)
    }
    const closed = await pack.close()
    this.#closed.set(pack, closed)
    await this.#onClosed(closed)
  }

  /** Appends come one after the other; one that failed does not keep the next from its turn. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = this.#last.then(work)
    this.#last = mine.catch(() => undefined)
    return mine
  }
}
