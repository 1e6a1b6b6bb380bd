/**
 * One channel as a client sees it: requests go out one after the other without waiting, replies come back in the
 * same order (PROTOCOL §4.3).
 */
import { assert, GridError } from '#crypto'
import { BusyError, ProtocolError, TimeoutError, UnreachableError } from '../errors.ts'
import {
  WIRE_CLIENT_IDLE_MILLISECONDS,
  WIRE_EXPECTED_BLOCK_BYTES,
  WIRE_GATHER_BYTES,
  WIRE_OUTSTANDING_BYTES_MAX,
  WIRE_OUTSTANDING_REQUESTS_MAX,
  WIRE_STALL_MILLISECONDS,
  WIRE_WAITING_CALLS_MAX,
} from '../limits.ts'
import type { Channel } from '../platform/platform.ts'
import { type Message, MessageReader, type OutgoingMessage, writeSlices } from './message.ts'
import { isPending } from './replies.ts'
import { errorOfFields } from './wire-error.ts'

/** One request, and what its reply is turned into. */
export interface Call<T> {
  readonly message: OutgoingMessage
  /** Bytes that the reply may have, for the weighing of channels. */
  readonly expectedReplyBytes: number
  /** Throws InvalidInputError on a reply that is malformed. */
  readonly parse: (reply: Message) => T
}

interface Waiting {
  readonly message: OutgoingMessage
  readonly weightBytes: number
  /** Takes the reply; throws only if it is malformed. */
  readonly settle: (reply: Message) => void
  readonly fail: (reason: unknown) => void
  /** The caller has turned away: if it is not sent yet, it need not be; if it is, its reply is dropped. */
  dropped: boolean
}

/**
 * A call that is aborted leaves the others untouched. A channel that breaks fails the calls outstanding on it and
 * every later one; it is then not used again.
 */
export class RequestChannel {
  readonly #channel: Channel
  readonly #reader: MessageReader
  readonly #toSend: Waiting[] = []
  readonly #sent: Waiting[] = []
  #sentBytes = 0
  #weightBytes = 0
  #claimCount = 0
  #failure: unknown
  #closing = false
  #sending = false
  #writeCount = 0
  #lastMovement = 0
  #stillMilliseconds = 0

  constructor(channel: Channel) {
    this.#channel = channel
    this.#reader = new MessageReader(channel.incoming)
    void this.#receive()
  }

  /** Bytes that are still to go or to come, and a block for each claim: how busy the channel is. */
  get weightBytes(): number {
    return this.#weightBytes + this.#claimCount * WIRE_EXPECTED_BLOCK_BYTES
  }

  get isIdle(): boolean {
    return this.#claimCount === 0 && !this.#isOwed
  }

  /** A row of calls has begun that must all go over this channel. */
  claim(): void {
    this.#claimCount += 1
  }

  release(): void {
    this.#claimCount -= 1
    assert(this.#claimCount >= 0, 'only what was claimed is released')
  }

  /** Whether new calls can go out on it. */
  get isUsable(): boolean {
    return this.#failure === undefined && !this.#closing
  }

  /**
   * Send a request; calls made one after the other arrive in that order.
   *
   * The message's parts must stay untouched until the promise resolves. If it rejects, the transport may still read
   * them.
   *
   * @throws the error that the server answered with; ProtocolError, TimeoutError, UnreachableError, BusyError; the
   * signal's reason
   */
  call<T>(call: Call<T>, signal?: AbortSignal | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason)
      if (!this.isUsable) return reject(this.#failure ?? this.#broken(undefined))
      if (this.#toSend.length >= WIRE_WAITING_CALLS_MAX) {
        return reject(new BusyError(`${WIRE_WAITING_CALLS_MAX} calls wait for one channel`))
      }
      const abort = () => {
        waiting.dropped = true
        reject(signal?.reason)
      }
      const forget = () => signal?.removeEventListener('abort', abort)
      const waiting: Waiting = {
        message: call.message,
        weightBytes: call.message.sizeBytes + call.expectedReplyBytes,
        settle: (reply) => {
          forget()
          try {
            resolve(this.#resultOf(call, reply))
          } catch (error) {
            reject(error instanceof MalformedReply ? error.reason : error)
            if (error instanceof MalformedReply) throw error.reason
          }
        },
        fail: (reason) => {
          forget()
          reject(reason)
        },
        dropped: false,
      }
      signal?.addEventListener('abort', abort)
      this.#toSend.push(waiting)
      this.#weightBytes += waiting.weightBytes
      if (!this.#sending) void this.#send()
    })
  }

  /** Breaks it off; outstanding calls fail with the reason. */
  abort(reason: Error): void {
    this.#fail(reason)
    this.#channel.abort(reason)
  }

  /** To be called every so often: breaks off a channel that stands still, and closes one that is not used. */
  tick(passedMilliseconds: number): void {
    const movement = this.#reader.receivedBytes + this.#writeCount
    this.#stillMilliseconds =
      movement === this.#lastMovement ? this.#stillMilliseconds + passedMilliseconds : 0
    this.#lastMovement = movement
    if (this.#isOwed && this.#stillMilliseconds >= WIRE_STALL_MILLISECONDS) {
      this.abort(
        new TimeoutError(`${this.#channel.remoteId}: no answer for ${this.#stillMilliseconds} ms`, {
          peer: this.#channel.remoteId,
        }),
      )
    } else if (this.isIdle && this.#stillMilliseconds >= WIRE_CLIENT_IDLE_MILLISECONDS) {
      this.#closing = true
      this.#channel.close().catch(() => undefined)
    }
  }

  get #isOwed(): boolean {
    return this.#toSend.length > 0 || this.#sent.length > 0
  }

