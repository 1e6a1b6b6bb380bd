/** The libp2p node and its settings (PROTOCOL §3). */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import { InvalidInputError } from '#crypto'
import { ConflictError } from '../errors.ts'
import {
  CHANNEL_WINDOW_MAX_BYTES,
  CONNECT_MILLISECONDS,
  CONNECTIONS_MAX,
  NEW_CONNECTIONS_PER_SECOND_MAX,
  PENDING_CONNECTIONS_MAX,
} from '../limits.ts'
import { nativeTls } from './native-tls.ts'
import type { NodeKey } from './node-key.ts'
import { withOwnDecoder } from './yamux-decoder.ts'

/** yamux's own initial window: both sides must assume the same, and other implementations assume this one. */
const YAMUX_INITIAL_WINDOW_BYTES = 256 * 1024

export interface Libp2pOptions {
  readonly key: NodeKey
  readonly listen: readonly string[]
  readonly announce: readonly string[]
}

/** @throws ConflictError naming the address that is taken, InvalidInputError for one that cannot be listened on */
export async function startLibp2p(
  options: Libp2pOptions,
): Promise<{ readonly libp2p: Libp2p; readonly privateKey: PrivateKey }> {
  for (const address of [...options.listen, ...options.announce]) checkAddress(address)
  const muxers = yamux({
    streamOptions: {
      initialStreamWindowSize: YAMUX_INITIAL_WINDOW_BYTES,
      // Above this a paused stream would outgrow libp2p's read buffer and be reset.
      maxStreamWindowSize: CHANNEL_WINDOW_MAX_BYTES,
      maxReadBufferLength: 4 * CHANNEL_WINDOW_MAX_BYTES,
    },
  })
  const privateKey = await generateKeyPairFromSeed('Ed25519', options.key.reveal())
  const libp2p = await createLibp2p({
    start: false,
    privateKey,
    addresses: { listen: [...options.listen], announce: [...options.announce] },
    transports: [tcp(), webSockets()],
    connectionEncrypters: [nativeTls(), noise()],
    streamMuxers: [() => withOwnDecoder(muxers())],
    connectionManager: {
      maxConnections: CONNECTIONS_MAX,
      // libp2p counts by remote address: a whole grid may stand behind one.
      inboundConnectionThreshold: NEW_CONNECTIONS_PER_SECOND_MAX,
      maxIncomingPendingConnections: PENDING_CONNECTIONS_MAX,
      dialTimeout: CONNECT_MILLISECONDS,
    },
    connectionGater: {
      // What to dial is decided by the roster and the configuration, loopback and private networks included.
      denyDialMultiaddr: () => false,
      denyInboundEncryptedConnection: hasForeignKey,
      denyOutboundEncryptedConnection: hasForeignKey,
    },
    services: {
      identify: identify({ protocolPrefix: 'cairn' }),
      ping: ping({ protocolPrefix: 'cairn' }),
    },
  })
  try {
    await libp2p.start()
  } catch (cause) {
    await Promise.resolve(libp2p.stop()).catch(() => undefined)
    throw listenError(options.listen, cause)
  }
  return { libp2p, privateKey }
}

/** A node is an Ed25519 key; libp2p would shake hands with RSA and secp256k1 as well (PROTOCOL §2). */
function hasForeignKey({ type }: PeerId): boolean {
  return type !== 'Ed25519'
}

function checkAddress(address: string): void {
  try {
    multiaddr(address)
  } catch (cause) {
    throw new InvalidInputError(`not a multiaddr: ${address}`, { address }, { cause })
  }
}

function listenError(listen: readonly string[], cause: unknown): Error {
  const messages = causes(cause).map(({ message }) => message)
  const taken = messages.find((message) => message.includes('EADDRINUSE'))
  const details = { addresses: [...listen] }
  if (taken !== undefined) {
    const where = taken.replace(/^.*address already in use /, '')
    return new ConflictError(`cannot listen on ${where}: another process holds it`, details, { cause })
  }
  return new InvalidInputError(`cannot listen on ${listen.join(', ')}: ${messages.join('; ')}`, details, {
    cause,
  })
}

/** An error and every error inside it. */
function causes(error: unknown): readonly Error[] {
  if (!(error instanceof Error)) return []
  const inner =
    error instanceof AggregateError ? error.errors : 'errors' in error ? mapValues(error.errors) : []
  return [error, ...inner.flatMap(causes), ...causes(error.cause)]
}

function mapValues(errors: unknown): readonly unknown[] {
  return errors instanceof Map ? [...errors.values()] : Array.isArray(errors) ? errors : []
}
