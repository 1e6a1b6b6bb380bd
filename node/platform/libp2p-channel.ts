/**
 * A libp2p stream as a Channel: true backpressure both ways, and bounded memory with a slow reader or a slow peer.
 *
 * Four things in libp2p 3 make this more than a wrapper. Its own async iterator buffers without bound; `onDrain()`
 * waits only the first time; a drain event of the connection wakes every stream, also those whose own window is
 * shut; and a `pause()` inside the message event that `resume()` fires is undone when `resume()` goes on.
 */
import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { assert } from '#crypto'
import { UnreachableError } from '../errors.ts'
import {
  CHANNEL_CLOSE_MILLISECONDS,
  CHANNEL_READ_AHEAD_BYTES,
  CHANNEL_WRITE_BEHIND_BYTES,
  CHANNELS_TURN_BYTES,
} from '../limits.ts'
import type { Channel, PeerId } from './platform.ts'
import { noteRead } from './received-memory.ts'
import { WriteTurns } from './write-turns.ts'

const turns = new WriteTurns(CHANNELS_TURN_BYTES)

export class Libp2pChannel implements Channel {
  readonly remoteId: PeerId
  readonly incoming: AsyncIterable<Uint8Array>
  readonly #stream: Stream
  readonly #reader: ChannelReader

  constructor(stream: Stream, remoteId: PeerId) {
    this.remoteId = remoteId
    this.#stream = stream
    updateWindowSeldom(stream)
    this.#reader = new ChannelReader(stream, remoteId)
    let taken = false
    this.incoming = {
      [Symbol.asyncIterator]: () => {
        assert(!taken, 'a channel is iterated once')
        taken = true
        return this.#reader
      },
    }
  }

  async write(
    parts: readonly Uint8Array[],
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<void> {
    options?.signal?.throwIfAborted()
    const list = new Uint8ArrayList(...parts)
    if (list.byteLength === 0) return
    await turns.take(list.byteLength)
    options?.signal?.throwIfAborted()
    try {
      this.#stream.send(list)
    } catch (cause) {
      throw brokenChannel(this.remoteId, cause)
    }
    while (this.#isFull()) await this.#drained(options?.signal)
  }

  async close(): Promise<void> {
    try {
      await this.#stream.close({ signal: AbortSignal.timeout(CHANNEL_CLOSE_MILLISECONDS) })
    } catch (cause) {
      const error = brokenChannel(this.remoteId, cause)
      this.abort(error)
      throw error
    }
  }

  abort(reason: Error): void {
    this.#stream.abort(reason)
  }

  /** Resolves when neither side writes any more, or the channel broke. */
  finished(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#stream.status !== 'open' && this.#stream.status !== 'closing') resolve()
      else this.#stream.addEventListener('close', () => resolve(), { once: true })
    })
  }

  #isFull(): boolean {
    const { status, writableNeedsDrain, writeBufferLength } = this.#stream
    if (status !== 'open' && status !== 'closing') throw brokenChannel(this.remoteId, undefined)
    return writableNeedsDrain || writeBufferLength > CHANNEL_WRITE_BEHIND_BYTES
  }

  /** One drain event, after libp2p has tried to send what it holds. */
  #drained(signal: AbortSignal | undefined): Promise<void> {
    const stream = this.#stream
    return new Promise((resolve, reject) => {
      const forget = () => {
        stream.removeEventListener('drain', onDrain)
        stream.removeEventListener('close', onClose)
        signal?.removeEventListener('abort', onAbort)
      }
      const onDrain = () => {
        forget()
        queueMicrotask(resolve)
      }
      const onClose = (event: { readonly error?: unknown }) => {
        forget()
        reject(brokenChannel(this.remoteId, event.error))
      }
      const onAbort = () => {
        forget()
        reject(signal?.reason)
      }
      stream.addEventListener('drain', onDrain)
      stream.addEventListener('close', onClose)
      signal?.addEventListener('abort', onAbort)
    })
  }
}

/**
 * Takes what the stream delivers into a queue of at most CHANNEL_READ_AHEAD_BYTES and one receive window; the
 * stream stands paused while the queue is fuller than that, and its own buffer then fills to one window at most.
 */
