/**
 * A whole network in one process, driven by virtual time and one seed: latency, bandwidth, partitions, peers that
 * are down, channels that break at a byte. Equal seeds and equal calls give equal runs, to the byte and the
 * microsecond.
 */
import { ConflictError, UnreachableError } from '../../node/errors.ts'
import { CHANNELS_PER_PEER_MAX, CONNECT_MILLISECONDS } from '../../node/limits.ts'
import { peerIdOfPublicKey } from '../../node/peers/peer-id.ts'
import type { Channel, Network, PeerId } from '../../node/platform/platform.ts'
import { type TestKey, testKey } from '../support/ed25519.ts'
import { type Link, SimChannelPair } from './sim-channel.ts'
import type { SimClock } from './sim-clock.ts'
import type { SimRandom } from './sim-random.ts'

export interface SimWorldOptions {
  readonly clock: SimClock
  readonly random: SimRandom
  /** One way, drawn anew for each write. Default 0.2 to 2 ms. */
  readonly latencyMilliseconds?: { readonly least: number; readonly most: number }
  /** Of each node's way out. Default: no limit. */
  readonly bytesPerSecond?: number
  /** Shown every run of bytes that any node sends. */
  readonly onBytes?: (bytes: Uint8Array) => void
}

type Handler = (channel: Channel) => Promise<void>

export class SimWorld {
  readonly clock: SimClock
  readonly random: SimRandom
  readonly #latency: { readonly least: number; readonly most: number }
  readonly #bytesPerSecond: number
  readonly #onBytes: (bytes: Uint8Array) => void
  readonly #nodes = new Map<PeerId, SimNetwork>()
  readonly #byAddress = new Map<string, PeerId>()
  #nodeCount = 0
  readonly #down = new Set<PeerId>()
  readonly #channels = new Set<SimChannelPair>()
  /** By the names of both; the object stands for this one connection. */
  readonly #connections = new Map<string, object>()
  readonly #breaks = new Map<string, number>()
  /** Peers whose lines are slower than others', and how many times. */
  readonly #slow = new Map<PeerId, number>()
  /** Which side of the partition a peer is on; none set: all on one. */
  #sides = new Map<PeerId, number>()
  #held: (() => void)[] = []

  constructor(options: SimWorldOptions) {
    this.clock = options.clock
    this.random = options.random
    this.#latency = options.latencyMilliseconds ?? { least: 0.2, most: 2 }
    this.#bytesPerSecond = options.bytesPerSecond ?? Number.POSITIVE_INFINITY
    this.#onBytes = options.onBytes ?? (() => undefined)
  }

  /** A new node with a key from the seed. */
  node(options: { readonly listens?: boolean } = {}): SimNetwork {
    const key = testKey(this.random.bytes(32))
    const node = new SimNetwork({
      world: this,
      key,
      index: this.#nodeCount,
      listens: options.listens ?? true,
    })
    this.#nodeCount += 1
    for (const address of node.addresses()) {
      this.#byAddress.set(address, node.localId)
      this.#byAddress.set(address.replace(/\/p2p\/.*/, ''), node.localId)
    }
    this.#nodes.set(node.localId, node)
    return node
  }

  /** Peers of different groups do not hear each other until healed; a peer in no group hears the first. */
  partition(groups: readonly (readonly PeerId[])[]): void {
    this.#sides = new Map(groups.flatMap((group, side) => group.map((peer) => [peer, side] as const)))
  }

