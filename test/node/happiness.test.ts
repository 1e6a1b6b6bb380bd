import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { happiness, matchShares, type Placement, planPlacement } from '../../node/happiness.ts'

const placements = fc.array(
  fc.record({ shareNumber: fc.nat(5), serverId: fc.nat(5).map((number) => `server-${number}`) }),
  { maxLength: 14 },
)

/** The slow twin: try every way to give shares to servers. */
function bestMatching(all: readonly Placement[], usedServers: ReadonlySet<string> = new Set()): number {
  const [first] = all
  if (first === undefined) return 0
  const others = all.filter(({ shareNumber }) => shareNumber !== first.shareNumber)
  let best = bestMatching(others, usedServers)
  for (const { shareNumber, serverId } of all) {
    if (shareNumber !== first.shareNumber || usedServers.has(serverId)) continue
    best = Math.max(best, 1 + bestMatching(others, new Set([...usedServers, serverId])))
  }
  return best
}

describe('happiness', () => {
  test('is the size of the largest matching', () => {
    fc.assert(
      fc.property(placements, (all) => {
        expect(happiness(all)).toBe(bestMatching(all))
      }),
    )
  })

  test('gives each matched share a server of its own that holds it', () => {
    fc.assert(
      fc.property(placements, (all) => {
        const matched = [...matchShares(all)]
        expect(new Set(matched.map(([, serverId]) => serverId)).size).toBe(matched.length)
        for (const [shareNumber, serverId] of matched) {
          expect(all).toContainEqual({ shareNumber, serverId })
        }
      }),
    )
  })

  test('counts one server with all shares as one, and all servers with one share as one', () => {
    expect(happiness([0, 1, 2].map((shareNumber) => ({ shareNumber, serverId: 'a' })))).toBe(1)
    expect(happiness(['a', 'b', 'c'].map((serverId) => ({ shareNumber: 0, serverId })))).toBe(1)
    expect(happiness([])).toBe(0)
  })
})

describe('planPlacement', () => {
  const servers = (...domains: readonly string[]) =>
    domains.map((failureDomain, number) => ({ serverId: `s${number}`, failureDomain }))

  test('is as happy as there are servers or shares, whichever are fewer', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        fc.nat(3),
        (shares, count, domains) => {
          const plan = planPlacement({
            shareNumbers: Array.from({ length: shares }, (_, number) => number),
            candidates: Array.from({ length: count }, (_, number) => ({
              serverId: `s${number}`,
              failureDomain: `d${number % (domains + 1)}`,
            })),
            existing: [],
          })
          expect(plan).toHaveLength(shares)
          expect(happiness(plan)).toBe(Math.min(shares, count))
        },
      ),
    )
  })

  test('follows the ring, and prefers domains that hold less', () => {
    const plan = planPlacement({
      shareNumbers: [0, 1, 2],
      candidates: servers('home', 'home', 'office', 'attic'),
      existing: [],
    })
    expect(plan.map(({ serverId }) => serverId)).toEqual(['s0', 's2', 's3'])
  })

  test('leaves servers that hold a share already for last', () => {
    const existing = [{ shareNumber: 0, serverId: 's0' }]
    const plan = planPlacement({ shareNumbers: [1, 2], candidates: servers('a', 'b'), existing })
    expect(plan).toEqual([
      { shareNumber: 1, serverId: 's1' },
      { shareNumber: 2, serverId: 's0' },
    ])
  })

  test('plans nothing without a server', () => {
    expect(planPlacement({ shareNumbers: [1], candidates: [], existing: [] })).toEqual([])
  })
})
