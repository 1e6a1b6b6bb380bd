/** libp2p's TLS on real sockets, against @libp2p/tls on the other side and against itself. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type {
  ConnectionEncrypter,
  Logger,
  MessageStream,
  MultiaddrConnection,
  PrivateKey,
  SecuredConnection,
  StreamMessageEvent,
  Upgrader,
} from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { type TLSComponents, tls } from '@libp2p/tls'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, onTestFinished, test } from 'vitest'
import { nativeTls } from '../../../node/platform/native-tls.ts'

const MUXER = '/yamux/1.0.0'
const MIB = 1024 * 1024
/** Both kernels' socket buffers (4 and 6 MiB at most as Linux is set up), and what stands in the two processes. */
const IN_FLIGHT_MAX_BYTES = 16 * MIB

interface Side {
  readonly encrypter: ConnectionEncrypter
  readonly id: ReturnType<typeof peerIdFromPrivateKey>
}

type Kind = (components: TLSComponents) => ConnectionEncrypter

async function side(kind: Kind = nativeTls(), privateKey?: PrivateKey): Promise<Side> {
  const key = privateKey ?? (await generateKeyPair('Ed25519'))
  const encrypter = kind({ privateKey: key, logger: { forComponent: silent }, upgrader: upgrader({}) })
  return { encrypter, id: peerIdFromPrivateKey(key) }
}

function silent(): Logger {
  const nothing = () => undefined
  return Object.assign(() => undefined, { error: nothing, trace: nothing, enabled: false, newScope: silent })
}

/** One muxer, and connections that are handed to the test instead of being upgraded. */
function upgrader(on: {
  readonly inbound?: (connection: MultiaddrConnection) => void
  readonly outbound?: (connection: MultiaddrConnection) => void
}): Upgrader {
  return {
    upgradeInbound: async (connection: MultiaddrConnection) => on.inbound?.(connection),
    upgradeOutbound: (connection: MultiaddrConnection) => {
      on.outbound?.(connection)
      return new Promise<never>(() => undefined)
    },
    createInboundAbortSignal: (signal) => Object.assign(signal, { clear: () => undefined }),
    getStreamMuxers: () => new Map([[MUXER, yamux()()]]),
    getConnectionEncrypters: () => new Map(),
  }
}

/** Listens, and hands over the first connection that comes. */
async function listening() {
  const inbound = Promise.withResolvers<MultiaddrConnection>()
  const transport = tcp()({ logger: { forComponent: silent } })
  const listener = transport.createListener({ upgrader: upgrader({ inbound: inbound.resolve }) })
  await listener.listen(multiaddr('/ip4/127.0.0.1/tcp/0'))
  onTestFinished(() => listener.close())
  const port = Number(listener.getAddrs()[0]?.toString().split('/').at(-1))
  return { port, connection: inbound.promise }
}

async function dialled(port: number): Promise<MultiaddrConnection> {
  const outbound = Promise.withResolvers<MultiaddrConnection>()
  const transport = tcp()({ logger: { forComponent: silent } })
  const target = multiaddr(`/ip4/127.0.0.1/tcp/${port}`)
  const { signal } = new AbortController()
  const dial = transport.dial(target, { upgrader: upgrader({ outbound: outbound.resolve }), signal })
  dial.catch(outbound.reject)
  const connection = await outbound.promise
  onTestFinished(() => connection.abort(new Error('the test is over')))
  return connection
}

async function pair() {
  const listener = await listening()
  const outbound = await dialled(listener.port)
  return { outbound, inbound: await listener.connection }
}

async function secured(client: Side, server: Side) {
  const { outbound, inbound } = await pair()
  const [toServer, toClient] = await Promise.all([
    client.encrypter.secureOutbound(outbound, { remotePeer: server.id }),
    server.encrypter.secureInbound(inbound),
  ])
  return { outbound, inbound, toServer, toClient }
}

async function securedNatively() {
  return await secured(await side(), await side())
}

function closed(stream: MessageStream): Promise<Error | undefined> {
  if (stream.status !== 'open' && stream.status !== 'closing') return Promise.resolve(undefined)
  return new Promise((resolve) => stream.addEventListener('close', ({ error }) => resolve(error)))
}

async function write(stream: MessageStream, bytes: Uint8Array): Promise<void> {
  if (stream.send(bytes)) return
  await new Promise<void>((resolve, reject) => {
    stream.addEventListener('drain', () => resolve(), { once: true })
    stream.addEventListener('close', () => reject(new Error('closed')), { once: true })
  })
}

