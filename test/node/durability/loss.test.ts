import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ServerEstimate } from '../../../node/durability/estimate.ts'
import { holdingsOf } from '../../../node/durability/layout.ts'
import { type LayoutRisk, riskOf } from '../../../node/durability/loss.ts'
import { binomialTail } from '../../../node/durability/quantiles.ts'
import { compare, DURABILITY_CASES, isBusy } from '../../sim/durability-cases.ts'
import { byId, DAILY, layout, letters, server } from './support.ts'

interface Grid {
  readonly needed: number
  readonly holders: readonly ServerEstimate[]
  readonly spares: readonly ServerEstimate[]
  readonly roundDays: number
}

function risk({ needed, holders, spares, roundDays }: Grid, missing = 0): LayoutRisk {
  const ids = holders.map(({ serverId }) => serverId)
  return riskOf(holdingsOf(layout(needed, ids, { totalShares: ids.length + missing })), {
    estimates: byId([...holders, ...spares]),
    spares,
    pace: { ...DAILY, roundSeconds: roundDays * 24 * 3600 },
  })
}

const names = fc.constantFrom('', 'anna', 'bert', 'carl')
const estimates = fc.record({
  owner: names,
  site: names,
  availability: fc.double({ min: 0.3, max: 0.999, noNaN: true }),
  goneProbability: fc.constantFrom(0, 0, 0.1, 0.5),
})
const grids: fc.Arbitrary<Grid> = fc
  .record({
    holders: fc.array(estimates, { minLength: 2, maxLength: 8 }),
    spares: fc.array(estimates, { maxLength: 4 }),
    part: fc.nat(100),
    lossesPerYear: fc.double({ min: 0.05, max: 0.8, noNaN: true }),
    roundDays: fc.constantFrom(1, 7, 30, Number.POSITIVE_INFINITY),
  })
  .map(({ holders, spares, part, lossesPerYear, roundDays }) => ({
    needed: 1 + (part % holders.length),
    holders: holders.map((one, index) => server(`h${index}`, { ...one, lossesPerYear })),
    spares: spares.map((one, index) => server(`s${index}`, { ...one, lossesPerYear })),
    roundDays,
  }))

/** Room for what sums of doubles lose, and rounds that are taken for settled. */
const NEARLY = 1.03

describe('riskOf', () => {
  test('gives probabilities, and no more with repair than without', () => {
    fc.assert(
      fc.property(grids, fc.nat(3), (grid, missing) => {
        const found = risk(grid, missing)
        for (const chance of Object.values(found)) {
          expect(chance).toBeGreaterThanOrEqual(0)
          expect(chance).toBeLessThanOrEqual(1)
        }
        expect(found.lossInYear).toBeLessThanOrEqual(found.lossUnrepaired)
      }),
    )
  })

  test('never rises with one share more on a server of its own', () => {
    fc.assert(
      fc.property(grids, (grid) => {
        const [{ lossesPerYear } = server('')] = grid.holders
        const added = server('new', { lossesPerYear, availability: 0.99 })
        const more = risk({ ...grid, holders: [...grid.holders, added] })
        const before = risk(grid)
        expect(more.lossInYear).toBeLessThanOrEqual(before.lossInYear * NEARLY + 1e-12)
        expect(more.lossUnrepaired).toBeLessThanOrEqual(before.lossUnrepaired * NEARLY + 1e-12)
        expect(more.unreadable).toBeLessThanOrEqual(before.unreadable * NEARLY + 1e-12)
      }),
      { numRuns: 80 },
    )
  })

  test('never rises with better uptimes, fewer losses, more spare servers or more rounds', () => {
    const better = (one: ServerEstimate): ServerEstimate => ({
      ...one,
      availability: (1 + one.availability) / 2,
    })
    const sturdier = (one: ServerEstimate): ServerEstimate => ({
      ...one,
      lossesPerYear: 0.8 * one.lossesPerYear,
    })
    fc.assert(
      fc.property(grids, (grid) => {
        const limit = risk(grid).lossInYear * NEARLY + 1e-12
        const each = (change: (one: ServerEstimate) => ServerEstimate): Grid => ({
          ...grid,
          holders: grid.holders.map(change),
          spares: grid.spares.map(change),
        })
        const [{ lossesPerYear } = server('')] = grid.holders
        const spare = server('new', { lossesPerYear, availability: 0.99 })
        expect(risk(each(better)).lossInYear).toBeLessThanOrEqual(limit)
        expect(risk(each(sturdier)).lossInYear).toBeLessThanOrEqual(limit)
        expect(risk({ ...grid, spares: [...grid.spares, spare] }).lossInYear).toBeLessThanOrEqual(limit)
        // Rounds are worked out in steps that grow: with twice as many the steps lie elsewhere.
        expect(risk({ ...grid, roundDays: grid.roundDays / 2 }).lossInYear).toBeLessThanOrEqual(1.25 * limit)
      }),
      { numRuns: 80 },
    )
  })

  test('is binomial without repair where servers are alike', () => {
    const holders = letters(10).map((name) => server(name))
    const { lossUnrepaired, unreadable } = risk({ needed: 3, holders, spares: [], roundDays: 1 })
    expect(lossUnrepaired).toBeCloseTo(binomialTail(10, 8, 1 - Math.exp(-0.2)), 12)
    expect(unreadable).toBeCloseTo(binomialTail(10, 8, 0.05), 14)
  })

  test('is about the textbook rate of two copies where repair is quick', () => {
    const holders = letters(2).map((name) => server(name, { availability: 1 }))
    const spares = Array.from({ length: 80 }, (_, index) => server(`spare ${index}`, { availability: 1 }))
    const { lossInYear } = risk({ needed: 1, holders, spares, roundDays: 1 })
    // Twice the rate of one loss, times the chance of the other within patience, work and half a round.
    const window = 4.5 / 365.25
    expect(lossInYear / (2 * 0.2 * 0.2 * window)).toBeCloseTo(1, 1)
  })

  test('counts owners and sites that fail together', () => {
    const apart = letters(6).map((name) => server(name, { owner: name, site: name }))
    const together = letters(6).map((name, index) =>
      server(name, { owner: 'ab'[index % 2] ?? '', site: 'x' }),
    )
    const grid = { needed: 4, spares: [], roundDays: 1 }
    const near = risk({ ...grid, holders: together }).lossInYear
    expect(near).toBeGreaterThan(10 * risk({ ...grid, holders: apart }).lossInYear)
  })

  test('takes what is lost already for lost', () => {
    const holders = letters(2).map((name) => server(name))
    expect(risk({ needed: 2, holders, spares: [], roundDays: 1 }, 3).lossUnrepaired).toBeLessThan(1)
    expect(
      riskOf(holdingsOf(layout(3, letters(2), { totalShares: 5 })), {
        estimates: byId(holders),
        spares: [],
        pace: DAILY,
      }),
    ).toEqual({ lossInYear: 1, lossUnrepaired: 1, unreadable: 1 })
  })
})

describe('the model against a simulation', () => {
  // `npm run sim:durability` does as much and more, over many more years.
  test.each(DURABILITY_CASES)('$name', (one) => {
    const found = compare(one, isBusy(one) ? 60 : 600, 3)
    expect(found, JSON.stringify(found)).toMatchObject({ agrees: true })
  })
})
