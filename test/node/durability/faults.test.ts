import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Fault,
  lossProbability,
  missingShares,
  sharesBelow,
  timesReached,
} from '../../../node/durability/faults.ts'
import { binomialTail } from '../../../node/durability/quantiles.ts'

const leaf = (startProbability: number, shareCount = 1, perYear = 1): Fault => ({
  perYear,
  startProbability,
  shareCount,
  within: [],
})
const chance = fc.double({ min: 0, max: 1, noNaN: true })
const leaves = fc.record({
  perYear: fc.double({ min: 0, max: 3, noNaN: true }),
  startProbability: chance,
  shareCount: fc.nat(3),
  within: fc.constant([]),
})
const groups: fc.Arbitrary<Fault> = fc.record({
  perYear: fc.double({ min: 0, max: 3, noNaN: true }),
  startProbability: chance,
  shareCount: fc.nat(1),
  within: fc.array(leaves, { maxLength: 3 }),
})

const start = ({ startProbability, perYear }: Fault) => ({
  probability: startProbability,
  beginsPerYear: perYear * (1 - startProbability),
})

function allFaults(faults: readonly Fault[]): readonly Fault[] {
  return faults.flatMap((fault) => [fault, ...allFaults(fault.within)])
}

/** The slow twin: every combination of faults, and the shares that it takes. */
function lossPlainly(
  faults: readonly Fault[],
  missingCount: number,
): { probability: number; perYear: number } {
  const all = allFaults(faults)
  const missing = (fault: Fault, there: ReadonlySet<Fault>): number =>
    there.has(fault)
      ? sharesBelow(fault)
      : fault.within.reduce((sum, inner) => sum + missing(inner, there), 0)
  const isLost = (there: ReadonlySet<Fault>): boolean =>
    faults.reduce((sum, fault) => sum + missing(fault, there), 0) >= missingCount
  let probability = 0
  let perYear = 0
  for (let bits = 0; bits < 2 ** all.length; bits += 1) {
    const there = new Set(all.filter((_, index) => (bits >> index) & 1))
    let weight = 1
    for (const fault of all) weight *= there.has(fault) ? fault.startProbability : 1 - fault.startProbability
    if (isLost(there)) probability += weight
    else
      for (const fault of all)
        if (!there.has(fault) && isLost(new Set([...there, fault]))) perYear += weight * fault.perYear
  }
  return { probability, perYear }
}

const chanceOf = ({ startProbability }: Fault): number => startProbability

describe('lossProbability and timesReached', () => {
  test('are sums over all combinations of faults', () => {
    fc.assert(
      fc.property(
        fc.array(groups, { maxLength: 3 }),
        fc.integer({ min: 1, max: 9 }),
        (faults, missingCount) => {
          const twin = lossPlainly(faults, missingCount)
          expect(lossProbability(faults, missingCount, chanceOf)).toBeCloseTo(twin.probability, 9)
          expect(timesReached(faults, 9, start)[missingCount]).toBeCloseTo(twin.perYear, 8)
          expect(timesReached(faults, missingCount, start)[missingCount]).toBeCloseTo(twin.perYear, 8)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('are binomial where all servers are alike', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        chance,
        (count, least, alike) => {
          const faults = Array.from({ length: count }, () => leaf(alike))
          expect(lossProbability(faults, least, chanceOf)).toBeCloseTo(binomialTail(count, least, alike), 10)
        },
      ),
    )
  })

  test('keep their digits where losses are rare', () => {
    const faults = Array.from({ length: 10 }, () => leaf(1e-3))
    expect(lossProbability(faults, 8, chanceOf) / binomialTail(10, 8, 1e-3)).toBeCloseTo(1, 9)
    // Ten ways to choose the last one, and those of seven of the other nine to be missing.
    const last = 10 * binomialTail(9, 7, 1e-3) * (1 - 1e-3)
    expect((timesReached(faults, 10, start)[8] ?? 0) / last).toBeCloseTo(1, 2)
  })

  test('are certain of no missing share', () => {
    expect(lossProbability([], 0, chanceOf)).toBe(1)
    expect(lossProbability([], 1, chanceOf)).toBe(0)
  })
})

describe('missingShares', () => {
  test('is a distribution', () => {
    fc.assert(
      fc.property(fc.array(groups, { maxLength: 4 }), fc.nat(12), (faults, limit) => {
        const chances = missingShares(faults, limit, ({ startProbability }) => startProbability)
        expect(chances.every((one) => one >= 0)).toBe(true)
        expect(chances.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 9)
      }),
    )
  })
})
