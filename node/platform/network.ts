/**
 * The network over libp2p 3 (PROTOCOL §3): tcp and websockets, TLS 1.3 before noise, yamux.
 */
import type { Connection, PrivateKey } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { Libp2p } from 'libp2p'
import { UnreachableError } from '../errors.ts'
import { CHANNEL_CLOSE_MILLISECONDS, CHANNELS_PER_PEER_MAX, CONNECT_MILLISECONDS } from '../limits.ts'
import { Libp2pChannel } from './libp2p-channel.ts'
import { startLibp2p } from './libp2p-node.ts'
import type { NodeKey } from './node-key.ts'
import type { Channel, Log, Network, PeerId } from './platform.ts'

export interface NetworkOptions {
  readonly key: NodeKey
  /** Multiaddrs to listen on; none: dial only. Default: one free TCP port on loopback. */
  readonly listen?: readonly string[] | undefined
  /** Multiaddrs to tell others instead of those listened on, for a node behind a forwarded port. */
  readonly announce?: readonly string[] | undefined
  readonly log: Log
}

export const LISTEN_DEFAULT: readonly string[] = Object.freeze(['/ip4/127.0.0.1/tcp/0'])

/**
 * Listen, and be ready to connect.
 *
 * @throws ConflictError if an address is taken, InvalidInputError if it is no multiaddr or no transport knows it
 */
export async function openNetwork(options: NetworkOptions): Promise<Network> {
  const { libp2p, privateKey } = await startLibp2p({
    key: options.key,
    listen: options.listen ?? LISTEN_DEFAULT,
    announce: options.announce ?? [],
  })
  return new Libp2pNetwork({ libp2p, privateKey, log: options.log })
}

interface Dialled {
  readonly target: Multiaddr
  readonly address: string
}

class Libp2pNetwork implements Network {
  readonly localId: PeerId
  readonly #libp2p: Libp2p
  readonly #privateKey: PrivateKey
  readonly #log: Log

  constructor(parts: { readonly libp2p: Libp2p; readonly privateKey: PrivateKey; readonly log: Log }) {
    this.#libp2p = parts.libp2p
    this.#privateKey = parts.privateKey
    this.#log = parts.log
    this.localId = parts.libp2p.peerId.toString()
  }

  addresses(): readonly string[] {
    return this.#libp2p.getMultiaddrs().map((address) => address.toString())
  }

  async sign(bytes: Uint8Array): Promise<Uint8Array> {
    return await this.#privateKey.sign(bytes)
  }

  async connect(
    peer: PeerId | undefined,
    addresses: readonly string[],
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<PeerId> {
    options?.signal?.throwIfAborted()
    if (peer !== undefined && this.connectionTo(peer) !== undefined) return peer
    const reasons: string[] = []
    const usable = usableAddresses(peer, addresses, reasons)
    // One dial for a known peer: libp2p tries its addresses in turn and joins dials that run already.
    const dials = peer === undefined ? usable.map((one) => [one]) : usable.length > 0 ? [usable] : []
    for (const dial of dials) {
      try {
        return await this.#dial(dial, options?.signal)
      } catch (error) {
        options?.signal?.throwIfAborted()
        reasons.push(...dialReasons(dial, error))
      }
    }
    if (addresses.length === 0) reasons.push('no address is known and no connection stands')
    throw new UnreachableError(`${peer ?? 'the peer'} cannot be reached: ${reasons.join('; ')}`, {
      ...(peer === undefined ? {} : { peer }),
      addresses: [...addresses],
    })
  }

  connectionTo(peer: PeerId): Connection | undefined {
    return this.#libp2p.getConnections(peerIdFromString(peer)).find(({ status }) => status === 'open')
  }

  async openChannel(
    peer: PeerId,
    protocol: string,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Channel> {
    options?.signal?.throwIfAborted()
    const connection = this.connectionTo(peer)
    if (connection === undefined) throw new UnreachableError(`${peer} is not connected`, { peer })
    try {
      const limit = AbortSignal.timeout(CONNECT_MILLISECONDS)
      const stream = await connection.newStream([protocol], {
        signal: options?.signal === undefined ? limit : AbortSignal.any([options.signal, limit]),
      })
      return new Libp2pChannel(stream, peer)
    } catch (cause) {
      options?.signal?.throwIfAborted()
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new UnreachableError(`no ${protocol} channel to ${peer}: ${why}`, { peer, protocol }, { cause })
    }
  }

  async serve(protocol: string, handler: (channel: Channel) => Promise<void>): Promise<void> {
    await this.#libp2p.handle(
      protocol,
      (stream, connection) => {
        const channel = new Libp2pChannel(stream, connection.remotePeer.toString())
        void this.#run(channel, handler)
      },
      { maxInboundStreams: CHANNELS_PER_PEER_MAX, maxOutboundStreams: CHANNELS_PER_PEER_MAX },
    )
  }

  async close(): Promise<void> {
    await this.#libp2p.stop()
  }

  async #run(channel: Libp2pChannel, handler: (channel: Channel) => Promise<void>): Promise<void> {
    try {
      await handler(channel)
      await channel.close()
      // The peer closes its side in its own time, but not for ever: a half-open stream counts against the limits.
      const finished = channel.finished()
      const limit = AbortSignal.timeout(CHANNEL_CLOSE_MILLISECONDS)
      limit.addEventListener('abort', () =>
        channel.abort(new UnreachableError('the peer left a channel open')),
      )
      await finished
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error))
      this.#log.debug('channel ended with an error', { peer: channel.remoteId, error: reason.message })
      channel.abort(reason)
    }
  }

  async #dial(dial: readonly Dialled[], signal: AbortSignal | undefined): Promise<PeerId> {
    const limit = AbortSignal.timeout(CONNECT_MILLISECONDS)
    const connection = await this.#libp2p.dial(
      dial.map(({ target }) => target),
      { signal: signal === undefined ? limit : AbortSignal.any([signal, limit]) },
    )
    return connection.remotePeer.toString()
  }
}

/** Multiaddrs that may lead to the peer, each ending in its id; what is wrong with the others goes to `reasons`. */
function usableAddresses(
  peer: PeerId | undefined,
  addresses: readonly string[],
  reasons: string[],
): readonly Dialled[] {
  const usable: Dialled[] = []
  for (const address of addresses) {
    try {
      const target = multiaddr(address)
      const named = target.getComponents().findLast(({ name }) => name === 'p2p')?.value
      if (peer === undefined || named === peer) usable.push({ target, address })
      else if (named === undefined) usable.push({ target: target.encapsulate(`/p2p/${peer}`), address })
      else reasons.push(`${address}: names another peer`)
    } catch {
      reasons.push(`${address}: not a multiaddr`)
    }
  }
  return usable
}

function dialReasons(dial: readonly Dialled[], error: unknown): readonly string[] {
  const inner = error instanceof AggregateError ? error.errors : [error]
  const why = inner.map((one) => (one instanceof Error && one.message !== '' ? one.message : String(one)))
  return [`${dial.map(({ address }) => address).join(', ')}: ${[...new Set(why)].join(', ')}`]
}
