/**
 * The channels a client keeps to one server. A new channel costs a millisecond, a kept one none, so they are opened
 * as they are needed and closed when they are idle; a call goes to the one with the least to carry.
 */
import { UnreachableError } from '../errors.ts'
import { WIRE_CHANNELS_PER_SERVER_MAX, WIRE_TICK_MILLISECONDS } from '../limits.ts'
import type { PeerId, Platform } from '../platform/platform.ts'
import { unlessAborted } from '../within.ts'
import { type Call, RequestChannel } from './request-channel.ts'

export interface ChannelPoolOptions {
  readonly platform: Pick<Platform, 'network' | 'clock'>
  readonly peer: PeerId
  readonly protocol: string
  /** Asked anew for each connection: a server may have moved. */
  readonly addresses: () => readonly string[]
}

export class ChannelPool {
  readonly #options: ChannelPoolOptions
  readonly #channels = new Set<RequestChannel>()
  readonly #stop = new AbortController()
  #openingCount = 0
  #latestOpening: Promise<RequestChannel> | undefined
  #watching = false

  constructor(options: ChannelPoolOptions) {
    this.#options = options
  }

  get channelCount(): number {
    return this.#channels.size
  }

  /**
   * Send one request over the channel with the least to carry. If all are busy, one more is opened for the calls to
   * come; a call waits for that only if there is none at all.
   *
   * @throws UnreachableError when there is no channel and none can be opened; what RequestChannel.call throws
   */
  async call<T>(call: Call<T>, signal?: AbortSignal | undefined): Promise<T> {
    signal?.throwIfAborted()
    this.#stop.signal.throwIfAborted()
    let channel = this.#leastBusy()
    if (channel === undefined) channel = await unlessAborted(this.#latestOpening ?? this.#open(), signal)
    else if (!channel.isIdle && this.#openingCount === 0 && this.#hasRoom()) void this.#open()
    return await (this.#leastBusy() ?? channel).call(call, signal)
  }

  /**
   * A channel for a row of calls that must stay in order: an idle one, or a new one while there is room. The caller
   * releases it.
   *
   * @throws UnreachableError when none can be opened; the signal's reason
   */
  async claim(signal?: AbortSignal | undefined): Promise<RequestChannel> {
    signal?.throwIfAborted()
    this.#stop.signal.throwIfAborted()
    let channel = this.#leastBusy()
    if (channel === undefined || (!channel.isIdle && this.#hasRoom())) {
      const opening = this.#hasRoom() ? this.#open() : (this.#latestOpening ?? this.#open())
      channel = await unlessAborted(opening, signal).catch((error: unknown) => {
        const other = this.#leastBusy()
        if (other === undefined || signal?.aborted === true) throw error
        return other
      })
    }
    channel.claim()
    return channel
  }

  /** Breaks every channel off; outstanding calls fail. The pool is of no use afterwards. */
  close(): void {
    const reason = new UnreachableError('the connection is closed here', { peer: this.#options.peer })
    this.#stop.abort(reason)
    for (const channel of this.#channels) channel.abort(reason)
    this.#channels.clear()
  }

  #hasRoom(): boolean {
    return this.#channels.size + this.#openingCount < WIRE_CHANNELS_PER_SERVER_MAX
  }

  #leastBusy(): RequestChannel | undefined {
    let best: RequestChannel | undefined
    for (const channel of this.#channels) {
      if (!channel.isUsable) this.#channels.delete(channel)
      else if (best === undefined || channel.weightBytes < best.weightBytes) best = channel
    }
    return best
  }

  #open(): Promise<RequestChannel> {
    this.#openingCount += 1
    const opening = this.#connectAndOpen().finally(() => {
      this.#openingCount -= 1
      if (this.#latestOpening === opening) this.#latestOpening = undefined
    })
    this.#latestOpening = opening
    // Nobody may be waiting for it.
    opening.catch(() => undefined)
    return opening
  }

  async #connectAndOpen(): Promise<RequestChannel> {
    const { platform, peer, protocol, addresses } = this.#options
    const options = { signal: this.#stop.signal }
    await platform.network.connect(peer, addresses(), options)
    const opened = await platform.network
      .openChannel(peer, protocol, options)
      .catch(async (error: unknown) => {
        // That the far end of a connection went away is only found out by using it: once more, with a new one.
        if (this.#stop.signal.aborted || this.#channels.size > 0) throw error
        await platform.network.connect(peer, addresses(), options)
        return await platform.network.openChannel(peer, protocol, options)
      })
    const channel = new RequestChannel(opened)
    if (this.#stop.signal.aborted) channel.abort(this.#stop.signal.reason)
    this.#channels.add(channel)
    void this.#watch()
    return channel
  }

  /** One timer for all channels, while there are any. */
  async #watch(): Promise<void> {
    if (this.#watching) return
    this.#watching = true
    try {
      while (this.#channels.size > 0) {
        await this.#options.platform.clock.sleep(WIRE_TICK_MILLISECONDS, { signal: this.#stop.signal })
        for (const channel of this.#channels) channel.tick(WIRE_TICK_MILLISECONDS)
        this.#leastBusy()
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error
    } finally {
      this.#watching = false
    }
  }
}
