/** A grid of members, of whole nodes: who is let in, who is not, and what each is told. */
import { describe, expect, test } from 'vitest'
import { asStorageIndex, GridError } from '#crypto'
import {
  CLOCK_TOLERANCE_SECONDS,
  FOUNDER_CERTIFICATE_SECONDS,
  type InviteOptions,
  type Node,
  NoSpaceError,
  NotAdmittedError,
  NotFoundError,
  type StorageServer,
  silentLog,
  UnreachableError,
} from '#node'
import { MembersNetwork } from '../../../node/membership/members-network.ts'
import { Membership } from '../../../node/membership/membership.ts'
import { loadOwnChain, saveOwnChain } from '../../../node/membership/membership-files.ts'
import { MEMBERSHIP_PROTOCOL } from '../../../node/membership/membership-messages.ts'
import { askRenewal } from '../../../node/membership/membership-talk.ts'
import { ROSTER_PROTOCOL } from '../../../node/peers/roster-messages.ts'
import { formatMessage, MessageReader } from '../../../node/wire/message.ts'
import { RemoteServer } from '../../../node/wire/remote-server.ts'
import { STORAGE_PROTOCOL } from '../../../node/wire/requests.ts'
import { testRecord, testSlot } from '../../support/make-slots.ts'
import { HOME, type SimHome, SimMembers } from '../../support/sim-members.ts'

const INVITE: InviteOptions = {
  names: ['bob'],
  roles: ['client', 'server'],
  quotaBytes: undefined,
  endsAtSeconds: undefined,
  inviteDepth: 0,
  validSeconds: 3600,
}

/** A founder and members that were invited by it, all running and known to each other. */
async function gridOf(sim: SimMembers, names: readonly string[], changed: Partial<InviteOptions> = {}) {
  const founderHome = await sim.found()
  const founder = await sim.start(founderHome)
  const links = await founder.administration.invite({ ...INVITE, ...changed, names })
  const homes: SimHome[] = []
  const nodes: Node[] = []
  for (const { link } of links) {
    const home = await sim.join(link)
    homes.push(home)
    nodes.push(await sim.start(home))
  }
  const all = [founder, ...nodes]
  await until(sim, () => all.every((node) => node.serverCount === all.length))
  return { founderHome, founder, homes, nodes, all }
}

/** Lets simulated time pass until the condition holds. */
async function until(sim: SimMembers, holds: () => boolean, limitSeconds = 120): Promise<number> {
  const start = sim.clock.elapsed()
  while (!holds()) {
    if (sim.clock.elapsed() - start > limitSeconds * 1000) throw new Error('it did not come to pass')
    await sim.clock.sleep(50)
  }
  return sim.clock.elapsed() - start
}

/** A server as somebody asks it over the network, with or without the manners of a member. */
function serverOf(node: Node, other: Node): StorageServer {
  const found = node.grid.ring(INDEX).find(({ serverId }) => serverId === other.peerId)
  if (found === undefined) throw new Error('the server is not known')
  return found.server
}

const INDEX = asStorageIndex(new Uint8Array(32).fill(1))
const { publicKey: SLOT, bytes: RECORD } = testRecord(testSlot('x'), 1)

function refusalOf(error: unknown): { readonly reason: unknown; readonly message: string } {
  if (!(error instanceof NotAdmittedError)) throw error
  return { reason: error.details.reason, message: error.message }
}

