/**
 * The server's side of /cairn/storage/1 (PROTOCOL §4, §5): every channel is a queue of requests, carried out one
 * after the other and answered in order.
 */
import { BusyError, UnreachableError } from '../errors.ts'
import {
  CHANNELS_PER_PEER_MAX,
  STOP_LOOK_MILLISECONDS,
  WIRE_PEER_REPLY_BYTES_MAX,
  WIRE_PEER_REQUEST_BYTES_MAX,
  WIRE_SERVER_REPLY_BYTES_MAX,
  WIRE_SERVER_REQUEST_BYTES_MAX,
  WIRE_TICK_MILLISECONDS,
} from '../limits.ts'
import type { ServedRequest } from '../metrics/meter.ts'
import type { Channel, PeerId, Platform } from '../platform/platform.ts'
import type { StorageServer } from '../storage/server.ts'
import { ByteBudget, PeerBudget } from './byte-budget.ts'
import { PayloadBuffers } from './payload-buffers.ts'
import { STORAGE_PROTOCOL, type StorageRequest } from './requests.ts'
import { ServedChannel } from './served-channel.ts'

export interface StorageHandlerOptions {
  readonly platform: Pick<Platform, 'network' | 'clock' | 'log'>
  readonly storage: {
    /** The server as one account may use it. The account is the peer id that the handshake has proven. */
    forAccount(account: PeerId): StorageServer
  }
  /** Before each request. @throws NotAdmittedError if the peer may not ask, or not any more */
  readonly requireAllowed?: ((peer: PeerId) => void) | undefined
  /** After each. Never throws. */
  readonly onServed?: ((request: ServedRequest) => void) | undefined
}

/** With these a peer ends what it has begun; while the server stops nothing else is taken. */
const ENDING_OPS: readonly StorageRequest['op'][] = [
  'write-block',
  'write-finish',
  'write-abort',
  'write-detach',
]

interface ServedPeer {
  channelCount: number
  readonly requestBudget: PeerBudget
  readonly replyBudget: PeerBudget
  readonly holders: Map<string, ServedChannel>
}

/**
 * Serve storage to every peer that connects, until disposed of; the network then goes on refusing the protocol's
 * channels.
 */
export class StorageHandler {
  readonly #options: StorageHandlerOptions
  readonly #requestBudget = new ByteBudget(WIRE_SERVER_REQUEST_BYTES_MAX)
  readonly #replyBudget = new ByteBudget(WIRE_SERVER_REPLY_BYTES_MAX)
  readonly #buffers = new PayloadBuffers()
  readonly #peers = new Map<PeerId, ServedPeer>()
  readonly #channels = new Set<ServedChannel>()
  readonly #stop = new AbortController()
  #watching = false
  #isStopping = false

  private constructor(options: StorageHandlerOptions) {
    this.#options = options
  }

  static async open(options: StorageHandlerOptions): Promise<StorageHandler> {
    const handler = new StorageHandler(options)
    await options.platform.network.serve(STORAGE_PROTOCOL, (channel) => handler.#serve(channel))
    return handler
  }

  /** Bytes of requests and replies in memory now. */
  get inFlightBytes(): number {
    return this.#requestBudget.usedBytes + this.#replyBudget.usedBytes
  }

  get channelCount(): number {
    return this.#channels.size
  }

  /**
   * Take nothing new, and wait until what peers have begun is done. Disposing of the handler then breaks off the rest.
   *
   * @throws the signal's reason if that comes first
   */
  async drain(signal: AbortSignal): Promise<void> {
    this.#isStopping = true
    const { clock } = this.#options.platform
    while ([...this.#channels].some(({ isBusy }) => isBusy))
      await clock.sleep(STOP_LOOK_MILLISECONDS, { signal })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const reason = new UnreachableError('the server is stopping')
    this.#stop.abort(reason)
    const channels = [...this.#channels]
    for (const channel of channels) channel.abort(reason)
    await Promise.all(channels.map((channel) => channel.ended))
  }

  async #serve(channel: Channel): Promise<void> {
    this.#stop.signal.throwIfAborted()
    const { remoteId } = channel
    const peer = this.#peers.get(remoteId) ?? this.#newPeer()
    if (peer.channelCount >= CHANNELS_PER_PEER_MAX) {
      throw new UnreachableError(`at most ${CHANNELS_PER_PEER_MAX} channels a peer`, { peer: remoteId })
    }
    this.#peers.set(remoteId, peer)
    peer.channelCount += 1
    const { platform, storage, requireAllowed, onServed } = this.#options
    const served = new ServedChannel({
      channel,
      server: storage.forAccount(remoteId),
      log: platform.log,
      clock: platform.clock,
      requestBudget: peer.requestBudget,
      replyBudget: peer.replyBudget,
      buffers: this.#buffers,
      holders: peer.holders,
      requireAllowed: () => requireAllowed?.(remoteId),
      requireTaken: (op) => {
        if (this.#isStopping && !ENDING_OPS.includes(op)) throw new BusyError('the server is stopping')
      },
      onServed: (request) => onServed?.({ ...request, account: remoteId }),
    })
    this.#channels.add(served)
    void this.#watch()
    try {
      await served.run()
    } finally {
      this.#channels.delete(served)
      peer.channelCount -= 1
      if (peer.channelCount === 0) this.#peers.delete(remoteId)
    }
  }

  #newPeer(): ServedPeer {
    return {
      channelCount: 0,
      requestBudget: new PeerBudget(this.#requestBudget, WIRE_PEER_REQUEST_BYTES_MAX),
      replyBudget: new PeerBudget(this.#replyBudget, WIRE_PEER_REPLY_BYTES_MAX),
      holders: new Map(),
    }
  }

  /** One timer for all channels, while there are any. */
  async #watch(): Promise<void> {
    if (this.#watching) return
    this.#watching = true
    try {
      while (this.#channels.size > 0) {
        await this.#options.platform.clock.sleep(WIRE_TICK_MILLISECONDS, { signal: this.#stop.signal })
        for (const channel of this.#channels) channel.tick(WIRE_TICK_MILLISECONDS)
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error
    } finally {
      this.#watching = false
    }
  }
}
