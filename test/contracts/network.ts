/** What every Network promises (PROTOCOL §3): run on libp2p over loopback and on the simulated one. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { concat, utf8 } from '#crypto'
import { UnreachableError } from '../../node/errors.ts'
import { publicKeyOfPeerId } from '../../node/peers/peer-id.ts'
import type { Channel, Network } from '../../node/platform/platform.ts'
import { verifySignature } from '../../node/platform/signature.ts'

export interface NetworkHarness {
  node(options?: { readonly listens?: boolean }): Promise<Network>
  /** An address at which nobody listens. */
  readonly deadAddress: string
  /** Drives what the work needs to go on. */
  run<T>(work: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

const PROTOCOL = '/cairn/test/1'
/** Both windows, both queues, and the sender's own buffers: far below what is sent. */
const IN_FLIGHT_MAX_BYTES = 6 * 1024 * 1024
const FLOOD_BYTES = 48 * 1024 * 1024

export function networkContract(name: string, makeHarness: () => Promise<NetworkHarness>): void {
  /** Two nodes, and a test's work driven to its end. */
  const pair = async (
    work: (nodes: { client: Network; server: Network; harness: NetworkHarness }) => Promise<void>,
  ) => {
    const harness = await makeHarness()
    onTestFinished(() => harness.close())
    const server = await harness.node()
    const client = await harness.node({ listens: false })
    await harness.run(() => work({ client, server, harness }))
  }

  describe(`network contract: ${name}`, () => {
    test('finds out who is at an address', async () => {
      await pair(async ({ client, server }) => {
        expect(client.addresses()).toEqual([])
        expect(server.addresses().every((address) => address.endsWith(`/p2p/${server.localId}`))).toBe(true)
        expect(await client.connect(undefined, server.addresses())).toBe(server.localId)
        expect(await client.connect(server.localId, [])).toBe(server.localId)
      })
    })

    test('tells one connection from the next', async () => {
      await pair(async ({ client, server, harness }) => {
        expect(client.connectionTo(server.localId)).toBeUndefined()
        await client.connect(server.localId, server.addresses())
        const first = client.connectionTo(server.localId)
        expect(first).toBeDefined()
        await client.connect(server.localId, [])
        const channel = await client.openChannel(server.localId, PROTOCOL).catch(() => undefined)
        channel?.abort(new UnreachableError('not wanted'))
        expect(client.connectionTo(server.localId)).toBe(first)
        const other = await harness.node()
        await client.connect(other.localId, other.addresses())
        expect(client.connectionTo(other.localId)).not.toBe(first)
      })
    })

    test('names the addresses it tried and why they failed', async () => {
      await pair(async ({ client, server, harness }) => {
        const attempt = client.connect(server.localId, [harness.deadAddress, 'nonsense'])
        const error = await attempt.catch((cause: unknown) => cause)
        expect(error).toBeInstanceOf(UnreachableError)
        expect(String(error)).toContain(harness.deadAddress)
        await expect(client.connect(undefined, [harness.deadAddress])).rejects.toThrow(harness.deadAddress)
        await expect(client.connect(server.localId, [])).rejects.toThrow('no address is known')
      })
    })

    test('refuses to take one peer for another', async () => {
      await pair(async ({ client, server, harness }) => {
        const other = await harness.node()
        await expect(client.connect(other.localId, server.addresses())).rejects.toThrow(UnreachableError)
      })
    })

    test('opens no channel to a stranger, nor for an unknown protocol', async () => {
      await pair(async ({ client, server }) => {
        await expect(client.openChannel(server.localId, PROTOCOL)).rejects.toThrow(UnreachableError)
        await client.connect(server.localId, server.addresses())
        await expect(client.openChannel(server.localId, PROTOCOL)).rejects.toThrow(UnreachableError)
      })
    })

    test('carries bytes both ways, in order, to the end', async () => {
      await pair(async ({ client, server }) => {
        await server.serve(PROTOCOL, async (channel) => {
          expect(channel.remoteId).toBe(client.localId)
          for await (const part of channel.incoming) await channel.write([part.slice()])
        })
        const channel = await connected(client, server)
        expect(channel.remoteId).toBe(server.localId)
        const sent = Array.from({ length: 200 }, (_, index) => new Uint8Array(index * 37).fill(index))
        const received = collect(channel)
        for (let index = 0; index < sent.length; index += 2) await channel.write(sent.slice(index, index + 2))
        await channel.close()
        expect(Buffer.compare(await received, concat(...sent))).toBe(0)
      })
    })

    test('goes on reading after it has finished writing', async () => {
      await pair(async ({ client, server }) => {
        await server.serve(PROTOCOL, async (channel) => {
          const question = await collect(channel)
          await channel.write([utf8('heard '), question])
        })
        const channel = await connected(client, server)
        await channel.write([utf8('this')])
        await channel.close()
        expect(new TextDecoder().decode(await collect(channel))).toBe('heard this')
      })
    })

    test('an abort fails both sides, and not the next channel', async () => {
      await pair(async ({ client, server }) => {
        const seen = Promise.withResolvers<unknown>()
        let count = 0
        await server.serve(PROTOCOL, async (channel) => {
          count += 1
          if (count === 1) await collect(channel).then(seen.resolve, seen.resolve)
          else await channel.write([utf8('fine')])
        })
        const first = await connected(client, server)
        await first.write([utf8('half')])
        first.abort(new Error('enough'))
        expect(await seen.promise).toBeInstanceOf(Error)
        await expect(first.write([utf8('more')])).rejects.toThrow()
        const second = await connected(client, server)
        expect(new TextDecoder().decode(await collect(second))).toBe('fine')
      })
    })

    test('a handler that fails breaks its channel', async () => {
      await pair(async ({ client, server }) => {
        await server.serve(PROTOCOL, async () => {
          throw new Error('no')
        })
        const channel = await connected(client, server)
        await expect(collect(channel)).rejects.toThrow()
      })
    })

    test('a node that goes away fails the channels to it', async () => {
      await pair(async ({ client, server }) => {
        await server.serve(PROTOCOL, async (channel) => {
          await channel.write([utf8('here')])
          await collect(channel)
        })
        const channel = await connected(client, server)
        const reader = channel.incoming[Symbol.asyncIterator]()
        expect((await reader.next()).done).toBe(false)
        await server.close()
        await expect(reader.next()).rejects.toThrow(UnreachableError)
      })
    })

    test('a slow reader holds the writer back, and no other channel', async () => {
      await pair(async ({ client, server }) => {
        let written = 0
        const release = Promise.withResolvers<void>()
        await server.serve(PROTOCOL, async (channel) => {
          const reader = channel.incoming[Symbol.asyncIterator]()
          const { value } = await reader.next()
          if (value?.[0] === 0) return await echo(channel, reader)
          await release.promise
          let size = value?.length ?? 0
          for (let step = await reader.next(); step.done !== true; step = await reader.next()) {
            size += step.value.length
          }
          await channel.write([utf8(String(size))])
        })
        const flood = await connected(client, server)
        const part = new Uint8Array(96 * 1024).fill(1)
        const flooding = (async () => {
          for (; written < FLOOD_BYTES; written += part.length) await flood.write([part])
          await flood.close()
        })()
        const quick = await connected(client, server)
        await quick.write([Uint8Array.of(0)])
        const answers = quick.incoming[Symbol.asyncIterator]()
        // Long enough for the writer to run as far ahead as it can.
        for (let round = 0; round < 200; round += 1) {
          await quick.write([Uint8Array.of(round)])
          expect((await answers.next()).value?.[0]).toBe(round)
        }
        expect(written).toBeLessThan(IN_FLIGHT_MAX_BYTES)
        release.resolve()
        await flooding
        expect(Number(new TextDecoder().decode(await collect(flood)))).toBe(written)
        await quick.close()
      })
    })

    test('an aborted write waits no longer', async () => {
      await pair(async ({ client, server }) => {
        const release = Promise.withResolvers<void>()
        await server.serve(PROTOCOL, () => release.promise)
        const channel = await connected(client, server)
        const controller = new AbortController()
        const stop = new Error('stop')
        const writing = (async () => {
          const part = new Uint8Array(1024 * 1024)
          for (let count = 0; count < 64; count += 1) await channel.write([part], controller)
        })()
        const other = await connected(client, server)
        controller.abort(stop)
        await expect(writing).rejects.toBe(stop)
        other.abort(stop)
        channel.abort(stop)
        release.resolve()
      })
    })

    test('signs with the key that its id names', async () => {
      await pair(async ({ server }) => {
        const bytes = utf8('a statement')
        const signature = await server.sign(bytes)
        const publicKey = publicKeyOfPeerId(server.localId)
        expect(verifySignature(publicKey, bytes, signature)).toBe(true)
        expect(verifySignature(publicKey, utf8('another'), signature)).toBe(false)
      })
    })
  })
}

async function connected(client: Network, server: Network): Promise<Channel> {
  await client.connect(server.localId, server.addresses())
  return await client.openChannel(server.localId, PROTOCOL)
}

async function collect(channel: Channel): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of channel.incoming) parts.push(part.slice())
  return concat(...parts)
}

async function echo(channel: Channel, reader: AsyncIterator<Uint8Array>): Promise<void> {
  for (let step = await reader.next(); step.done !== true; step = await reader.next()) {
    await channel.write([step.value.slice()])
  }
}