/** Of a list that is known to have it. */
function the<Item>(item: Item | undefined): Item {
  if (item === undefined) throw new Error('it is missing')
  return item
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('a grid of members', () => {
  test('three machines find each other by links, store, and stay members when they start again', async () => {
    const sim = new SimMembers(1)
    await sim.run(async () => {
      const { founder, nodes, homes, all } = await gridOf(sim, ['bob', 'carol'])
      const [bob, carol] = nodes
      const list = founder.administration.members()
      expect(list.members.map(({ name, invitedBy }) => [name, invitedBy?.name])).toEqual([
        ['bob', 'founder'],
        ['carol', 'founder'],
        ['founder', undefined],
      ])
      for (const from of all) {
        for (const to of all) {
          const server = serverOf(from, to)
          expect(await server.writeSlot({ record: RECORD, leaseDurationSeconds: 60 })).toEqual({
            accepted: true,
          })
          expect((await server.status()).accountUsedBytes).toBe(RECORD.length)
        }
      }
      await bob?.[Symbol.asyncDispose]()
      const again = await sim.start(the(homes[0]))
      await until(sim, () => again.serverCount === 3)
      expect((await serverOf(again, founder).status()).accountUsedBytes).toBe(RECORD.length)
      for (const node of [founder, again, carol]) await node?.[Symbol.asyncDispose]()
    })
  })

  test('a stranger gets nothing from any protocol, and is told why', async () => {
    const sim = new SimMembers(2)
    await sim.run(async () => {
      const { founder, all } = await gridOf(sim, ['bob'])
      const stranger = sim.world.node({ listens: false })
      await stranger.connect(founder.peerId, founder.addresses())
      const platform = { network: stranger, clock: sim.clock, random: sim.random, log: silentLog }
      const server = new RemoteServer({ platform, serverId: founder.peerId, addresses: () => [] })
      for (const call of [
        () => server.status(),
        () => server.listShares([{ storageIndex: INDEX, root: undefined }]),
        () => server.writeSlot({ record: RECORD, leaseDurationSeconds: 60 }),
        () => server.readSlots([SLOT]),
        () => server.updateLeases([{ action: 'cancel', address: { publicKey: SLOT } }]),
      ]) {
        const { reason, message } = refusalOf(await failureOf(call()))
        expect(reason).toBe('no-certificate')
        expect(message).toContain('take part with an invitation')
      }
      server[Symbol.dispose]()
      for (const [protocol, op] of [
        [ROSTER_PROTOCOL, 'compare'],
        [STORAGE_PROTOCOL, 'status'],
      ] as const) {
        const channel = await stranger.openChannel(founder.peerId, protocol)
        const { parts } = formatMessage({ op })
        await channel.write([...parts, ...parts])
        const reader = new MessageReader(channel.incoming)
        for (const _each of [1, 2])
          expect((await reader.read())?.header.text('error', 64)).toBe('NOT_ADMITTED')
        // Who does not go away is sent away.
        const start = sim.clock.elapsed()
        await expect(reader.read()).rejects.toThrow(GridError)
        expect(sim.clock.elapsed() - start).toBeLessThan(11_000)
      }
      // An open node with the address is a stranger too.
      const open = await sim.start({
        ...sim.home(founder.addresses()),
        config: { network: { bootstrap: founder.addresses() } },
      })
      expect(open.serverCount).toBe(0)
      expect(refusalOf((await open.diagnoseBootstrap())[0]).reason).toBe('no-certificate')
      expect(all.every((node) => node.serverCount === 2)).toBe(true)
      for (const node of [open, ...all]) await node[Symbol.asyncDispose]()
    })
  })

  test('a member of another grid is refused by its name, and refuses in turn', async () => {
    const sim = new SimMembers(3)
    await sim.run(async () => {
      const { founder } = await gridOf(sim, ['bob'])
      const other = sim.home(founder.addresses())
      await sim.certifyAsFounder(other, new Uint8Array(32).fill(0x77))
      const node = await sim.start(other)
      const [problem] = await node.diagnoseBootstrap()
      expect(refusalOf(problem)).toMatchObject({ reason: 'other-grid' })
      expect(problem?.message).toContain('another grid')
      expect(node.serverCount).toBe(1)
      expect(founder.serverCount).toBe(2)
    })
  })

  test('a member that meets an open node says that it shows no certificate', async () => {
    const sim = new SimMembers(4)
    await sim.run(async () => {
      const open = await sim.start({ ...sim.home([]), config: { storage: { lend: '1 GiB', reserve: 0 } } })
      const home = {
        ...(await sim.found()),
        config: { membership: 'closed', network: { bootstrap: open.addresses() } },
      }
      const node = await sim.start(home)
      const [problem] = await node.diagnoseBootstrap()
      expect(problem).toBeInstanceOf(UnreachableError)
      expect(problem?.message).toContain('shows no certificate')
      expect(node.serverCount).toBe(0)
    })
  })

  test('chains are shown once for a connection, and no request costs a message more', async () => {
    const sim = new SimMembers(5)
    await sim.run(async () => {
      const { founder, nodes } = await gridOf(sim, ['bob'])
      const [bob] = nodes
      const opened: string[] = []
      const { open } = sim.world
      sim.world.open = (peers, protocol, signal) => {
        opened.push(protocol)
        return open.call(sim.world, peers, protocol, signal)
      }
      const server = serverOf(the(bob), founder)
      for (let count = 0; count < 20; count += 1) await server.status()
      expect(opened.filter((protocol) => protocol === MEMBERSHIP_PROTOCOL)).toHaveLength(0)
      sim.world.takeDown(founder.peerId)
      sim.world.bringUp(founder.peerId)
      opened.length = 0
      expect(await failureOf(server.status())).toBeInstanceOf(UnreachableError)
      for (let count = 0; count < 20; count += 1) await server.status()
      expect(opened.filter((protocol) => protocol === MEMBERSHIP_PROTOCOL).length).toBeLessThanOrEqual(2)
      expect(opened).toContain(STORAGE_PROTOCOL)
    })
  })

  test('a member without the role client may not store or read; one without server is not announced', async () => {
    const sim = new SimMembers(6)
    await sim.run(async () => {
      const founderHome = await sim.found()
      const founder = await sim.start(founderHome)
      const [box, guest] = await Promise.all(
        [['server'], ['client']].map(async (roles) => {
          const [invited] = await founder.administration.invite({ ...INVITE, roles })
          return await sim.start(await sim.join(invited?.link ?? ''))
        }),
      )
      await until(sim, () => founder.serverCount === 2 && guest?.serverCount === 2)
      expect(founder.grid.ring(INDEX).map(({ serverId }) => serverId)).toContain(box?.peerId)
      expect(founder.grid.ring(INDEX).map(({ serverId }) => serverId)).not.toContain(guest?.peerId)
      const refused = refusalOf(await failureOf(serverOf(the(box), founder).status()))
      expect(refused).toMatchObject({ reason: 'role' })
      expect(refused.message).toContain('does not have the role client')
      expect((await serverOf(the(guest), founder).status()).shareCount).toBe(0)
    })
  })
})

describe('an invitation', () => {
  test('is good once, for one key, which may ask again', async () => {
    const sim = new SimMembers(11)
    await sim.run(async () => {
      const home = await sim.found()
      const founder = await sim.start(home)
      const [invited] = await founder.administration.invite(INVITE)
      const link = invited?.link ?? ''
      const [first, second] = [sim.home([]), sim.home([])]
      // Both at once: one wins, whichever it is.
      const outcomes = await Promise.allSettled([sim.redeem(link, first), sim.redeem(link, second)])
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      const [winner, loser] = outcomes[0]?.status === 'fulfilled' ? [first, second] : [second, first]
      expect((await sim.redeem(link, winner)).peerId).toBe(winner.network.localId)
      const { reason, message } = refusalOf(await failureOf(sim.redeem(link, loser)))
      expect(reason).toBe('invitation')
      expect(message).toContain(`used already, on 2026-01-01 00:00 UTC by ${winner.network.localId}`)
      // After a restart of the inviter too.
      await founder[Symbol.asyncDispose]()
      const again = await sim.start(home)
      expect(refusalOf(await failureOf(sim.redeem(link, loser))).reason).toBe('invitation')
      expect((await sim.redeem(link, winner)).own.name).toBe('bob')
      await again[Symbol.asyncDispose]()
    })
  })

  test('is good for its time and no longer', async () => {
    const sim = new SimMembers(12)
    await sim.run(async () => {
      const founder = await sim.start(await sim.found())
      const links = await founder.administration.invite({ ...INVITE, names: ['a', 'b'], validSeconds: 60 })
      expect(new Set(links.map(({ link }) => link)).size).toBe(2)
      await sim.clock.sleep(59_000)
      await sim.redeem(links[0]?.link ?? '', sim.home([]))
      await sim.clock.sleep(2000)
      const late = refusalOf(await failureOf(sim.redeem(links[1]?.link ?? '', sim.home([]))))
      expect(late.message).toContain('its time is over')
    })
  })

  test('grants no more than its maker has', async () => {
    const sim = new SimMembers(13)
    await sim.run(async () => {
      const { nodes, founder } = await gridOf(sim, ['bob'], { inviteDepth: 1, quotaBytes: 1000 })
      const bob = the(nodes[0]).administration
      for (const wish of [
        { quotaBytes: 1001 },
        { inviteDepth: 1 },
        { roles: ['client', 'king'] },
        { roles: [] },
      ]) {
        await expect(bob.invite({ ...INVITE, ...wish })).rejects.toThrow(GridError)
      }
      const [made] = await bob.invite({ ...INVITE, names: ['carol'] })
      const carolHome = await sim.join(made?.link ?? '')
      const carol = await loadOwnChain(carolHome.disk, HOME)
      expect(carol?.own).toMatchObject({ quotaBytes: 1000, inviteDepth: 0, name: 'carol' })
      expect(carol?.certificates.map(({ name }) => name)).toEqual(['founder', 'bob', 'carol'])
      const node = await sim.start(carolHome)
      await until(sim, () => node.serverCount === 3 && founder.serverCount === 3)
      expect(refusalOf(await failureOf(node.administration.invite(INVITE))).reason).toBe('role')
    })
  })
})

describe('an expulsion', () => {
  test('is honoured by every server at once, and after each has started again', async () => {
    const sim = new SimMembers(21)
    await sim.run(async () => {
      const { founder, founderHome, nodes, homes } = await gridOf(sim, ['bob', 'carol', 'dave'])
      const [bob, ...rest] = nodes
      const others = [founder, ...rest]
      const asked = others.map((to) => serverOf(the(bob), to))
      for (const server of asked) await server.status()
      const report = await founder.administration.expel('bob')
      expect(report).toMatchObject({ name: 'bob', peerId: bob?.peerId, told: 2, missed: [], fallen: [] })
      for (const server of asked) {
        for (const call of [
          server.status(),
          server.writeSlot({ record: RECORD, leaseDurationSeconds: 60 }),
        ]) {
          const { reason, message } = refusalOf(await failureOf(call))
          expect(reason).toBe('expelled')
          expect(message).toMatch(/^bob \(.*\) was expelled on 2026-01-01 00:00 UTC by the founder$/)
        }
      }
      expect(others.map(({ serverCount }) => serverCount)).toEqual([3, 3, 3])
      for (const node of others) await node[Symbol.asyncDispose]()
      // Each alone, before it has met anybody who could tell it.
      for (const [index, home] of [founderHome, ...homes.slice(1)].entries()) {
        const alone = await sim.start({ ...home, config: { ...home.config, network: {} } })
        expect(alone.administration.members().expelled.map(({ name }) => name)).toEqual(['bob'])
        expect(refusalOf(await failureOf(the(asked[index]).status())).reason).toBe('expelled')
        await alone[Symbol.asyncDispose]()
      }
    })
  })

  test('reaches a server that was away, from whoever it meets, and the expelled cannot use it meanwhile for long', async () => {
    const sim = new SimMembers(22)
    await sim.run(async () => {
      const { founder, nodes } = await gridOf(sim, ['bob', 'carol', 'dave'])
      const [bob, carol] = nodes
      sim.world.partition([[founder.peerId, the(bob).peerId, the(nodes[2]).peerId], [the(carol).peerId]])
      const report = await founder.administration.expel('bob')
      expect(report.missed).toEqual([the(carol).peerId])
      expect(the(carol).serverCount).toBe(4)
      sim.world.heal()
      const took = await until(sim, () => the(carol).serverCount === 3, 300)
      expect(took).toBeLessThan(180_000)
      expect(refusalOf(await failureOf(serverOf(the(bob), the(carol)).status())).reason).toBe('expelled')
    })
  })

  test('fells all below, who may be invited anew by others; the expelled key may not', async () => {
    const sim = new SimMembers(23)
    await sim.run(async () => {
      const { founder, nodes, homes } = await gridOf(sim, ['bob'], { inviteDepth: 2 })
      const [bob] = nodes
      const [bobHome] = homes
      const [made] = await the(bob).administration.invite({ ...INVITE, names: ['carol'], inviteDepth: 1 })
      const carolHome = await sim.join(the(made).link)
      const carol = await sim.start(carolHome)
      await until(sim, () => [founder, the(bob), carol].every((node) => node.serverCount === 3))
      const report = await founder.administration.expel('bob')
      expect(report.fallen.map(({ name }) => name)).toEqual(['carol'])
      expect(founder.serverCount).toBe(1)
      const { message } = refusalOf(await failureOf(serverOf(carol, founder).status()))
      expect(message).toContain('has its place from bob, who was expelled')
      await carol[Symbol.asyncDispose]()
      const [again] = await founder.administration.invite({ ...INVITE, names: ['carol'] })
      await saveOwnChain(carolHome.disk, HOME, await sim.redeem(the(again).link, carolHome))
      const back = await sim.start(carolHome)
      await until(sim, () => founder.serverCount === 2 && back.serverCount === 2)
      expect((await serverOf(back, founder).status()).shareCount).toBe(0)
      const [other] = await founder.administration.invite({ ...INVITE, names: ['bob'] })
      const sly = { ...carolHome, network: the(bobHome).network }
      expect(refusalOf(await failureOf(sim.redeem(the(other).link, sly))).reason).toBe('expelled')
    })
  })

  test('is for the founder, and for whoever stands above, and for nobody else', async () => {
    const sim = new SimMembers(24)
    await sim.run(async () => {
      const founderHome = await sim.found({ withKey: false })
      const first = await sim.start(founderHome)
      const [b, c] = await first.administration.invite({ ...INVITE, names: ['bob', 'carol'], inviteDepth: 1 })
      const [bob, carol] = [
        await sim.start(await sim.join(the(b).link)),
        await sim.start(await sim.join(the(c).link)),
      ]
      const [d] = await bob.administration.invite({ ...INVITE, names: ['dave'] })
      const dave = await sim.start(await sim.join(the(d).link))
      await until(sim, () => [first, bob, carol, dave].every((node) => node.serverCount === 4))
      for (const [by, target] of [
        [carol, 'dave'],
        [dave, 'bob'],
        [bob, 'carol'],
        [bob, 'founder'],
        // Without its key the founder's own machine is a member like others, with nobody above it.
        [bob, first.peerId],
      ] as const) {
        const { reason, message } = refusalOf(await failureOf(by.administration.expel(target)))
        expect(reason).toBe('role')
        expect(message).toContain('only the founder, or whoever stands above')
      }
      await expect(bob.administration.expel('bob')).rejects.toThrow('does not expel itself')
      await expect(bob.administration.expel('nobody')).rejects.toThrow(NotFoundError)
      expect((await bob.administration.expel('dave')).told).toBe(2)
      expect((await first.administration.expel(carol.peerId.slice(-8))).name).toBe('carol')
      await until(sim, () => first.serverCount === 2 && bob.serverCount === 2)
      const { expelled } = bob.administration.members()
      expect(expelled.map(({ name, by }) => [name, by?.name]).sort()).toEqual([
        ['carol', 'founder'],
        ['dave', 'bob'],
      ])
    })
  })
})

describe('a certificate', () => {
  test('that has run out is refused everywhere, within the stated tolerance of clocks', async () => {
    const sim = new SimMembers(31)
    await sim.run(async () => {
      const founder = await sim.start(await sim.found())
      const ends = Math.floor(sim.clock.now() / 1000) + 3600
      const [made] = await founder.administration.invite({ ...INVITE, endsAtSeconds: ends })
      const bob = await sim.start(await sim.join(the(made).link))
      await until(sim, () => founder.serverCount === 2 && bob.serverCount === 2)
      const server = serverOf(bob, founder)
      await sim.clock.sleep((3600 + CLOCK_TOLERANCE_SECONDS - 60) * 1000)
      expect((await server.status()).shareCount).toBe(0)
      expect(founder.serverCount).toBe(2)
      await sim.clock.sleep(120_000)
      const { reason, message } = refusalOf(await failureOf(server.status()))
      expect(reason).toBe('expired')
      expect(message).toContain('expired on 2026-01-01 01:00 UTC')
      expect(founder.serverCount).toBe(1)
      expect((await bob.status()).membership?.problem).toContain('expired')
    })
  })

  test.each([
    [CLOCK_TOLERANCE_SECONDS - 60, 2],
    [CLOCK_TOLERANCE_SECONDS + 60, 1],
  ])('%i s past its end by a clock that is ahead leaves %i servers', async (secondsPast, serverCount) => {
    const sim = new SimMembers(32)
    await sim.run(async () => {
      const founderHome = await sim.found()
      const founder = await sim.start(founderHome)
      const ends = Math.floor(sim.clock.now() / 1000) + 3600
      const [made] = await founder.administration.invite({ ...INVITE, endsAtSeconds: ends })
      const bob = await sim.start(await sim.join(the(made).link))
      await until(sim, () => founder.serverCount === 2)
      const elapsed = sim.clock.elapsed()
      sim.skews.set(founder.peerId, 3600_000 + secondsPast * 1000 - elapsed)
      expect(founder.serverCount).toBe(serverCount)
      const failure = await failureOf(serverOf(bob, founder).status())
      if (serverCount === 2) expect(failure).toBeUndefined()
      else expect(refusalOf(failure).reason).toBe('expired')
    })
  })

  test('is renewed unattended by whoever issued it, or by another who may', async () => {
    const sim = new SimMembers(33)
    await sim.run(async () => {
      const { nodes, homes, founder } = await gridOf(sim, ['ann', 'bob'], { inviteDepth: 2 })
      const [ann, bob] = nodes
      const carolHome = sim.home(founder.addresses())
      const HOURS = 3600
      await sim.certify(the(homes[0]), carolHome, { name: 'carol', lifetimeSeconds: 6 * HOURS })
      const carol = await sim.start(carolHome)
      await until(sim, () => [founder, the(ann), the(bob), carol].every((node) => node.serverCount === 4))
      const chain = async () => the(await loadOwnChain(carolHome.disk, HOME))
      const before = await chain()
      await sim.clock.sleep(5 * HOURS * 1000)
      const after = await chain()
      expect(after.own.expiresAtSeconds).toBeGreaterThan(before.own.expiresAtSeconds + 3 * HOURS)
      expect(after.own.serial).toBeGreaterThan(before.own.serial)
      expect(after.certificates.map(({ name }) => name)).toEqual(['founder', 'ann', 'carol'])
      // Ann is gone, and so somebody else renews whom she had invited.
      await the(ann)[Symbol.asyncDispose]()
      await sim.clock.sleep(6 * HOURS * 1000)
      const last = await chain()
      expect(last.own.expiresAtSeconds).toBeGreaterThan(after.own.expiresAtSeconds)
      expect(last.certificates.map(({ name }) => name)).not.toContain('ann')
      expect(founder.administration.members().members.map(({ name }) => name)).toContain('carol')
      expect((await serverOf(carol, founder).status()).shareCount).toBe(0)
      expect((await carol.status()).membership).toMatchObject({
        name: 'carol',
        isRenewed: true,
        problem: undefined,
      })
    })
  })

  test('of the machine of the founder is renewed with the key of the grid, if that is there', async () => {
    for (const withKey of [true, false]) {
      const sim = new SimMembers(34)
      await sim.run(async () => {
        const home = await sim.found({ withKey })
        const before = the(await loadOwnChain(home.disk, HOME))
        sim.skews.set(home.network.localId, FOUNDER_CERTIFICATE_SECONDS * 1000 * 0.7)
        const node = await sim.start(home)
        await sim.clock.sleep(1000)
        const after = the(await loadOwnChain(home.disk, HOME))
        expect(after.certificates).toHaveLength(1)
        expect(after.own.expiresAtSeconds > before.own.expiresAtSeconds).toBe(withKey)
        await node[Symbol.asyncDispose]()
      })
    }
  })

  test('that ends for good is not renewed, and one that would hardly last longer neither', async () => {
    const sim = new SimMembers(35)
    await sim.run(async () => {
      const { founderHome, founder } = await gridOf(sim, [])
      const renewalOf = async (terms: {
        readonly lifetimeSeconds?: number
        readonly expiresAtSeconds?: number
      }) => {
        const home = sim.home(founder.addresses())
        await sim.certify(founderHome, home, terms)
        const node = await sim.start(home)
        await until(sim, () => node.serverCount > 1)
        return refusalOf(await failureOf(askOf(sim, home, founder)))
      }
      const ends = Math.floor(sim.clock.now() / 1000) + 3600
      expect((await renewalOf({ expiresAtSeconds: ends })).message).toContain(
        'ends on 2026-01-01 01:00 UTC for good',
      )
      expect((await renewalOf({ lifetimeSeconds: 3600 })).message).toContain('would hardly last longer')
    })
  })
})

/** Ask for a renewal on a channel of one's own. */
async function askOf(sim: SimMembers, home: SimHome, founder: Node): Promise<unknown> {
  const { network } = home
  const { localId } = network
  const chain = the(await loadOwnChain(home.disk, HOME))
  const membership = new Membership({ clock: sim.clock, chain })
  const members = new MembersNetwork(network, membership, sim.clock)
  expect(membership.localId).toBe(localId)
  return await members.talk(founder.peerId, founder.addresses(), { work: askRenewal })
}

describe('quotas', () => {
  test('are what the owner of a server says by peer id or name, else what the certificate says', async () => {
    const sim = new SimMembers(41)
    await sim.run(async () => {
      const founderHome = await sim.found()
      const config = { ...founderHome.config, members: { quota: { bob: 300 } } }
      const founder = await sim.start({ ...founderHome, config })
      const [b, c] = await founder.administration.invite({
        ...INVITE,
        names: ['bob', 'carol'],
        quotaBytes: 1000,
      })
      const [bob, carol] = [
        await sim.start(await sim.join(the(b).link)),
        await sim.start(await sim.join(the(c).link)),
      ]
      await until(sim, () => [founder, bob, carol].every((node) => node.serverCount === 3))
      expect((await serverOf(bob, founder).status()).accountQuotaBytes).toBe(300)
      expect((await serverOf(bob, carol).status()).accountQuotaBytes).toBe(1000)
      expect((await serverOf(carol, founder).status()).accountQuotaBytes).toBe(1000)
      expect((await serverOf(carol, carol).status()).accountQuotaBytes).toBeUndefined()
      const write = (seed: string) =>
        serverOf(bob, founder).writeSlot({
          record: testRecord(testSlot(seed), 1).bytes,
          leaseDurationSeconds: 60,
        })
      expect(await write('one')).toEqual({ accepted: true })
      const failure = await failureOf(write('two'))
      expect(failure).toBeInstanceOf(NoSpaceError)
      expect(String(failure)).toContain('of the 300 that this server grants it')
    })
  })
})
