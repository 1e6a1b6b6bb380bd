import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { binomialTail, eventsAtMost, proportionAtLeast } from '../../../node/durability/quantiles.ts'

/** The slow twin: every outcome of every trial. */
function tailPlainly(count: number, least: number, chance: number): number {
  if (count === 0) return least <= 0 ? 1 : 0
  return (
    chance * tailPlainly(count - 1, least - 1, chance) + (1 - chance) * tailPlainly(count - 1, least, chance)
  )
}

describe('binomialTail', () => {
  test('is the sum over all outcomes', () => {
    fc.assert(
      fc.property(
        fc.nat(12),
        fc.integer({ min: -1, max: 14 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (count, least, chance) => {
          expect(binomialTail(count, least, chance)).toBeCloseTo(tailPlainly(count, least, chance), 10)
        },
      ),
    )
  })

  test('holds where single terms are smaller than a double can be', () => {
    expect(binomialTail(4000, 2000, 0.5)).toBeCloseTo(0.5063, 3)
    expect(binomialTail(1000, 1000, 0.1)).toBe(0)
  })
})

describe('proportionAtLeast', () => {
  test('is what tables of the beta distribution say', () => {
    // Beta(1, 1) and Beta(n + 1, 1) have closed forms; Beta(9, 3) is from R: qbeta(0.05, 9, 3).
    expect(proportionAtLeast({ successes: 0, failures: 0 }, 0.05)).toBeCloseTo(0.05, 10)
    expect(proportionAtLeast({ successes: 31, failures: 0 }, 0.05)).toBeCloseTo(0.05 ** (1 / 32), 10)
    expect(proportionAtLeast({ successes: 8, failures: 2 }, 0.05)).toBeCloseTo(0.5299, 4)
  })

  test('rises with every success and falls with every failure', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), (successes, failures) => {
        const bound = proportionAtLeast({ successes, failures }, 0.05)
        expect(proportionAtLeast({ successes: successes + 1, failures }, 0.05)).toBeGreaterThan(bound)
        expect(proportionAtLeast({ successes, failures: failures + 1 }, 0.05)).toBeLessThan(bound)
      }),
    )
  })
})

describe('eventsAtMost', () => {
  test('is the rule of three where nothing was seen, and half a chi-square otherwise', () => {
    expect(eventsAtMost(0, 0.05)).toBeCloseTo(-Math.log(0.05), 10)
    // qchisq(0.95, 2 * (1 + seen)) / 2
    expect(eventsAtMost(1, 0.05)).toBeCloseTo(4.743865, 5)
    expect(eventsAtMost(10, 0.05)).toBeCloseTo(16.96222, 4)
  })
})