/** Sends `sizeBytes` in parts of every size from one byte to 300 KiB, and resolves to their hash. */
async function sendHashed(stream: MessageStream, sizeBytes: number): Promise<string> {
  const hash = createHash('sha256')
  const source = Buffer.alloc(300 * 1024, 'a part of a share; ')
  const sizes = [1, 12, 299_999, 7, 16_384, 16_385, 65_536, 3, 131_071]
  for (let sent = 0, round = 0; sent < sizeBytes; round += 1) {
    const length = Math.min(sizes[round % sizes.length] ?? 1, sizeBytes - sent)
    const part = source.subarray(round % 97, (round % 97) + length)
    hash.update(part)
    await write(stream, part)
    sent += length
  }
  return hash.digest('hex')
}

function receiveHashed(stream: MessageStream, sizeBytes: number): Promise<string> {
  const hash = createHash('sha256')
  return new Promise((resolve, reject) => {
    let received = 0
    stream.addEventListener('close', () => reject(new Error(`closed after ${received} bytes`)))
    stream.addEventListener('message', ({ data }: StreamMessageEvent) => {
      for (const part of data instanceof Uint8Array ? [data] : data) hash.update(part)
      received += data.byteLength
      if (received >= sizeBytes) resolve(hash.digest('hex'))
    })
  })
}

/** Nothing is on its way afterwards: a reset that comes together with bytes is an end to libuv. */
async function roundTrip(one: MessageStream, other: MessageStream): Promise<void> {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    const received = receiveHashed(to, 1)
    received.catch(() => undefined)
    from.send(Uint8Array.of(1))
    await received
  }
}

async function failure(attempt: Promise<SecuredConnection>): Promise<Error> {
  const error = await attempt.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  if (error instanceof Error) return error
  throw new Error('the handshake should have failed')
}

