import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  estimateServers,
  LOST_PROBABILITY,
  PRIOR_SERVER_YEARS,
  type ServerHistory,
} from '../../../node/durability/estimate.ts'

const DAY = 24 * 3600
const NOW = 2_000_000_000

function history(days: number, history: Partial<ServerHistory> = {}): ServerHistory {
  return {
    serverId: 'server',
    owner: 'anna',
    site: 'attic',
    firstKnownSeconds: NOW - days * DAY,
    lastAskedSeconds: NOW,
    lastAnsweredSeconds: NOW,
    askedCount: 24 * days,
    answeredCount: 24 * days,
    ...history,
  }
}

function only(one: ServerHistory) {
  const { expected, cautious, evidence } = estimateServers([one], NOW)
  const [likely] = expected.values()
  const [careful] = cautious.values()
  if (likely === undefined || careful === undefined) throw new Error('no estimate')
  return { likely, careful, evidence }
}

describe('estimateServers', () => {
  test('says little after three days, whatever was answered', () => {
    const { careful, likely, evidence } = only(history(3))
    expect(likely.availability).toBeCloseTo(4 / 5, 10)
    expect(careful.availability).toBeCloseTo(0.05 ** (1 / 4), 10)
    expect(careful.lossesPerYear).toBeCloseTo(3 / PRIOR_SERVER_YEARS, 1)
    expect(evidence.days).toBe(3)
  })

  test('counts a day off once, however often it was asked in it', () => {
    const often = only(history(40, { askedCount: 960, answeredCount: 720 }))
    const seldom = only(history(40, { askedCount: 40, answeredCount: 30 }))
    expect(often.careful.availability).toBe(seldom.careful.availability)
  })

  test('comes to what was measured with time', () => {
    const { likely, careful } = only(history(3650, { answeredCount: 24 * 3285 }))
    expect(likely.availability).toBeCloseTo(0.9, 2)
    expect(careful.availability).toBeGreaterThan(0.88)
  })

  test('is the surer that a server is gone the longer it is silent', () => {
    const gone = [0, 1, 3, 7, 14, 60].map(
      (days) => only(history(100, { lastAnsweredSeconds: NOW - days * DAY })).likely.goneProbability,
    )
    expect(gone).toEqual(gone.toSorted((left, right) => left - right))
    expect(gone[0]).toBe(0)
    expect(gone[2]).toBeLessThan(LOST_PROBABILITY)
    expect(gone[5]).toBeGreaterThan(0.99)
  })

  test('takes a silent server for lost, and all servers for the likelier to be', () => {
    const healthy = [1, 2, 3, 4].map((number) => history(365, { serverId: `${number}` }))
    const silent = history(365, { serverId: '5', lastAnsweredSeconds: NOW - 60 * DAY })
    const before = estimateServers(healthy, NOW)
    const after = estimateServers([...healthy, silent], NOW)
    expect(after.evidence.lostCount).toBe(1)
    expect(after.expected.get('1')?.lossesPerYear).toBeGreaterThan(
      before.expected.get('1')?.lossesPerYear ?? 1,
    )
    expect(after.cautious.get('5')?.goneProbability).toBeGreaterThan(0.95)
  })

  test('trusts nothing for long that was not looked at', () => {
    const one = history(400, { lastAskedSeconds: NOW - 365 * DAY, lastAnsweredSeconds: NOW - 365 * DAY })
    expect(only(one).likely.goneProbability).toBeGreaterThan(0.15)
  })

  test('is more cautious in its cautious reading, and keeps all in range', () => {
    fc.assert(
      fc.property(
        fc.nat(2000),
        fc.nat(2000),
        fc.nat(60_000),
        fc.nat(60_000),
        (days, silent, asked, missed) => {
          const { likely, careful } = only(
            history(days, {
              lastAnsweredSeconds: silent > days ? undefined : NOW - silent * DAY,
              askedCount: asked,
              answeredCount: Math.max(0, asked - missed),
            }),
          )
          for (const { availability, goneProbability } of [likely, careful]) {
            expect(availability).toBeGreaterThan(0)
            expect(availability).toBeLessThan(1)
            expect(goneProbability).toBeGreaterThanOrEqual(0)
            expect(goneProbability).toBeLessThanOrEqual(1)
          }
          expect(careful.availability).toBeLessThan(likely.availability)
          expect(careful.lossesPerYear).toBeGreaterThan(likely.lossesPerYear)
        },
      ),
    )
  })
})

describe('a server without a record', () => {
  test('is lost as often as others, or as is usual', () => {
    const { cautious, lossesPerYear } = estimateServers([history(3650)], NOW)
    expect(lossesPerYear.cautious).toBe(cautious.get('server')?.lossesPerYear)
    const usual = estimateServers([], NOW).lossesPerYear
    expect(usual.expected).toBeCloseTo(1 / PRIOR_SERVER_YEARS, 10)
    expect(usual.cautious).toBeCloseTo(3 / PRIOR_SERVER_YEARS, 2)
  })
})
