import { describe, expect, test } from 'vitest'
import { toBase32, utf8 } from '#crypto'
import { UnreachableError } from '../../../node/errors.ts'
import { SimClock } from '../../sim/sim-clock.ts'
import { SimWorld } from '../../sim/sim-network.ts'
import { SimRandom } from '../../sim/sim-random.ts'

const PROTOCOL = '/cairn/test/1'

/** A hundred nodes pass a note around at random while channels break; what everyone saw, in order. */
async function gossip(seed: number): Promise<{ readonly seen: readonly string[]; readonly fired: number }> {
  const clock = new SimClock()
  const random = new SimRandom(seed)
  const world = new SimWorld({ clock, random: random.fork(), bytesPerSecond: 1e6 })
  const seen: string[] = []
  const nodes = Array.from({ length: 100 }, () => world.node())
  await clock.run(async () => {
    await Promise.all(
      nodes.map((node) =>
        node.serve(PROTOCOL, async (channel) => {
          for await (const part of channel.incoming) {
            seen.push(`${clock.elapsed()} ${channel.remoteId} ${toBase32(part)}`)
          }
        }),
      ),
    )
    await Promise.all(
      nodes.map(async (node) => {
        for (let round = 0; round < 5; round += 1) {
          await clock.sleep(random.below(1000))
          const other = nodes[random.below(nodes.length)]
          if (other === undefined || other === node) continue
          await node.connect(other.localId, other.addresses())
          if (random.below(3) === 0) world.breakNextChannel(node.localId, other.localId, 10)
          const channel = await node.openChannel(other.localId, PROTOCOL)
          await channel.write([utf8('hello'), random.bytes(8)]).catch(() => undefined)
          await channel.close()
        }
      }),
    )
  })
  return { seen, fired: clock.firedCount }
}

describe('the simulated network', () => {
  test('a seed gives the same run again, to the last byte and moment', async () => {
    const first = await gossip(41)
    expect(first.seen.length).toBeGreaterThan(200)
    expect(await gossip(41)).toEqual(first)
    expect((await gossip(42)).seen).not.toEqual(first.seen)
  })

  test('a partition holds bytes back until it heals', async () => {
    const clock = new SimClock()
    const world = new SimWorld({ clock, random: new SimRandom(1) })
    const [one, other] = [world.node(), world.node()]
    const heard = Promise.withResolvers<number>()
    await clock.run(async () => {
      await other.serve(PROTOCOL, async (channel) => {
        for await (const _ of channel.incoming) heard.resolve(clock.elapsed())
      })
      await one.connect(other.localId, other.addresses())
      const channel = await one.openChannel(other.localId, PROTOCOL)
      world.partition([[one.localId], [other.localId]])
      await channel.write([utf8('late')])
      await expect(one.openChannel(other.localId, PROTOCOL)).rejects.toThrow(UnreachableError)
      const healedAt = clock.elapsed()
      world.heal()
      expect(await heard.promise).toBe(healedAt)
      await channel.close()
    })
  })

  test('a peer that is down refuses, and serves again when it is up', async () => {
    const clock = new SimClock()
    const world = new SimWorld({ clock, random: new SimRandom(1) })
    const [one, other] = [world.node(), world.node()]
    await clock.run(async () => {
      world.takeDown(other.localId)
      await expect(one.connect(other.localId, other.addresses())).rejects.toThrow('refused')
      world.bringUp(other.localId)
      expect(await one.connect(other.localId, other.addresses())).toBe(other.localId)
    })
  })

  test('says so when nothing can happen any more', async () => {
    const clock = new SimClock()
    await expect(clock.run(new Promise(() => undefined))).rejects.toThrow('stands still')
  })
})