describe('nativeTls', () => {
  for (const [name, client, server] of [
    ['itself', nativeTls(), nativeTls()],
    ['@libp2p/tls as the server', nativeTls(), tls()],
    ['@libp2p/tls as the client', tls(), nativeTls()],
  ] as const) {
    test(`speaks with ${name}: who is there, the muxer, and 64 MiB both ways`, async () => {
      const [one, other] = [await side(client), await side(server)]
      const { toServer, toClient } = await secured(one, other)
      expect(toServer.remotePeer.equals(other.id)).toBe(true)
      expect(toClient.remotePeer.equals(one.id)).toBe(true)
      expect(toServer.streamMuxer?.protocol).toBe(MUXER)
      expect(toClient.streamMuxer?.protocol).toBe(MUXER)
      const received = [
        receiveHashed(toClient.connection, 64 * MIB),
        receiveHashed(toServer.connection, 64 * MIB),
      ]
      const sent = [sendHashed(toServer.connection, 64 * MIB), sendHashed(toClient.connection, 64 * MIB)]
      expect(await Promise.all(received)).toEqual(await Promise.all(sent))
    })
  }

  test('leaves the muxer for later if one side wants that', async () => {
    const [one, other] = [await side(), await side()]
    for (const late of [{ skipStreamMuxerNegotiation: true }, {}]) {
      const { outbound, inbound } = await pair()
      const [toServer, toClient] = await Promise.all([
        one.encrypter.secureOutbound(outbound, { skipStreamMuxerNegotiation: true }),
        other.encrypter.secureInbound(inbound, late),
      ])
      expect(toServer.streamMuxer).toBeUndefined()
      expect(toClient.streamMuxer).toBeUndefined()
    }
  })

  test('refuses another peer than the one expected, and the other side sees the end', async () => {
    const [one, other, stranger] = [await side(), await side(), await side()]
    const { outbound, inbound } = await pair()
    const accepting = other.encrypter.secureInbound(inbound)
    const gone = closed(inbound)
    const attempt = one.encrypter.secureOutbound(outbound, { remotePeer: stranger.id })
    expect((await failure(attempt)).name).toBe('UnexpectedPeerError')
    expect(outbound.status).toBe('aborted')
    await accepting.catch(() => undefined)
    await gone
  })

  test.each([
    [
      'a signature by nobody',
      (key: PrivateKey) => ({ ...key, type: key.type, sign: async () => new Uint8Array(64) }),
    ],
    [
      'a signature by another',
      (key: PrivateKey, other: PrivateKey) => ({ ...key, sign: other.sign.bind(other) }),
    ],
    [
      'a key that is none',
      (key: PrivateKey) => ({
        ...key,
        sign: key.sign.bind(key),
        publicKey: { ...key.publicKey, raw: new Uint8Array(5) },
      }),
    ],
  ])('refuses a certificate with %s, on either side', async (_, forge) => {
    const [key, another] = [await generateKeyPair('Ed25519'), await generateKeyPair('Ed25519')]
    const forged = forge(key, another) as PrivateKey
    const components = { privateKey: forged, logger: { forComponent: silent }, upgrader: upgrader({}) }
    const liar = tls()(components)
    const honest = await side()
    const first = await pair()
    void liar.secureInbound(first.inbound).catch(() => undefined)
    await failure(honest.encrypter.secureOutbound(first.outbound))
    expect(first.outbound.status).toBe('aborted')
    const second = await pair()
    void liar.secureOutbound(second.outbound).catch(() => undefined)
    await failure(honest.encrypter.secureInbound(second.inbound))
    expect(second.inbound.status).toBe('aborted')
  })

  test('refuses a client without a certificate, and one without TLS', async () => {
    const { encrypter } = await side()
    const bare = await listening()
    const client = connectTls({
      port: bare.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ALPNProtocols: ['libp2p'],
    })
    client.on('error', () => undefined)
    expect((await failure(encrypter.secureInbound(await bare.connection))).message).toContain(
      'no certificate',
    )
    const { outbound, inbound } = await pair()
    outbound.send(Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))
    await failure(encrypter.secureInbound(inbound))
    expect(inbound.status).toBe('aborted')
  })

  test('an abort during the handshake ends both sides', async () => {
    const { encrypter } = await side()
    const stop = new Error('stop')
    for (const direction of ['outbound', 'inbound'] as const) {
      const connections = await pair()
      const mute = direction === 'outbound' ? connections.inbound : connections.outbound
      const gone = closed(mute)
      const controller = new AbortController()
      const attempt =
        direction === 'outbound'
          ? encrypter.secureOutbound(connections.outbound, controller)
          : encrypter.secureInbound(connections.inbound, controller)
      // The client's first record has come; nobody answers it.
      while (direction === 'outbound' && mute.readBufferLength === 0) await turn()
      controller.abort(stop)
      expect(await failure(attempt)).toBe(stop)
      expect(connections[direction].status).toBe('aborted')
      await gone
      const late = await pair()
      expect(await failure(encrypter.secureOutbound(late.outbound, controller))).toBe(stop)
    }
  })

  test('a connection that ends during the handshake fails it', async () => {
    const { encrypter } = await side()
    const reset = await pair()
    const attempt = encrypter.secureOutbound(reset.outbound)
    reset.inbound.abort(new Error('enough'))
    await failure(attempt)
    const ended = await pair()
    const accepting = encrypter.secureInbound(ended.inbound)
    await ended.outbound.close()
    await failure(accepting)
    const silentServer = createServer((socket) => socket.end())
    silentServer.listen(0, '127.0.0.1')
    onTestFinished(() => void silentServer.close())
    await once(silentServer, 'listening')
    const address = silentServer.address()
    const outbound = await dialled(typeof address === 'object' ? (address?.port ?? 0) : 0)
    await failure(encrypter.secureOutbound(outbound))
  })

  test('bytes that were read before the handshake began are part of it', async () => {
    const [one, other] = [await side(), await side()]
    const { outbound, inbound } = await pair()
    const connecting = one.encrypter.secureOutbound(outbound)
    while (inbound.readBufferLength === 0) await turn()
    const [toServer, toClient] = await Promise.all([connecting, other.encrypter.secureInbound(inbound)])
    expect(toClient.remotePeer.equals(one.id)).toBe(true)
    const received = receiveHashed(toClient.connection, MIB)
    expect(await sendHashed(toServer.connection, MIB)).toBe(await received)
  })

  test('a paused reader holds the writer back, and loses nothing', async () => {
    const { toServer, toClient } = await securedNatively()
    const size = 64 * MIB
    const received = receiveHashed(toClient.connection, size)
    toClient.connection.pause()
    const hash = createHash('sha256')
    let written = 0
    const writing = (async () => {
      const part = new Uint8Array(128 * 1024).fill(5)
      for (; written < size; written += part.length) {
        hash.update(part)
        await write(toServer.connection, part)
      }
    })()
    for (let still = 0, last = -1; still < 2000; still = written === last ? still + 1 : 0) {
      last = written
      await turn()
    }
    expect(written).toBeGreaterThan(0)
    expect(written).toBeLessThan(IN_FLIGHT_MAX_BYTES)
    expect(toServer.connection.writeBufferLength).toBeLessThan(MIB)
    expect(toClient.connection.readBufferLength).toBeLessThan(MIB)
    toClient.connection.resume()
    await writing
    expect(await received).toBe(hash.digest('hex'))
  })

  test('a reset is seen on the other side, at every level', async () => {
    const { toServer, toClient, outbound, inbound } = await securedNatively()
    await roundTrip(toServer.connection, toClient.connection)
    const gone = [closed(toClient.connection), closed(inbound)]
    toServer.connection.abort(new Error('enough'))
    for (const error of await Promise.all(gone)) expect(error).toMatchObject({ code: 'ECONNRESET' })
    expect([toServer.connection.status, outbound.status]).toEqual(['aborted', 'aborted'])
    expect(() => toClient.connection.send(new Uint8Array(1))).toThrow()
  })

  test('aborting the connection below, as libp2p does, resets what runs over it', async () => {
    const { toServer, toClient, outbound } = await securedNatively()
    await roundTrip(toServer.connection, toClient.connection)
    const gone = [closed(toClient.connection), closed(toServer.connection)]
    outbound.abort(new Error('enough'))
    const [there, here] = await Promise.all(gone)
    expect(there).toMatchObject({ code: 'ECONNRESET' })
    expect(here?.message).toBe('enough')
  })

  test('an abort in the midst of a transfer ends both sides', async () => {
    const { toServer, toClient, outbound, inbound } = await securedNatively()
    const gone = [toServer.connection, toClient.connection, outbound, inbound].map(closed)
    for (let count = 0; count < 8; count += 1) toServer.connection.send(new Uint8Array(MIB))
    for (let count = 0; count < 8; count += 1) toClient.connection.send(new Uint8Array(MIB))
    await turn()
    toServer.connection.abort(new Error('enough'))
    await Promise.all(gone)
    expect(toServer.connection.writeBufferLength).toBe(0)
  })

  test('a connection that is aborted as soon as it stands, from either side, is survived', async () => {
    for (let round = 0; round < 60; round += 1) {
      const { toServer, toClient, outbound, inbound } = await securedNatively()
      const gone = [toServer.connection, toClient.connection].map(closed)
      toServer.connection.send(new Uint8Array(100))
      toClient.connection.send(new Uint8Array(100_000))
      if (round % 3 === 0) await turn()
      for (const one of round % 2 === 0 ? [outbound] : [inbound, outbound])
        one.abort(new Error('a second one'))
      await Promise.all(gone)
    }
  })

  test('an abort from within the reading of a record is survived', async () => {
    for (const ending of ['abort', 'abort while closing'] as const) {
      const { toServer, toClient, outbound, inbound } = await securedNatively()
      const gone = [toServer.connection, toClient.connection, outbound, inbound].map(closed)
      toServer.connection.addEventListener('message', () => {
        if (ending === 'abort while closing') outbound.close().catch(() => undefined)
        outbound.abort(new Error('enough'))
      })
      for (let count = 0; count < 8; count += 1) toClient.connection.send(new Uint8Array(MIB))
      await Promise.all(gone)
      expect(outbound.status).toBe('aborted')
    }
  })

  test('closing the connection below, as libp2p does, sends first what was accepted', async () => {
    const { toServer, toClient, outbound, inbound } = await securedNatively()
    let received = 0
    toClient.connection.addEventListener('message', ({ data }) => {
      received += data.byteLength
    })
    const gone = [closed(toClient.connection), closed(inbound), closed(toServer.connection)]
    const part = new Uint8Array(MIB)
    // The second finds the session full, and waits in the stream's own buffer.
    for (let count = 0; count < 3; count += 1) toServer.connection.send(part)
    await toServer.connection.close()
    expect(await Promise.all(gone)).toEqual([undefined, undefined, undefined])
    expect(received).toBe(3 * MIB)
    expect(outbound.status).toBe('closed')
  })

  test('an abort while closing does not leave the socket open', async () => {
    const { toServer, toClient, outbound, inbound } = await securedNatively()
    toClient.connection.pause()
    for (let count = 0; count < 24; count += 1) toServer.connection.send(new Uint8Array(MIB))
    const controller = new AbortController()
    const closing = outbound.close({ signal: controller.signal })
    await turn()
    controller.abort(new Error('too slow'))
    await expect(closing).rejects.toThrow()
    outbound.abort(new Error('enough'))
    toClient.connection.resume()
    await closed(inbound)
    expect(toServer.connection.status).toBe('aborted')
  })

  test('what is no TCP socket goes the way of @libp2p/tls', async () => {
    const [one, other] = [await side(), await side()]
    const [outbound, inbound] = multiaddrConnectionPair()
    const [toServer, toClient] = await Promise.all([
      one.encrypter.secureOutbound(outbound, { remotePeer: other.id }),
      other.encrypter.secureInbound(inbound),
    ])
    const received = receiveHashed(toClient.connection, MIB)
    expect(await sendHashed(toServer.connection, MIB)).toBe(await received)
  })
})
