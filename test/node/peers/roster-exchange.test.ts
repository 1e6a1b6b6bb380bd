import { describe, expect, test } from 'vitest'
import { concat } from '#crypto'
import { ANNOUNCEMENT_MAX_BYTES } from '../../../node/limits.ts'
import { signAnnouncement } from '../../../node/peers/announcement.ts'
import { peerIdOfPublicKey } from '../../../node/peers/peer-id.ts'
import { Roster } from '../../../node/peers/roster.ts'
import { RosterExchange } from '../../../node/peers/roster-exchange.ts'
import { pushRequest, ROSTER_PROTOCOL } from '../../../node/peers/roster-messages.ts'
import { pushAnnouncements } from '../../../node/peers/roster-talk.ts'
import { systemClock } from '../../../node/platform/clock.ts'
import { silentLog } from '../../../node/platform/log.ts'
import { openNetwork } from '../../../node/platform/network.ts'
import { temporaryNodeKey } from '../../../node/platform/node-key.ts'
import type { Network } from '../../../node/platform/platform.ts'
import { systemRandom } from '../../../node/platform/random.ts'
import { formatMessage, MessageReader } from '../../../node/wire/message.ts'
import { SimClock } from '../../sim/sim-clock.ts'
import { SimWorld } from '../../sim/sim-network.ts'
import { SimRandom } from '../../sim/sim-random.ts'
import { testKey } from '../../support/ed25519.ts'

const SELF = {
  freeBytes: 1e9,
  version: 'cairn test',
  failureDomain: { owner: 'anna', site: 'cellar' },
}
const SECOND = 1000

function grid(seed: number) {
  const clock = new SimClock()
  const random = new SimRandom(seed)
  const world = new SimWorld({ clock, random: random.fork() })
  const open = async (options: {
    readonly network?: Network
    readonly bootstrap?: readonly string[]
    readonly isServer?: boolean
    readonly roster?: Roster
  }) => {
    const {
      network = world.node({ listens: options.isServer ?? true }),
      bootstrap = [],
      isServer = true,
    } = options
    const roster = options.roster ?? new Roster(clock)
    const exchange = await RosterExchange.open({
      platform: { network, clock, random: random.fork(), log: silentLog },
      roster,
      bootstrap,
      describeSelf: isServer ? async () => SELF : undefined,
    })
    return { network, roster, exchange }
  }
  return { clock, random, world, open }
}

/** A valid announcement of a server that is not there. */
async function nobody(clock: SimClock, random: SimRandom): Promise<Uint8Array> {
  const key = testKey(random.bytes(32))
  const localId = peerIdOfPublicKey(key.publicKey)
  const announcement = await signAnnouncement(
    { localId, sign: async (bytes) => key.sign(bytes) },
    {
      ...SELF,
      addresses: [`/ip4/10.9.9.9/tcp/4001/p2p/${localId}`],
      sequence: clock.now(),
      expiresAtSeconds: Math.floor(clock.now() / SECOND) + 3600,
      isServer: true,
    },
  )
  return announcement.bytes
}

/** Lets time pass until the condition holds. @returns how long that took */
async function until(clock: SimClock, limitMilliseconds: number, holds: () => boolean): Promise<number> {
  const start = clock.elapsed()
  while (!holds()) {
    if (clock.elapsed() - start > limitMilliseconds) throw new Error('it did not come to pass')
    await clock.sleep(20)
  }
  return clock.elapsed() - start
}

