/** That what watches a simulation can see. */
import { describe, expect, test } from 'vitest'
import { concat } from '#crypto'
import { simulateMembers } from '../sim/members/members-simulation.ts'
import { SimClock } from '../sim/sim-clock.ts'
import { SimWorld } from '../sim/sim-network.ts'
import { SimRandom } from '../sim/sim-random.ts'
import { SimServer } from '../sim/sim-server.ts'
import { Secrets } from '../sim/years/secrets.ts'
import { simulateYears } from '../sim/years/years-simulation.ts'
import { FaultTable } from '../support/fault-table.ts'
import { Promises, valuesByName } from '../support/promises.ts'

describe('Secrets', () => {
  const secrets = new Secrets()
  const random = new SimRandom(1)

  test('finds plaintext and keys inside of other bytes, and nothing else', () => {
    const noise = random.bytes(1000)
    const key = secrets.marking(random).bytes(32)
    const content = secrets.content(random, 10)
    expect(() => secrets.search(noise, 'noise')).not.toThrow()
    expect(() => secrets.search(concat(noise, key, noise), 'a message')).toThrow('leak: a key in a message')
    expect(() => secrets.search(concat(noise, content), 'a file')).toThrow('leak: plaintext in a file')
    expect(secrets.marking(random).bytes(16)).toHaveLength(16)
  })
})

describe('Promises', () => {
  test('holds what was acknowledged against what is found, and lets what was begun be either', () => {
    const promises = new Promises()
    promises.begin('d/a', 'one')
    promises.acknowledge('d/a', 'one')
    expect(promises.settleEntry('d/a', ['one'])).toBeUndefined()
    expect(promises.settleEntry('d/a', [])).toContain('found nothing')
    promises.acknowledge('d/a', 'one')
    promises.begin('d/a', 'two')
    expect(promises.settleEntry('d/a', ['two'])).toBeUndefined()
    expect(promises.settleEntry('d/a', ['one'])).toContain('acknowledged as two')
    expect(promises.settleEntry('d/a', ['three'])).toContain('which nobody wrote')
  })

  test('finds an acknowledged entry beside another one, and counts what came back', () => {
    const promises = new Promises()
    for (const value of ['one', 'two']) promises.begin('d/a', value)
    promises.acknowledge('d/a', 'one')
    const found = valuesByName([
      { name: 'd/a (conflict abcdefgh)', value: 'one' },
      { name: 'd/a', value: 'two' },
    ])
    expect(promises.settleEntry('d/a', found.get('d/a') ?? [])).toBeUndefined()
    promises.acknowledge('d/a', '')
    expect(promises.settleEntry('d/a', ['two'])).toBeUndefined()
    expect(promises.cameBackCount).toBe(1)
  })

  test('holds a slot to its last value or one begun since', () => {
    const promises = new Promises()
    promises.acknowledge('slot', 'one')
    promises.begin('slot', 'two')
    expect(promises.settleSlot('slot', 'two')).toBeUndefined()
    expect(promises.settleSlot('slot', 'one')).toContain('acknowledged as two')
  })
})

test('a table counts runs, faults and what was broken in them', () => {
  const table = new FaultTable()
  table.add(new Map([['full', 3]]), { losses: 0, wrongBytes: 0 })
  table.add(
    new Map([
      ['full', 1200],
      ['slow', 1],
    ]),
    { losses: 1, wrongBytes: 0 },
  )
  expect(table.toString().split('\n').slice(2)).toEqual([
    '| full | 2 | 1,203 | 1 | 0 |',
    '| slow | 1 | 1 | 1 | 0 |',
  ])
})

test('a disk that is restored has what it had, and nothing since', async () => {
  const clock = new SimClock()
  await clock.run(async () => {
    const world = new SimWorld({ clock, random: new SimRandom(7) })
    const server = await SimServer.open(world, { capacityBytes: 1e6, seed: 1 })
    const before = server.disk.files()
    const image = server.disk.image()
    await server.disk.makeFolder('storage/shares/zz')
    const file = await server.disk.createFile('storage/shares/zz/later')
    await file.append(Uint8Array.of(1))
    await server.rollBack(image)
    expect(server.disk.files()).toEqual(before)
    expect(server.isRunning).toBe(true)
    await server.close()
  })
})

test('a leap fires each timer once, late', async () => {
  const clock = new SimClock()
  let ticks = 0
  const tick = (): void => {
    ticks += 1
    clock.after(1000, tick)
  }
  clock.after(1000, tick)
  await clock.run(() => clock.leap(3_600_000))
  expect([ticks, clock.elapsed(), clock.pendingCount]).toEqual([1, 3_600_000, 1])
})

test('members who join and are expelled: a seed replays exactly, and everything holds', async () => {
  const options = { seed: 2, memberCount: 8, rounds: 1 }
  const first = await simulateMembers(options)
  expect(first.broken).toBeUndefined()
  expect(first.counts.get('settled')).toBe(2)
  expect(await simulateMembers(options)).toEqual(first)
})

describe('a grid over weeks', () => {
  const options = { seed: 20_261_128, serverCount: 11, days: 13 }

  test('keeps every promise, and a seed replays exactly', async () => {
    const first = await simulateYears(options)
    expect(first.broken).toBeUndefined()
    expect(first.counts.get('settled')).toBeGreaterThan(1)
    expect(first.faults.size).toBeGreaterThan(5)
    expect(await simulateYears(options)).toEqual(first)
    expect((await simulateYears({ ...options, seed: 2, days: 1 })).trace).not.toBe(first.trace)
  })
})
