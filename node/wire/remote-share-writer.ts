/** Writing one share over one channel of a remote server (PROTOCOL §5.3). */
import { ConflictError } from '../errors.ts'
import { checkLeaseDuration } from '../storage/lease.ts'
import type { BlockWrite, CallOptions, ShareWriter, WriteRequest } from '../storage/server.ts'
import type { ChannelPool } from './channel-pool.ts'
import { formatMessage, type Message } from './message.ts'
import { readWriteOpen, SMALL_REPLY_BYTES } from './replies.ts'
import type { RequestChannel } from './request-channel.ts'
import { requestFields, type StorageRequest, type WriteName } from './requests.ts'

/**
 * Writes one share over one channel, so that its messages arrive in order and a small share takes one round trip.
 * If the channel breaks, the writer is done for; a new one with the same upload id takes up where the server
 * stands.
 */
export class RemoteShareWriter implements ShareWriter {
  readonly #request: WriteRequest
  readonly #pool: ChannelPool
  #channel: Promise<RequestChannel> | undefined
  #hasReleased = false
  /** Why nothing more can be written. */
  #failure: { readonly reason: unknown } | undefined

  constructor(request: WriteRequest, pool: ChannelPool) {
    this.#request = request
    this.#pool = pool
  }

  async open(options?: CallOptions): Promise<{ readonly segmentsHeld: number }> {
    return await this.#ask(
      { op: 'write-open', write: this.#request },
      { parse: readWriteOpen, signal: options?.signal },
    )
  }

  async writeBlock(write: BlockWrite, options?: CallOptions): Promise<void> {
    const request: StorageRequest = { op: 'write-block', write: this.#request, block: write }
    await this.#ask(request, { parse: nothing, payload: write.block, signal: options?.signal })
  }

  async finish(
    last: { readonly manifest: Uint8Array; readonly leaseDurationSeconds: number },
    options?: CallOptions,
  ): Promise<void> {
    await this.#checkLease(last.leaseDurationSeconds)
    const request: StorageRequest = { op: 'write-finish', write: this.#request, ...last }
    await this.#ask(request, { parse: nothing, signal: options?.signal })
    await this.#release()
  }

  async abort(): Promise<void> {
    await this.#letGo('write-abort')
  }

  async detach(): Promise<void> {
    await this.#letGo('write-detach')
  }

  /** Only on the channel that holds the write: when that broke, the server has let go already. */
  async #letGo(op: 'write-abort' | 'write-detach'): Promise<void> {
    this.#failure ??= { reason: new ConflictError('the write was given up') }
    await this.#tell(op)
    await this.#release()
  }

  /** A server takes a malformed request for none and keeps the write; the contract ends it. */
  async #checkLease(durationSeconds: number): Promise<void> {
    try {
      checkLeaseDuration(durationSeconds)
    } catch (reason) {
      this.#failure ??= { reason }
      await this.abort()
      throw reason
    }
  }

  async #tell(op: 'write-abort' | 'write-detach'): Promise<void> {
    try {
      const channel = await this.#channel
      const write: WriteName = this.#request
      const message = formatMessage(requestFields({ op, write }))
      await channel?.call({ message, expectedReplyBytes: SMALL_REPLY_BYTES, parse: nothing })
    } catch {
      // The channel is gone, and the server's half of the write waits or expires.
    }
  }

  async #release(): Promise<void> {
    if (this.#channel === undefined || this.#hasReleased) return
    this.#hasReleased = true
    await this.#channel.then(
      (channel) => channel.release(),
      () => undefined,
    )
  }

  /** A call that fails or is aborted may leave a gap: everything after it fails alike. */
  async #ask<T>(
    request: StorageRequest,
    how: CallOptions & { readonly parse: (reply: Message) => T; readonly payload?: Uint8Array },
  ): Promise<T> {
    try {
      this.#channel ??= this.#pool.claim(how.signal)
      const channel = await this.#channel
      if (this.#failure !== undefined) throw this.#failure.reason
      const message = formatMessage(requestFields(request), how.payload)
      const call = { message, expectedReplyBytes: SMALL_REPLY_BYTES, parse: how.parse }
      return await channel.call(call, how.signal)
    } catch (error) {
      if (this.#failure === undefined) {
        this.#failure = { reason: error }
        // The server may not know of it, and would keep the upload from the next writer.
        void this.#tell('write-detach').then(() => this.#release())
      }
      throw error
    }
  }
}

function nothing(): void {}
