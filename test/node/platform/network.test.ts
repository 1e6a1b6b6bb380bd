import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { InvalidInputError, utf8 } from '#crypto'
import { ConflictError, UnreachableError } from '../../../node/errors.ts'
import { silentLog } from '../../../node/platform/log.ts'
import { openNetwork } from '../../../node/platform/network.ts'
import { loadOrCreateNodeKey, nodeKeyFromSeed, temporaryNodeKey } from '../../../node/platform/node-key.ts'
import type { Network } from '../../../node/platform/platform.ts'
import { networkContract } from '../../contracts/network.ts'
import { SimClock } from '../../sim/sim-clock.ts'
import { SimWorld } from '../../sim/sim-network.ts'
import { SimRandom } from '../../sim/sim-random.ts'

networkContract('libp2p over TCP and TLS on loopback', () => libp2pHarness('/ip4/127.0.0.1/tcp/0'))
networkContract('libp2p over websockets on loopback', () => libp2pHarness('/ip4/127.0.0.1/tcp/0/ws'))
networkContract('simulated', async () => {
  const clock = new SimClock()
  const world = new SimWorld({ clock, random: new SimRandom(7) })
  return {
    node: async (options) => world.node(options),
    deadAddress: '/ip4/10.9.9.9/tcp/4001',
    run: (work) => clock.run(work),
    close: async () => undefined,
  }
})

async function libp2pHarness(listen: string) {
  const nodes: Network[] = []
  return {
    node: async ({ listens = true }: { readonly listens?: boolean } = {}) => {
      const key = temporaryNodeKey()
      const node = await openNetwork({ key, listen: listens ? [listen] : [], log: silentLog })
      nodes.push(node)
      return node
    },
    deadAddress: '/ip4/127.0.0.1/tcp/1',
    run: <T>(work: () => Promise<T>) => work(),
    close: async () => {
      await Promise.all(nodes.map((node) => node.close()))
    },
  }
}

describe('openNetwork', () => {
  test('names the address that another process holds', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void holder.close())
    await new Promise((resolve) => holder.once('listening', resolve))
    const address = holder.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const key = temporaryNodeKey()
    const opening = openNetwork({ key, listen: [`/ip4/127.0.0.1/tcp/${port}`], log: silentLog })
    const error = await opening.catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(ConflictError)
    expect(String(error)).toContain(`127.0.0.1:${port}`)
  })

  test('skips announced addresses that it cannot read, or has no transport for', async () => {
    const server = await openNetwork({ key: temporaryNodeKey(), log: silentLog })
    const client = await openNetwork({ key: temporaryNodeKey(), listen: [], log: silentLog })
    onTestFinished(async () => {
      await Promise.all([server.close(), client.close()])
    })
    const odd = [
      '/hello/ip4/127.0.0.1',
      '/!',
      '/ip4/999.0.0.1/tcp/1',
      '/unix/nowhere',
      '/ip4/127.0.0.1/udp/1',
    ]
    const named = odd.map((address) => `${address}/p2p/${server.localId}`)
    await expect(client.connect(server.localId, named)).rejects.toThrow(UnreachableError)
    expect(await client.connect(server.localId, [...named, ...server.addresses()])).toBe(server.localId)
  })

  test('refuses what is no address', async () => {
    const key = temporaryNodeKey()
    await expect(openNetwork({ key, listen: ['localhost:4001'], log: silentLog })).rejects.toThrow(
      InvalidInputError,
    )
  })

  test('twenty nodes of one machine connect to one at once', async () => {
    const key = temporaryNodeKey()
    const server = await openNetwork({ key, log: silentLog })
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => openNetwork({ key: temporaryNodeKey(), listen: [], log: silentLog })),
    )
    onTestFinished(async () => {
      await Promise.all([server, ...clients].map((node) => node.close()))
    })
    await server.serve('/cairn/test/1', async (channel) => channel.write([utf8(channel.remoteId)]))
    const answers = clients.map(async (client) => {
      await client.connect(undefined, server.addresses())
      const channel = await client.openChannel(server.localId, '/cairn/test/1')
      const parts: Uint8Array[] = []
      for await (const part of channel.incoming) parts.push(part.slice())
      await channel.close()
      return Buffer.concat(parts).toString()
    })
    expect(await Promise.all(answers)).toEqual(clients.map((client) => client.localId))
  })
})

describe('loadOrCreateNodeKey', () => {
  const folder = async () => {
    const path = await mkdtemp(join(tmpdir(), 'cairn-key-'))
    onTestFinished(() => rm(path, { recursive: true }))
    return path
  }

  test('makes a key once, readable by the owner alone', async () => {
    const path = join(await folder(), 'home', 'node.key')
    const [first, second] = await Promise.all([loadOrCreateNodeKey(path), loadOrCreateNodeKey(path)])
    expect(second.reveal()).toEqual(first.reveal())
    expect((await loadOrCreateNodeKey(path)).reveal()).toEqual(first.reveal())
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await readFile(path)).length).toBe(32)
    expect(JSON.stringify({ first })).toBe('{"first":"[secret]"}')
  })

  test('never writes over a file that is no key', async () => {
    const path = join(await folder(), 'node.key')
    await writeFile(path, 'half a key')
    await expect(loadOrCreateNodeKey(path)).rejects.toThrow(InvalidInputError)
    expect(await readFile(path, 'utf8')).toBe('half a key')
  })

  test('the same key gives the same peer id', async () => {
    const seed = new Uint8Array(32).fill(5)
    const one = await openNetwork({ key: nodeKeyFromSeed(seed), listen: [], log: silentLog })
    const other = await openNetwork({ key: nodeKeyFromSeed(seed), listen: [], log: silentLog })
    expect(one.localId).toBe(other.localId)
    await Promise.all([one.close(), other.close()])
  })
})
