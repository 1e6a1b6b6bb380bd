/** The server's end of writing one share: calls in their order, one failure for all that follow. */
import { HASH_SIZE_BYTES, InvalidInputError, TOTAL_SHARES_MAX, UPLOAD_ID_SIZE_BYTES } from '#crypto'
import type { PeerId } from '../platform/platform.ts'
import type { IncomingShare } from './incoming-share.ts'
import type { IncomingShares } from './incoming-shares.ts'
import { checkLeaseDuration } from './lease.ts'
import type { BlockWrite, CallOptions, ShareWriter, WriteRequest } from './server.ts'
import type { ShareStore } from './share-store.ts'

export interface WriterParts {
  readonly account: PeerId
  readonly incomingShares: IncomingShares
  readonly store: ShareStore
}

export class LocalShareWriter implements ShareWriter {
  readonly #parts: WriterParts
  readonly #request: WriteRequest
  #incoming: IncomingShare | undefined
  /** Let go of when a call was called off; an abort after that means it too. */
  #detached: IncomingShare | undefined
  /** Settles, never fails, when every call so far is done. */
  #lastCall: Promise<unknown> = Promise.resolve()
  #failure: { readonly reason: unknown } | undefined
  #isFinished = false

  constructor(parts: WriterParts, request: WriteRequest) {
    this.#parts = parts
    this.#request = request
  }

  open(options: CallOptions = {}): Promise<{ readonly segmentsHeld: number }> {
    return this.#inOrder(options, async () => {
      if (this.#incoming !== undefined) throw new InvalidInputError('the share is open already')
      checkRequest(this.#request)
      await this.#parts.store.refreshDiskFree()
      const { account, incomingShares } = this.#parts
      this.#incoming = incomingShares.attach(account, this.#request)
      return { segmentsHeld: this.#incoming.segmentsHeld }
    })
  }

  writeBlock(write: BlockWrite, options: CallOptions = {}): Promise<void> {
    return this.#inOrder(options, async () => {
      const incoming = this.#opened()
      if (write.sealedLeaf.length !== HASH_SIZE_BYTES) throw new InvalidInputError('a leaf is 32 bytes')
      await incoming.append(write)
      this.#parts.incomingShares.touch(incoming)
    })
  }

  finish(
    last: { readonly manifest: Uint8Array; readonly leaseDurationSeconds: number },
    options: CallOptions = {},
  ): Promise<void> {
    return this.#inOrder(options, async () => {
      const incoming = this.#opened()
      checkLeaseDuration(last.leaseDurationSeconds)
      const { root, shareSizeBytes, path } = await incoming.complete(last.manifest)
      const { storageIndex, shareNumber } = this.#request
      const address = { storageIndex, root, shareNumber }
      await this.#parts.store.publish(incoming, { address, shareSizeBytes, path }, last.leaseDurationSeconds)
      this.#incoming = undefined
      this.#parts.incomingShares.forget(incoming)
      this.#isFinished = true
    })
  }

  async abort(): Promise<void> {
    const { incomingShares } = this.#parts
    await this.#end('the write was aborted', (incoming) => incomingShares.drop(incoming))
    if (this.#detached !== undefined) await incomingShares.dropDetached(this.#detached)
  }

  detach(): Promise<void> {
    return this.#end('the writer let go', async (incoming) => this.#parts.incomingShares.detach(incoming))
  }

  /** After the calls before; what fails once fails ever after. */
  #inOrder<T>(options: CallOptions, work: () => Promise<T>): Promise<T> {
    const call = this.#lastCall.then(async () => {
      if (this.#failure !== undefined) throw this.#failure.reason
      if (this.#isFinished) throw new InvalidInputError('the share is finished')
      try {
        options.signal?.throwIfAborted()
        return await work()
      } catch (reason) {
        this.#failure = { reason }
        await this.#letGo(options.signal?.aborted === true && reason === options.signal.reason)
        throw reason
      }
    })
    this.#lastCall = call.catch(() => undefined)
    return call
  }

  /** A write that was called off may be taken up again; one that failed is of no use. */
  async #letGo(wasCalledOff: boolean): Promise<void> {
    const incoming = this.#incoming
    this.#incoming = undefined
    if (incoming === undefined) return
    if (wasCalledOff) {
      this.#parts.incomingShares.detach(incoming)
      this.#detached = incoming
    } else await this.#parts.incomingShares.drop(incoming)
  }

  #end(why: string, end: (incoming: IncomingShare) => Promise<void>): Promise<void> {
    const ended = this.#lastCall.then(async () => {
      const incoming = this.#incoming
      this.#incoming = undefined
      if (!this.#isFinished) this.#failure ??= { reason: new InvalidInputError(why) }
      if (incoming !== undefined) await end(incoming)
    })
    this.#lastCall = ended
    return ended
  }

  #opened(): IncomingShare {
    if (this.#incoming === undefined) throw new InvalidInputError('the share was not opened for writing')
    return this.#incoming
  }
}

function checkRequest({ shareNumber, uploadId, expectedSizeBytes }: WriteRequest): void {
  if (!Number.isInteger(shareNumber) || shareNumber < 0 || shareNumber >= TOTAL_SHARES_MAX) {
    throw new InvalidInputError(
      `a share number from 0 to ${TOTAL_SHARES_MAX - 1} wanted, found ${shareNumber}`,
    )
  }
  if (uploadId.length !== UPLOAD_ID_SIZE_BYTES) {
    throw new InvalidInputError(
      `an upload id of ${UPLOAD_ID_SIZE_BYTES} bytes wanted, found ${uploadId.length}`,
    )
  }
  if (!Number.isSafeInteger(expectedSizeBytes) || expectedSizeBytes < 0) {
    throw new InvalidInputError('an expected size is a whole number of bytes')
  }
}