describe('RosterExchange', () => {
  test('ten servers and a client know each other within a second of the last start', async () => {
    const { clock, open } = grid(1)
    await clock.run(async () => {
      const first = await open({})
      const bootstrap = first.network.addresses()
      const others = await Promise.all(Array.from({ length: 9 }, () => open({ bootstrap })))
      const client = await open({ bootstrap, isServer: false })
      const nodes = [first, ...others, client]
      const took = await until(clock, 5 * SECOND, () => nodes.every(({ roster }) => roster.size === 10))
      expect(took).toBeLessThan(SECOND)
      expect(nodes.every(({ roster }) => roster.get(client.network.localId) === undefined)).toBe(true)
      expect(client.roster.all().map(({ failureDomain }) => failureDomain.owner)).toEqual(
        Array(10).fill('anna'),
      )
      await Promise.all(nodes.map(({ exchange }) => exchange[Symbol.asyncDispose]()))
    })
  })

  test('a hundred servers converge, and again after news', async () => {
    const { clock, random, open } = grid(2)
    await clock.run(async () => {
      const first = await open({})
      const nodes = [first]
      for (let count = 1; count < 100; count += 1) {
        const known = nodes[random.below(nodes.length)] ?? first
        nodes.push(await open({ bootstrap: known.network.addresses() }))
        await clock.sleep(random.below(50))
      }
      const took = await until(clock, 120 * SECOND, () => nodes.every(({ roster }) => roster.size === 100))
      expect(took).toBeLessThan(90 * SECOND)
      const before = first.roster.get(first.network.localId)?.sequence ?? 0
      await first.exchange.announce()
      await until(clock, 90 * SECOND, () =>
        nodes.every(({ roster }) => (roster.get(first.network.localId)?.sequence ?? 0) > before),
      )
      await Promise.all(nodes.map(({ exchange }) => exchange[Symbol.asyncDispose]()))
    })
  })

  test('waits for a bootstrap that is down, and says when it has tried', async () => {
    const { clock, world, open } = grid(3)
    await clock.run(async () => {
      const server = await open({})
      world.takeDown(server.network.localId)
      const client = await open({ bootstrap: server.network.addresses(), isServer: false })
      await client.exchange.firstRound
      expect(client.roster.size).toBe(0)
      await clock.sleep(3 * SECOND)
      world.bringUp(server.network.localId)
      await until(clock, 10 * SECOND, () => client.roster.size === 1)
      await client.exchange[Symbol.asyncDispose]()
      await server.exchange[Symbol.asyncDispose]()
    })
  })

  test('a client that knows servers from before needs no bootstrap', async () => {
    const { clock, open } = grid(4)
    await clock.run(async () => {
      const first = await open({})
      const second = await open({ bootstrap: first.network.addresses() })
      await until(clock, SECOND, () => second.roster.size === 2)
      const remembered = new Roster(clock)
      remembered.add(first.roster.get(first.network.localId)?.bytes ?? new Uint8Array(0))
      const client = await open({ roster: remembered, isServer: false })
      await until(clock, SECOND, () => client.roster.size === 2)
      for (const { exchange } of [first, second, client]) await exchange[Symbol.asyncDispose]()
    })
  })

  test('both sides of a partition hear of each other once it heals', async () => {
    const { clock, world, open } = grid(5)
    await clock.run(async () => {
      const first = await open({})
      const bootstrap = first.network.addresses()
      const nodes = [first, ...(await Promise.all(Array.from({ length: 7 }, () => open({ bootstrap }))))]
      await until(clock, 2 * SECOND, () => nodes.every(({ roster }) => roster.size === 8))
      const ids = nodes.map(({ network }) => network.localId)
      world.partition([ids.slice(0, 4), ids.slice(4)])
      await nodes[0]?.exchange.announce()
      await nodes[7]?.exchange.announce()
      const sequences = () =>
        nodes.map(
          ({ roster }) => `${roster.get(ids[0] ?? '')?.sequence} ${roster.get(ids[7] ?? '')?.sequence}`,
        )
      await clock.sleep(60 * SECOND)
      expect(new Set(sequences()).size).toBe(2)
      world.heal()
      await until(clock, 180 * SECOND, () => new Set(sequences()).size === 1)
      await Promise.all(nodes.map(({ exchange }) => exchange[Symbol.asyncDispose]()))
    })
  })

  test('news goes on spreading when a stranger fills a roster with names that nobody answers to', async () => {
    const { clock, random, world, open } = grid(8)
    await clock.run(async () => {
      const entriesMax = 500
      const small = () => new Roster(clock, { entriesMax })
      const first = await open({ roster: small() })
      const bootstrap = first.network.addresses()
      const nodes = [first]
      for (let count = 1; count < 5; count += 1) nodes.push(await open({ bootstrap, roster: small() }))
      await until(clock, 5 * SECOND, () => nodes.every(({ roster }) => roster.size === 5))
      const stranger = world.node()
      const made = Array.from({ length: entriesMax + 100 }, () => nobody(clock, random))
      await stranger.connect(first.network.localId, bootstrap)
      const channel = await stranger.openChannel(first.network.localId, ROSTER_PROTOCOL)
      await pushAnnouncements(channel, await Promise.all(made))
      expect(first.roster.size).toBe(entriesMax)
      await until(clock, 120 * SECOND, () => nodes.every(({ roster }) => roster.size === entriesMax))
      for (const { exchange, network } of nodes) {
        await exchange.announce()
        const news = nodes.find((node) => node.network === network)?.roster.get(network.localId)?.sequence
        await until(clock, SECOND, () =>
          nodes.every(({ roster }) => roster.get(network.localId)?.sequence === news),
        )
      }
      await Promise.all(nodes.map(({ exchange }) => exchange[Symbol.asyncDispose]()))
    })
  })

  test('breaks off with a peer that passes on a forgery, and keeps nothing of it', async () => {
    const { clock, world, open } = grid(6)
    await clock.run(async () => {
      const server = await open({})
      const stranger = world.node()
      const good = server.roster.all()[0]?.bytes ?? new Uint8Array(0)
      const forged = good.slice()
      forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
      // A newer sequence, or it would be passed over unread.
      const other = await open({ bootstrap: server.network.addresses() })
      await until(clock, SECOND, () => server.roster.size === 2)
      const unknown = other.roster.get(other.network.localId)?.bytes.slice() ?? new Uint8Array(0)
      const fresh = new Roster(clock)
      expect(fresh.add(forged)).toBe('forged')
      const victim = await open({})
      await stranger.connect(victim.network.localId, victim.network.addresses())
      const channel = await stranger.openChannel(victim.network.localId, ROSTER_PROTOCOL)
      await channel.write(pushRequest([unknown, forged, good]).parts)
      await expect(new MessageReader(channel.incoming).read()).rejects.toThrow()
      expect(victim.roster.get(server.network.localId)).toBeUndefined()
      for (const malformed of [new Uint8Array(0), new Uint8Array(ANNOUNCEMENT_MAX_BYTES + 1), 'text']) {
        const next = await stranger.openChannel(victim.network.localId, ROSTER_PROTOCOL)
        await next.write(formatMessage({ op: 'push', announcements: [malformed] }).parts)
        await expect(new MessageReader(next.incoming).read()).rejects.toThrow()
      }
      const raw = await stranger.openChannel(victim.network.localId, ROSTER_PROTOCOL)
      await raw.write([concat(new Uint8Array(8).fill(0xff))])
      await expect(new MessageReader(raw.incoming).read()).rejects.toThrow()
      for (const { exchange } of [server, other, victim]) await exchange[Symbol.asyncDispose]()
    })
  })

  test('works over libp2p', async () => {
    const start = async (bootstrap: readonly string[], isServer: boolean) => {
      const network = await openNetwork({
        key: temporaryNodeKey(),
        listen: isServer ? undefined : [],
        log: silentLog,
      })
      const roster = new Roster(systemClock)
      const exchange = await RosterExchange.open({
        platform: { network, clock: systemClock, random: systemRandom, log: silentLog },
        roster,
        bootstrap,
        describeSelf: isServer ? async () => SELF : undefined,
      })
      return { network, roster, exchange }
    }
    const first = await start([], true)
    const second = await start(first.network.addresses(), true)
    const client = await start(first.network.addresses(), false)
    const nodes = [first, second, client]
    await expect
      .poll(() => nodes.map(({ roster }) => roster.size), { interval: 10, timeout: 20_000 })
      .toEqual([2, 2, 2])
    for (const { exchange, network } of nodes) {
      await exchange[Symbol.asyncDispose]()
      await network.close()
    }
  })
})
