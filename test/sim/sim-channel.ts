/** One direction of a simulated channel, and the two ends made of two of them. */
import { concat } from '#crypto'
import { UnreachableError } from '../../node/errors.ts'
import type { Channel, PeerId } from '../../node/platform/platform.ts'

/** Bytes under way or unread in one direction before a writer waits. */
const WINDOW_BYTES = 256 * 1024

/** How bytes travel in one direction: when they arrive, and whether they are cut. */
export interface Link {
  /** Milliseconds that so many bytes take; earlier bytes never arrive later. */
  delay(sizeBytes: number): number
  /** Calls back after the delay, or once the partition that holds it is healed. */
  deliver(milliseconds: number, arrive: () => void): void
  /** Shown every run of bytes as it is sent. */
  watch(bytes: Uint8Array): void
  /** Where to cut a run of bytes, to make readers cope with any cut; often nowhere. */
  cutAt(sizeBytes: number): number
}

/** Bytes from one end to the other, in order. */
class Pipe implements AsyncIterableIterator<Uint8Array> {
  readonly #link: Link
  readonly #arrived: Uint8Array[] = []
  #unreadBytes = 0
  #finished = false
  #failure: Error | undefined
  /** With the reader, until it asks for more. */
  #lent: Uint8Array | undefined
  #wakeReader: (() => void) | undefined
  readonly #wakeWriters: (() => void)[] = []
  /** Largest number of bytes that ever stood unread or under way. */
  peakBytes = 0
  sentBytes = 0

  constructor(link: Link) {
    this.#link = link
  }

  async write(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    this.#check()
    signal?.throwIfAborted()
    this.#unreadBytes += bytes.length
    this.sentBytes += bytes.length
    this.peakBytes = Math.max(this.peakBytes, this.#unreadBytes)
    this.#link.watch(bytes)
    this.#link.deliver(this.#link.delay(bytes.length), () => {
      const cut = this.#link.cutAt(bytes.length)
      if (cut > 0) this.#arrived.push(bytes.subarray(0, cut))
      this.#arrived.push(bytes.subarray(cut))
      this.#kick()
    })
    while (this.#unreadBytes > WINDOW_BYTES) {
      await new Promise<void>((resolve, reject) => {
        this.#wakeWriters.push(resolve)
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
      this.#check()
    }
  }

  finish(): void {
    this.#link.deliver(this.#link.delay(0), () => {
      this.#finished = true
      this.#kick()
    })
  }

  fail(reason: Error): void {
    this.#failure ??= reason
    this.#kick()
    for (const wake of this.#wakeWriters.splice(0)) wake()
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    // A reader that still looks at it shall not get away with that.
    this.#lent?.fill(0xee)
    this.#lent = undefined
    while (true) {
      this.#check()
      const part = this.#arrived.shift()
      if (part !== undefined) {
        this.#unreadBytes -= part.length
        this.#lent = part
        if (this.#unreadBytes <= WINDOW_BYTES) for (const wake of this.#wakeWriters.splice(0)) wake()
        return { done: false, value: part }
      }
      if (this.#finished) return { done: true, value: undefined }
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve
      })
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    return { done: true, value: undefined }
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  #kick(): void {
    const wake = this.#wakeReader
    this.#wakeReader = undefined
    wake?.()
  }
}

/** Both ends of one channel, and the means to break it. */
export class SimChannelPair {
  readonly initiator: Channel
  readonly responder: Channel
  readonly peers: readonly [initiator: PeerId, responder: PeerId]
  readonly #forward: Pipe
  readonly #backward: Pipe
  #breakAfterBytes = Number.POSITIVE_INFINITY
  #closedCount = 0
  #onEnd: (() => void) | undefined

  constructor(options: {
    readonly peers: readonly [initiator: PeerId, responder: PeerId]
    readonly forward: Link
    readonly backward: Link
    readonly onEnd: () => void
  }) {
    const [initiatorId, responderId] = options.peers
    this.peers = options.peers
    this.#forward = new Pipe(options.forward)
    this.#backward = new Pipe(options.backward)
    this.#onEnd = options.onEnd
    this.initiator = this.#end(responderId, this.#forward, this.#backward)
    this.responder = this.#end(initiatorId, this.#backward, this.#forward)
  }

  /** Breaks once the initiator and the responder together have sent so many bytes. */
  breakAfter(bytes: number): void {
    this.#breakAfterBytes = bytes
  }

  get peakBytes(): number {
    return Math.max(this.#forward.peakBytes, this.#backward.peakBytes)
  }

  fail(reason: Error): void {
    this.#forward.fail(reason)
    this.#backward.fail(reason)
    this.#ended()
  }

  #end(remoteId: PeerId, outgoing: Pipe, incoming: Pipe): Channel {
    const broken = () => new UnreachableError(`the channel to ${remoteId} broke`, { peer: remoteId })
    let closed = false
    return {
      remoteId,
      incoming,
      write: async (parts, options) => {
        if (closed) throw new UnreachableError(`the channel to ${remoteId} is closed`, { peer: remoteId })
        const bytes = concat(...parts)
        const room = this.#breakAfterBytes - this.#forward.sentBytes - this.#backward.sentBytes
        if (bytes.length < room) return await outgoing.write(bytes, options?.signal)
        this.fail(broken())
        throw broken()
      },
      close: async () => {
        if (closed) return
        closed = true
        outgoing.finish()
        this.#closedCount += 1
        if (this.#closedCount === 2) this.#ended()
      },
      abort: (reason) => {
        closed = true
        outgoing.fail(reason)
        incoming.fail(reason)
        this.fail(broken())
      },
    }
  }

  #ended(): void {
    this.#onEnd?.()
    this.#onEnd = undefined
  }
}
