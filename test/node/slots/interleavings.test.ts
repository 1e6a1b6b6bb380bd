/**
 * Writers and readers of one slot, in any order that delays can make of their calls, over servers of which up to f lie,
 * lag or vanish: what was reported as written stays, and nothing goes wrong in silence.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConflictError, type Grid, type RetrievedSlot, retrieveSlot, updateSlot } from '#node'
import { quorumOf } from '../../../node/slots/quorum.ts'
import { adding, numbersOf, SET_KEYS } from '../../support/number-slot.ts'
import { SLOT_FAULTS, type SlotFault, SlotServers } from '../../support/slot-servers.ts'

const { publicKey } = SET_KEYS
/** More of them find rarer orders. */
const { CAIRN_SLOT_RUNS } = process.env

interface Plan {
  readonly seed: number
  readonly replicas: number
  readonly faults: readonly SlotFault[]
  readonly writers: number
  readonly readers: number
  readonly rounds: number
}

const plans: fc.Arbitrary<Plan> = fc.integer({ min: 1, max: 10 }).chain((replicas) =>
  fc.record({
    seed: fc.nat(),
    replicas: fc.constant(replicas),
    faults: fc.array(fc.constantFrom(...SLOT_FAULTS), { maxLength: quorumOf(replicas).faulty }),
    writers: fc.integer({ min: 2, max: 4 }),
    readers: fc.integer({ min: 1, max: 3 }),
    rounds: fc.integer({ min: 1, max: 3 }),
  }),
)

/** What was reported, in the order in which it was. */
class History {
  readonly written = new Set<number>()
  /** Records that were reported as standing, by sequence. */
  readonly standing = new Map<number, string>()
  readonly writtenAs = new Map<number, string>()
  newest = 0

  noteStanding({ record }: Pick<RetrievedSlot, 'record'>): void {
    const hash = Buffer.from(record.hash).toString('hex')
    const known = this.standing.get(record.sequence)
    expect(known ?? hash, `two records ${record.sequence} were reported as standing`).toBe(hash)
    this.standing.set(record.sequence, hash)
    this.newest = Math.max(this.newest, record.sequence)
  }
}

async function write(grid: Grid, replicas: number, history: History, number: number): Promise<void> {
  const newestBefore = history.newest
  try {
    const { slot, changed } = await updateSlot(grid, SET_KEYS, adding(number), { replicas })
    if (slot === undefined) throw new Error('a number was added to nothing')
    expect(slot.isSettled).toBe(true)
    expect(numbersOf(slot.record).has(number)).toBe(true)
    history.written.add(number)
    history.noteStanding(slot)
    if (changed) expect(slot.record.sequence).toBeGreaterThan(newestBefore)
  } catch (error) {
    // Nobody who writes within the bounds of f is told anything else.
    expect(error).toBeInstanceOf(ConflictError)
  }
}

async function read(grid: Grid, replicas: number, history: History): Promise<RetrievedSlot | undefined> {
  const writtenBefore = [...history.written]
  const newestBefore = history.newest
  let slot: RetrievedSlot
  try {
    slot = await retrieveSlot(grid, publicKey, { replicas })
  } catch (error) {
    expect(error).toHaveProperty('code', 'NOT_FOUND')
    expect(writtenBefore).toEqual([])
    return undefined
  }
  const kinds = slot.warnings.map(({ kind }) => kind)
  expect(kinds).not.toContain('partial')
  expect(kinds).not.toContain('rollback')
  expect(slot.heads.length > 1).toBe(kinds.includes('fork') && slot.heads.length > 1)
  if (slot.isSettled) history.noteStanding(slot)
  else expect(kinds).toContain('unsettled')
  const found = numbersOf(slot.record, ...slot.rivals)
  for (const number of writtenBefore) expect(found.has(number), `${number} was lost`).toBe(true)
  expect(slot.record.sequence).toBeGreaterThanOrEqual(newestBefore)
  return slot
}

async function play(plan: Plan): Promise<void> {
  const { replicas } = plan
  const world = new SlotServers(replicas, plan)
  const history = new History()
  await world.clock.run(async () => {
    const writers = Array.from({ length: plan.writers }, async (_, writer) => {
      const grid = world.client()
      for (let round = 0; round < plan.rounds; round += 1) {
        await write(grid, replicas, history, writer * 100 + round)
      }
    })
    const readers = Array.from({ length: plan.readers }, async () => {
      const grid = world.client()
      let last = 0
      for (let round = 0; round < 2 * plan.rounds; round += 1) {
        await world.clock.sleep(round * 7)
        const slot = await read(grid, replicas, history)
        const sequence = slot?.record.sequence ?? 0
        expect(sequence).toBeGreaterThanOrEqual(last)
        last = sequence
      }
    })
    await Promise.all([...writers, ...readers])
    // Whoever comes later finds it all, and can go on.
    await read(world.client(), replicas, history)
    await write(world.client(), replicas, history, 9999)
    expect(history.written.has(9999)).toBe(true)
    const last = await read(world.client(), replicas, history)
    expect([...numbersOf(last?.record)].sort()).toEqual(expect.arrayContaining([...history.written].sort()))
  })
}

describe('a slot under interleavings', () => {
  test('keeps all that was reported as written', async () => {
    await fc.assert(fc.asyncProperty(plans, play), { numRuns: Number(CAIRN_SLOT_RUNS ?? 150) })
  }, 600_000)

  test('keeps it with as many liars as may be, whatever they do', async () => {
    const worst = plans.map((plan) => ({ ...plan, replicas: 7, writers: 3 }))
    const liars = fc.tuple(fc.constantFrom(...SLOT_FAULTS), fc.constantFrom(...SLOT_FAULTS))
    const property = fc.asyncProperty(worst, liars, (plan, faults) => play({ ...plan, faults }))
    await fc.assert(property, { numRuns: Number(CAIRN_SLOT_RUNS ?? 60) })
  }, 600_000)
})