  /** Partitions end, and breaks that were to come do not. */
  heal(): void {
    this.#sides = new Map()
    this.#breaks.clear()
    for (const arrive of this.#held.splice(0)) arrive()
  }

  /** From now on everything to and from the peer takes so many times as long; 1 is as before. */
  slowDown(peer: PeerId, factor: number): void {
    if (factor === 1) this.#slow.delete(peer)
    else this.#slow.set(peer, factor)
  }

  /** Like a crash: its channels break at once, and nobody reaches it. */
  takeDown(peer: PeerId): void {
    this.#down.add(peer)
    this.#cut(peer)
  }

  bringUp(peer: PeerId): void {
    this.#down.delete(peer)
  }

  /** The next channel that one opens to the other breaks when both have sent so many bytes. */
  breakNextChannel(from: PeerId, to: PeerId, afterBytes: number): void {
    this.#breaks.set(`${from} ${to}`, afterBytes)
  }

  /** Every channel between the two breaks now; the connection stands. */
  breakChannels(one: PeerId, other: PeerId): void {
    for (const pair of [...this.#channels]) {
      if (pair.peers.includes(one) && pair.peers.includes(other)) {
        pair.fail(new UnreachableError('the channel broke'))
      }
    }
  }

  get channelCount(): number {
    return this.#channels.size
  }

  /** Largest number of bytes that stood unread in one direction of a channel that is open now. */
  get peakChannelBytes(): number {
    return Math.max(0, ...[...this.#channels].map((pair) => pair.peakBytes))
  }

  isConnected(one: PeerId, other: PeerId): boolean {
    return this.connectionBetween(one, other) !== undefined
  }

  connectionBetween(one: PeerId, other: PeerId): object | undefined {
    return this.#connections.get(pairName(one, other))
  }

  /** @throws UnreachableError, at once if nobody listens there, after the time limit if nothing is heard */
  async connect(from: PeerId, address: string, signal: AbortSignal | undefined): Promise<PeerId> {
    if (this.#down.has(from)) throw new UnreachableError('this node is down')
    const named = this.#byAddress.get(address)
    const peer = named !== undefined && this.#nodes.has(named) ? named : undefined
    if (peer !== undefined && this.#apart(from, peer)) {
      await this.clock.sleep(CONNECT_MILLISECONDS, { signal })
      throw new UnreachableError(`${address}: no answer`)
    }
    await this.clock.sleep(this.#drawLatency() * 2, { signal })
    if (peer === undefined || this.#down.has(peer))
      throw new UnreachableError(`${address}: connection refused`)
    const name = pairName(from, peer)
    if (!this.#connections.has(name)) this.#connections.set(name, {})
    return peer
  }

  async open(
    peers: readonly [from: PeerId, to: PeerId],
    protocol: string,
    signal: AbortSignal | undefined,
  ): Promise<Channel> {
    const [from, to] = peers
    if (!this.isConnected(from, to)) throw new UnreachableError(`${to} is not connected`, { peer: to })
    if (this.#apart(from, to)) {
      await this.clock.sleep(CONNECT_MILLISECONDS, { signal })
      throw new UnreachableError(`no ${protocol} channel to ${to}: no answer`, { peer: to })
    }
    await this.clock.sleep(this.#drawLatency() * 2, { signal })
    const handler = this.#nodes.get(to)?.handlerOf(protocol)
    if (!this.isConnected(from, to)) throw new UnreachableError(`${to} is not connected`, { peer: to })
    if (handler === undefined) throw new UnreachableError(`${to} does not speak ${protocol}`, { peer: to })
    const open = [...this.#channels].filter((pair) => pair.peers[0] === from && pair.peers[1] === to)
    if (open.length >= CHANNELS_PER_PEER_MAX) throw new UnreachableError('too many channels', { peer: to })
    return this.#openPair(peers, handler)
  }

  remember(node: SimNetwork): void {
    this.#nodes.set(node.localId, node)
  }

  forget(peer: PeerId): void {
    this.#cut(peer)
    this.#nodes.delete(peer)
  }

  #openPair(peers: readonly [from: PeerId, to: PeerId], handler: Handler): Channel {
    const [from, to] = peers
    const pair = new SimChannelPair({
      peers,
      forward: this.#link(from, to),
      backward: this.#link(to, from),
      onEnd: () => this.#channels.delete(pair),
    })
    this.#channels.add(pair)
    const breakAfter = this.#breaks.get(`${from} ${to}`)
    this.#breaks.delete(`${from} ${to}`)
    if (breakAfter !== undefined) pair.breakAfter(breakAfter)
    const { responder } = pair
    handler(responder).then(
      () => responder.close(),
      (error: unknown) => responder.abort(error instanceof Error ? error : new Error(String(error))),
    )
    return pair.initiator
  }

  #link(from: PeerId, to: PeerId): Link {
    let lastArrival = 0
    return {
      watch: this.#onBytes,
      delay: (sizeBytes) => {
        const now = this.clock.elapsed()
        const slowness = (this.#slow.get(from) ?? 1) * (this.#slow.get(to) ?? 1)
        const transfer = (sizeBytes / this.#bytesPerSecond) * 1000 * slowness
        lastArrival = Math.max(lastArrival, now + this.#drawLatency() * slowness) + transfer
        return lastArrival - now
      },
      deliver: (milliseconds, arrive) => {
        this.clock.after(milliseconds, () => {
          if (this.#apart(from, to)) this.#held.push(arrive)
          else arrive()
        })
      },
      cutAt: (sizeBytes) => (this.random.below(4) === 0 ? this.random.below(sizeBytes) : 0),
    }
  }

  #apart(one: PeerId, other: PeerId): boolean {
    return (this.#sides.get(one) ?? 0) !== (this.#sides.get(other) ?? 0)
  }

  #cut(peer: PeerId): void {
    for (const pair of [...this.#channels]) {
      if (pair.peers.includes(peer)) pair.fail(new UnreachableError(`the connection to ${peer} broke`))
    }
    for (const name of [...this.#connections.keys()]) if (name.includes(peer)) this.#connections.delete(name)
  }

  #drawLatency(): number {
    return this.#latency.least + this.random.fraction() * (this.#latency.most - this.#latency.least)
  }
}

export class SimNetwork implements Network {
  readonly localId: PeerId
  readonly #world: SimWorld
  readonly #key: TestKey
  readonly #addresses: readonly string[]
  readonly #handlers = new Map<string, Handler>()

  constructor(options: {
    readonly world: SimWorld
    readonly key: TestKey
    readonly index: number
    readonly listens: boolean
  }) {
    this.#world = options.world
    this.#key = options.key
    this.localId = peerIdOfPublicKey(options.key.publicKey)
    const ip = `10.0.${options.index >> 8}.${options.index & 255}`
    this.#addresses = options.listens ? [`/ip4/${ip}/tcp/4001/p2p/${this.localId}`] : []
  }

  addresses(): readonly string[] {
    return this.#addresses
  }

  /** The same node after its process was started anew: it serves nothing yet. */
  restarted(): this {
    this.#handlers.clear()
    this.#world.remember(this)
    return this
  }

  handlerOf(protocol: string): Handler | undefined {
    return this.#handlers.get(protocol)
  }

  async sign(bytes: Uint8Array): Promise<Uint8Array> {
    return this.#key.sign(bytes)
  }

  async connect(
    peer: PeerId | undefined,
    addresses: readonly string[],
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<PeerId> {
    options?.signal?.throwIfAborted()
    if (peer !== undefined && this.#world.isConnected(this.localId, peer)) return peer
    const reasons: string[] = []
    for (const address of addresses) {
      try {
        const found = await this.#world.connect(this.localId, address, options?.signal)
        if (peer === undefined || found === peer) return found
        reasons.push(`${address}: names another peer`)
      } catch (error) {
        options?.signal?.throwIfAborted()
        reasons.push(error instanceof Error ? error.message : String(error))
      }
    }
    const why = reasons.length === 0 ? 'no address is known and no connection stands' : reasons.join('; ')
    throw new UnreachableError(`${peer ?? 'the peer'} cannot be reached: ${why}`, {
      addresses: [...addresses],
    })
  }

  connectionTo(peer: PeerId): object | undefined {
    return this.#world.connectionBetween(this.localId, peer)
  }

  openChannel(
    peer: PeerId,
    protocol: string,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Channel> {
    return this.#world.open([this.localId, peer], protocol, options?.signal)
  }

  async serve(protocol: string, handler: Handler): Promise<void> {
    if (this.#handlers.has(protocol)) throw new ConflictError(`${protocol} is served already`)
    this.#handlers.set(protocol, handler)
  }

  async close(): Promise<void> {
    this.#world.forget(this.localId)
  }
}

function pairName(one: PeerId, other: PeerId): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`
}