  /** Sends what waits, as far as the bounds on what is outstanding allow. */
  async #send(): Promise<void> {
    this.#sending = true
    try {
      // Whatever is called in this same turn goes out in the same write.
      await Promise.resolve()
      for (let parts = this.#gather(); parts.length > 0; parts = this.#gather()) {
        await writeSlices(this.#channel, parts, () => {
          this.#writeCount += 1
        })
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#sending = false
    }
  }

  /** The next requests as one write: small ones travel together. */
  #gather(): readonly Uint8Array[] {
    const parts: Uint8Array[] = []
    let sizeBytes = 0
    while (sizeBytes < WIRE_GATHER_BYTES) {
      const next = this.#toSend[0]
      if (next === undefined) break
      if (next.dropped) {
        this.#toSend.shift()
        this.#weightBytes -= next.weightBytes
        continue
      }
      if (!this.#hasRoomFor(next)) break
      this.#toSend.shift()
      this.#sent.push(next)
      this.#sentBytes += next.message.sizeBytes
      parts.push(...next.message.parts)
      sizeBytes += next.message.sizeBytes
    }
    return parts
  }

  #hasRoomFor(next: Waiting): boolean {
    if (this.#sent.length === 0) return true
    if (this.#sent.length >= WIRE_OUTSTANDING_REQUESTS_MAX) return false
    return this.#sentBytes + next.message.sizeBytes <= WIRE_OUTSTANDING_BYTES_MAX
  }

  async #receive(): Promise<void> {
    try {
      for (let reply = await this.#reader.read(); reply !== undefined; reply = await this.#reader.read()) {
        const first = this.#sent[0]
        if (first === undefined) throw new ProtocolError('a reply came that nobody asked for')
        if (isPending(reply)) continue
        this.#sent.shift()
        this.#sentBytes -= first.message.sizeBytes
        this.#weightBytes -= first.weightBytes
        first.settle(reply)
        if (!this.#sending && this.#toSend.length > 0) void this.#send()
      }
      this.#fail(this.#broken(undefined))
    } catch (error) {
      this.#fail(error)
      this.#channel.abort(error instanceof Error ? error : this.#broken(error))
    }
  }

  #resultOf<T>(call: Call<T>, reply: Message): T {
    let error: GridError | undefined
    try {
      if (!reply.header.has('error')) return call.parse(reply)
      error = errorOfFields(reply.header, this.#channel.remoteId)
    } catch (cause) {
      const why = cause instanceof GridError ? cause.message : 'it cannot be read'
      throw new MalformedReply(
        new ProtocolError(`a malformed reply: ${why}`, { peer: this.#channel.remoteId }, { cause }),
      )
    }
    throw error
  }

  #fail(reason: unknown): void {
    this.#failure ??= reason instanceof GridError ? reason : this.#broken(reason)
    for (const waiting of [...this.#sent.splice(0), ...this.#toSend.splice(0)]) waiting.fail(this.#failure)
    this.#sentBytes = 0
    this.#weightBytes = 0
  }

  #broken(cause: unknown): UnreachableError {
    const { remoteId } = this.#channel
    return new UnreachableError(`the channel to ${remoteId} closed`, { peer: remoteId }, { cause })
  }
}

/** Tells the server's own errors from a reply that cannot be read, after which the channel is no use. */
class MalformedReply extends Error {
  readonly reason: ProtocolError

  constructor(reason: ProtocolError) {
    super(reason.message)
    this.reason = reason
  }
}
