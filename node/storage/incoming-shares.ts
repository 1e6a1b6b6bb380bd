/** The shares being written: who drives which, how many, and for how long one may wait for its writer. */
import { toBase32 } from '#crypto'
import { BusyError, ConflictError } from '../errors.ts'
import { OPEN_WRITE_IDLE_SECONDS, OPEN_WRITES_MAX, OPEN_WRITES_PER_ACCOUNT_MAX } from '../limits.ts'
import type { Clock, Log, PeerId } from '../platform/platform.ts'
import { type IncomingParts, IncomingShare } from './incoming-share.ts'
import type { WriteRequest } from './server.ts'

export class IncomingShares implements AsyncDisposable {
  readonly #parts: IncomingParts & { readonly clock: Clock; readonly log: Log }
  readonly #folder: string
  readonly #shares = new Map<string, IncomingShare>()
  readonly #countByAccount = new Map<PeerId, number>()
  readonly #onePieces = new Set<Promise<void>>()
  #nextName = 0

  constructor(parts: IncomingParts & { readonly clock: Clock; readonly log: Log }, folder: string) {
    this.#parts = parts
    this.#folder = folder
  }

  /**
   * Take up the write of that upload id, or begin it.
   *
   * @throws ConflictError if another writer drives it now, BusyError, NoSpaceError
   */
  attach(account: PeerId, request: WriteRequest): IncomingShare {
    const key = keyOf(account, request)
    const waiting = this.#shares.get(key)
    if (waiting?.isAttached === true) {
      throw new ConflictError('another channel is writing this share under the same upload id')
    }
    const incoming = waiting ?? this.#begin(account, request)
    incoming.reserve(request.expectedSizeBytes)
    this.#shares.set(key, incoming)
    this.#countByAccount.set(account, this.#countOf(account) + (waiting === undefined ? 1 : 0))
    incoming.isAttached = true
    this.touch(incoming)
    return incoming
  }

  /**
   * Write a share that is there in one piece; it counts like the others meanwhile.
   *
   * @param write gets a name in the folder that nothing has
   * @throws BusyError
   */
  async inOnePiece(account: PeerId, write: (path: string) => Promise<void>): Promise<void> {
    const path = this.#admit(account)
    this.#countByAccount.set(account, this.#countOf(account) + 1)
    const writing = write(path)
    this.#onePieces.add(writing)
    try {
      await writing
    } finally {
      this.#onePieces.delete(writing)
      this.#uncount(account)
    }
  }

  touch(incoming: IncomingShare): void {
    incoming.touchedAt = this.#parts.clock.elapsed()
  }

  /** Nobody drives it any more; what was written waits. */
  detach(incoming: IncomingShare): void {
    incoming.isAttached = false
    this.touch(incoming)
  }

  /** It has become visible, or was dropped: forget it. */
  forget(incoming: IncomingShare): void {
    if (!this.#shares.delete(keyOf(incoming.account, incoming.request))) return
    this.#uncount(incoming.account)
  }

  /** Drop one that was detached, unless another writer has taken it up since. */
  async dropDetached(incoming: IncomingShare): Promise<void> {
    if (incoming.isAttached || this.#shares.get(keyOf(incoming.account, incoming.request)) !== incoming)
      return
    incoming.isAttached = true
    await this.drop(incoming)
  }

  async drop(incoming: IncomingShare): Promise<void> {
    // The file goes first: until then the upload id is taken, and its room as well.
    try {
      await incoming.drop()
    } catch (error) {
      this.#parts.log.warn('an incoming share could not be removed', { error })
    } finally {
      this.forget(incoming)
    }
  }

  /** Drop what no writer has touched for OPEN_WRITE_IDLE_SECONDS. */
  async dropIdle(): Promise<void> {
    const oldest = this.#parts.clock.elapsed() - OPEN_WRITE_IDLE_SECONDS * 1000
    for (const incoming of [...this.#shares.values()]) {
      if (incoming.isAttached || incoming.touchedAt > oldest) continue
      // Taken, so that no writer picks it up while it goes.
      incoming.isAttached = true
      await this.drop(incoming)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#onePieces)
    for (const incoming of [...this.#shares.values()]) await this.drop(incoming)
  }

  #begin(account: PeerId, request: WriteRequest): IncomingShare {
    return new IncomingShare(this.#parts, { account, request, path: this.#admit(account) })
  }

  /** @returns a name for one more */
  #admit(account: PeerId): string {
    if (this.#shares.size + this.#onePieces.size >= OPEN_WRITES_MAX) {
      throw new BusyError(`${OPEN_WRITES_MAX} shares are being written already`)
    }
    if (this.#countOf(account) >= OPEN_WRITES_PER_ACCOUNT_MAX) {
      throw new BusyError(`the account is writing ${OPEN_WRITES_PER_ACCOUNT_MAX} shares already`)
    }
    this.#nextName += 1
    return `${this.#folder}/${this.#nextName}`
  }

  #uncount(account: PeerId): void {
    const count = this.#countOf(account) - 1
    if (count === 0) this.#countByAccount.delete(account)
    else this.#countByAccount.set(account, count)
  }

  #countOf(account: PeerId): number {
    return this.#countByAccount.get(account) ?? 0
  }
}

function keyOf(account: PeerId, request: WriteRequest): string {
  const { storageIndex, shareNumber, uploadId } = request
  return `${account}/${toBase32(storageIndex)}/${shareNumber}/${toBase32(uploadId)}`
}