class ChannelReader implements AsyncIterableIterator<Uint8Array> {
  readonly #stream: Stream
  readonly #remoteId: PeerId
  readonly #queue: Uint8Array[] = []
  #queueStart = 0
  #queuedBytes = 0
  /** With the reader, until it asks for more. */
  #lent: Uint8Array | undefined
  #wake: (() => void) | undefined
  #resuming = false
  #remoteFinished = false
  #closed = false
  #failure: unknown

  constructor(stream: Stream, remoteId: PeerId) {
    this.#stream = stream
    this.#remoteId = remoteId
    this.#remoteFinished = stream.remoteWriteStatus === 'closed' && stream.status === 'open'
    this.#closed = stream.status !== 'open' && stream.status !== 'closing'
    stream.addEventListener('message', this.#onMessage)
    stream.addEventListener('remoteCloseWrite', this.#onRemoteFinished)
    stream.addEventListener('close', this.#onClose)
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#lent !== undefined) noteRead(this.#lent)
    this.#lent = undefined
    while (true) {
      const part = this.#shift()
      if (part !== undefined) {
        this.#lent = part
        return { done: false, value: part }
      }
      this.#resume()
      if (this.#queuedBytes > 0) continue
      if (this.#remoteFinished && this.#stream.readBufferLength === 0) return { done: true, value: undefined }
      if (this.#closed) throw brokenChannel(this.#remoteId, this.#failure)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** The reader turns away: what still comes is not taken, and the peer's window shuts. */
  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#stream.removeEventListener('message', this.#onMessage)
    this.#queue.length = 0
    this.#queuedBytes = 0
    if (this.#stream.readStatus === 'readable') this.#stream.pause()
    return { done: true, value: undefined }
  }

  #shift(): Uint8Array | undefined {
    const part = this.#queue[this.#queueStart]
    if (part === undefined) return undefined
    this.#queueStart += 1
    this.#queuedBytes -= part.length
    if (this.#queueStart === this.#queue.length) {
      this.#queue.length = 0
      this.#queueStart = 0
    }
    if (this.#queuedBytes <= CHANNEL_READ_AHEAD_BYTES / 2) this.#resume()
    return part
  }

  #hold(): void {
    if (this.#resuming || this.#queuedBytes < CHANNEL_READ_AHEAD_BYTES) return
    if (this.#stream.readStatus === 'readable') this.#stream.pause()
  }

  #resume(): void {
    if (this.#stream.readStatus !== 'paused') return
    this.#resuming = true
    try {
      this.#stream.resume()
    } finally {
      this.#resuming = false
    }
    this.#hold()
  }

  readonly #onMessage = (event: StreamMessageEvent): void => {
    const { data } = event
    if (data instanceof Uint8Array) this.#queue.push(data)
    else for (const part of data) this.#queue.push(part)
    this.#queuedBytes += data.byteLength
    this.#hold()
    this.#kick()
  }

  readonly #onRemoteFinished = (): void => {
    this.#remoteFinished = true
    this.#kick()
  }

  readonly #onClose = (event: { readonly error?: unknown }): void => {
    this.#closed = true
    this.#failure = event.error
    this.#kick()
  }

  #kick(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}

/**
 * Have yamux open the window again when half of it is used up, as its specification says, not after each frame: for a
 * small request that is every second packet and system call. A muxer of another make is left as it is.
 */
function updateWindowSeldom(stream: Stream): void {
  if (!('sendWindowUpdate' in stream && 'recvWindow' in stream && 'recvWindowCapacity' in stream)) return
  const update = stream.sendWindowUpdate
  if (typeof update !== 'function') return
  stream.sendWindowUpdate = () => {
    const { recvWindow, recvWindowCapacity } = stream
    const isKnown = typeof recvWindow === 'number' && typeof recvWindowCapacity === 'number'
    if (isKnown && recvWindowCapacity > recvWindow / 2) return
    update.call(stream)
  }
}

function brokenChannel(remoteId: PeerId, cause: unknown): UnreachableError {
  const why = cause instanceof Error ? cause.message : 'the connection closed'
  return new UnreachableError(`the channel to ${remoteId} broke: ${why}`, { peer: remoteId }, { cause })
}
