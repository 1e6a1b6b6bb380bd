/** What a TLS session on a TCP socket carries, as the MessageStream that libp2p's muxers read and write. */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { AbortOptions, MessageStream, StreamCloseEvent } from '@libp2p/interface'
import { AbstractMessageStream, type SendResult } from '@libp2p/utils'
import { Uint8ArrayList } from 'uint8arraylist'
import { CHANNEL_CLOSE_MILLISECONDS, TLS_GATHER_BYTES } from '../limits.ts'
import { noteReceived } from './received-memory.ts'

export interface SecuredSocket {
  /** The MultiaddrConnection below, which still owns the life of the socket: its close, reset and inactivity. */
  readonly connection: MessageStream
  readonly socket: Socket
  readonly session: TLSSocket
}

/**
 * Plaintext in and out of the session; beginnings and ends through the connection below.
 *
 * libp2p closes and aborts the MultiaddrConnection, which knows nothing of the session and would end the
 * socket under it. The socket's two exits therefore lead through the session: a close sends what was accepted
 * and `close_notify` before FIN, and waits for the peer to do the same; a reset stays a reset. Every other
 * end of the socket is seen by the connection, and by this stream as the connection's.
 */
export class NativeTlsStream extends AbstractMessageStream {
  readonly #connection: MessageStream
  readonly #socket: Socket
  readonly #session: TLSSocket
  #gathered = new Uint8ArrayList()
  #handingOn: NodeJS.Immediate | undefined

  constructor({ connection, socket, session }: SecuredSocket) {
    super({
      log: connection.log,
      inactivityTimeout: connection.inactivityTimeout,
      maxReadBufferLength: connection.maxReadBufferLength,
      direction: connection.direction,
    })
    this.#connection = connection
    this.#socket = socket
    this.#session = session
    socket.destroySoon = () => this.#end()
    const reset = socket.resetAndDestroy.bind(socket)
    // Once the shutdown has begun, libuv refuses a reset and would leave the handle open.
    socket.resetAndDestroy = () => (session.writableEnded ? socket.destroy() : reset())
    connection.addEventListener('close', (event) => this.#onConnectionClose(event))
    session.on('drain', () => this.safeDispatchEvent('drain'))
    session.on('data', (part: Uint8Array) => this.#gather(part))
  }

  /**
   * Records come one by one, and handing on costs more than receiving: those that came together are handed on together,
   * in the same turn of the event loop.
   */
  #gather(part: Uint8Array): void {
    noteReceived(part)
    this.#gathered.append(part)
    if (this.#gathered.byteLength >= TLS_GATHER_BYTES) this.#handOn()
    else this.#handingOn ??= setImmediate(() => this.#handOn())
  }

  #handOn(): void {
    clearImmediate(this.#handingOn)
    this.#handingOn = undefined
    if (this.#gathered.byteLength === 0) return
    const parts = this.#gathered
    this.#gathered = new Uint8ArrayList()
    this.onData(parts)
  }

  async close(options?: AbortOptions): Promise<void> {
    await this.#connection.close(options)
  }

  /**
   * Takes everything, so that header and payload of a frame leave together; the session's high water mark is
   * the bound, as what follows waits for 'drain'. After the end it is discarded: a muxer still answers frames
   * that come in while it closes.
   */
  override sendData(data: Uint8ArrayList): SendResult {
    const sentBytes = data.byteLength
    const session = this.#session
    if (session.writableEnded || session.destroyed) return { sentBytes, canSendMore: true }
    let canSendMore = true
    session.cork()
    for (const part of data) canSendMore = session.write(part)
    session.uncork()
    return { sentBytes, canSendMore }
  }

  override sendPause(): void {
    this.#session.pause()
  }

  override sendResume(): void {
    this.#session.resume()
  }

  override sendReset(error: Error): void {
    this.#connection.abort(error)
  }

  /**
   * A socket that is closed while something unread has come in answers with a reset, and that reset may
   * overtake what was sent. So it is closed when the peer has ended too. One that never does is aborted by
   * the connection's own inactivity limit, made shorter.
   */
  #end(): void {
    const rest = this.writeBuffer.sublist()
    this.writeBuffer.consume(rest.byteLength)
    this.sendData(rest)
    this.#session.resume()
    this.#session.end()
    this.#socket.setTimeout(CHANNEL_CLOSE_MILLISECONDS)
  }

  /** A local failure, a reset by the peer and a clean close stay three things. */
  #onConnectionClose({ error, local }: StreamCloseEvent): void {
    // The session goes when the socket has closed, not before: destroyed while the socket's handle still reads, it
    // gets what that reads, and Node crashes in ssl3_read_bytes. It is enough that it delivers nothing more.
    this.#session.removeAllListeners('data')
    this.#handOn()
    if (error === undefined) this.onTransportClosed()
    else if (local === true) this.abort(error)
    else this.onRemoteReset()
  }
}
