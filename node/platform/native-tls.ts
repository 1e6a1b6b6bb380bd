/**
 * libp2p's TLS 1.3 (https://github.com/libp2p/specs/blob/master/tls/tls.md) on the socket itself.
 *
 * The same protocol and the same bytes as @libp2p/tls. That one runs Node's TLS over a JavaScript stream, which
 * costs more than the encryption; here Node's TLS takes the TCP handle, and ciphertext never reaches
 * JavaScript. What is no plain TCP socket (a websocket, a relay) is left to @libp2p/tls, and so are making and
 * judging certificates.
 */
import { Socket } from 'node:net'
import { connect, TLSSocket } from 'node:tls'
import {
  type ConnectionEncrypter,
  InvalidCryptoExchangeError,
  type MessageStream,
  type PeerId,
  type SecureConnectionOptions,
  type SecuredConnection,
  type StreamMessageEvent,
  type StreamMuxerFactory,
} from '@libp2p/interface'
import { type TLSComponents, tls } from '@libp2p/tls'
import { generateCertificate, verifyPeerCertificate } from '@libp2p/tls/utils'
import { Uint8ArrayList } from 'uint8arraylist'
import { NativeTlsStream } from './native-tls-stream.ts'

/** What a client offers that wants its muxer negotiated later, as multistream-select does (libp2p TLS spec, ALPN). */
const ALPN_WITHOUT_MUXER = 'libp2p'

type Muxers = ReadonlyMap<string, StreamMuxerFactory>
type Certificate = Awaited<ReturnType<typeof generateCertificate>>

/** In place of `tls()` of @libp2p/tls. */
export function nativeTls(): (components: TLSComponents) => ConnectionEncrypter {
  return (components) => {
    const elsewhere = tls()(components)
    // The spec lets one certificate serve many connections; making one costs more than the handshake.
    let made: Promise<Certificate> | undefined
    const certificate = () => {
      made ??= generateCertificate(components.privateKey)
      return made
    }
    const muxersFor = (options: SecureConnectionOptions | undefined): Muxers =>
      options?.skipStreamMuxerNegotiation === true ? new Map() : components.upgrader.getStreamMuxers()
    return {
      protocol: elsewhere.protocol,
      secureInbound: async (connection, options) => {
        const socket = plainSocketOf(connection)
        if (socket === undefined) return await elsewhere.secureInbound(connection, options)
        const muxers = muxersFor(options)
        const open = (own: Certificate) => serverSession(socket, own, muxers)
        return await secure({ connection, socket, muxers, certificate, open }, options)
      },
      secureOutbound: async (connection, options) => {
        const socket = plainSocketOf(connection)
        if (socket === undefined) return await elsewhere.secureOutbound(connection, options)
        const muxers = muxersFor(options)
        const open = (own: Certificate) => clientSession(socket, own, muxers)
        return await secure({ connection, socket, muxers, certificate, open }, options)
      },
    }
  }
}

/** The socket under a connection of @libp2p/tcp. It is private there, so anything but the plain thing is not taken. */
function plainSocketOf(connection: MessageStream): Socket | undefined {
  if (!('socket' in connection)) return undefined
  const { socket } = connection
  return socket instanceof Socket && !(socket instanceof TLSSocket) ? socket : undefined
}

interface Handshake {
  readonly connection: MessageStream
  readonly socket: Socket
  readonly muxers: Muxers
  readonly certificate: () => Promise<Certificate>
  readonly open: (own: Certificate) => TLSSocket
}

/**
 * Shake hands and find out who is there.
 *
 * @throws whatever went wrong, after the connection has been aborted with it; the signal's reason if that came first
 */
async function secure(
  { connection, socket, muxers, certificate, open }: Handshake,
  options: SecureConnectionOptions | undefined,
): Promise<SecuredConnection> {
  try {
    connection.pause()
    const own = await certificate()
    options?.signal?.throwIfAborted()
    takeOver(connection, socket)
    const session = open(own)
    session.on('error', (error) => {
      // A peer that has said its last word and is gone may answer ours with a reset; nothing is lost by that.
      if (!session.readableEnded) connection.abort(error)
    })
    await established(session, options?.signal)
    const remotePeer = await remotePeerOf(session, options?.remotePeer)
    options?.signal?.throwIfAborted()
    if (session.destroyed) throw new InvalidCryptoExchangeError('the connection closed after the handshake')
    const streamMuxer = muxers.get(session.alpnProtocol || ALPN_WITHOUT_MUXER)
    return {
      remotePeer,
      connection: new NativeTlsStream({ connection, socket, session }),
      ...(streamMuxer === undefined ? {} : { streamMuxer }),
    }
  } catch (cause) {
    const error = cause instanceof Error ? cause : new Error(String(cause))
    connection.abort(error)
    throw error
  }
}

/**
 * From here on nobody but the session reads the socket.
 *
 * The peer may have sent its first record behind its last word of multistream-select. What the connection has
 * read of it goes back to the socket, from where Node's TLS takes it first.
 */
function takeOver(connection: MessageStream, socket: Socket): void {
  if (socket.destroyed) throw new InvalidCryptoExchangeError('the connection closed before the handshake')
  const early = new Uint8ArrayList()
  const keep = ({ data }: StreamMessageEvent) => early.append(data)
  connection.addEventListener('message', keep)
  connection.resume()
  connection.removeEventListener('message', keep)
  socket.pause()
  socket.removeAllListeners('data')
  if (early.byteLength > 0) socket.unshift(early.subarray())
}

/**
 * TLS 1.3 and nothing else; the certificate is judged by what it says of the peer, not by who signed it. Each
 * session has a context of its own, so there is nothing to resume.
 */
function sessionOptions(own: Certificate) {
  return {
    ...own,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    rejectUnauthorized: false,
  } as const
}

function clientSession(socket: Socket, own: Certificate, muxers: Muxers): TLSSocket {
  const ALPNProtocols = [...muxers.keys(), ALPN_WITHOUT_MUXER]
  return connect({ ...sessionOptions(own), socket, ALPNProtocols })
}

function serverSession(socket: Socket, own: Certificate, muxers: Muxers): TLSSocket {
  return new TLSSocket(socket, {
    ...sessionOptions(own),
    isServer: true,
    requestCert: true,
    ALPNCallback: ({ protocols }) =>
      protocols.find((protocol) => muxers.has(protocol)) ??
      protocols.find((protocol) => protocol === ALPN_WITHOUT_MUXER),
  })
}

function established(session: TLSSocket, signal: AbortSignal | undefined): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const onAbort = () => reject(signal?.reason)
    signal?.addEventListener('abort', onAbort)
    session.once('secure', () => resolve())
    session.once('error', reject)
    session.once('close', () => {
      signal?.removeEventListener('abort', onAbort)
      reject(new InvalidCryptoExchangeError('the connection closed during the handshake'))
    })
    session.once('secure', () => signal?.removeEventListener('abort', onAbort))
  })
}

async function remotePeerOf(session: TLSSocket, expected: PeerId | undefined): Promise<PeerId> {
  const certificate = session.getPeerX509Certificate()
  if (certificate === undefined) throw new InvalidCryptoExchangeError('the peer showed no certificate')
  return await verifyPeerCertificate(certificate.raw, expected)
}
