/** Grids on which the model of durability is compared with the simulation, and the comparison. */

import type { ServerEstimate } from '../../node/durability/estimate.ts'
import { type Holdings, OWNER_FRACTION, SITE_FRACTION } from '../../node/durability/layout.ts'
import { riskOf } from '../../node/durability/loss.ts'
import { countLosses, type SimulatedGrid, type SimulatedServer } from './durability-simulation.ts'
import { SimRandom } from './sim-random.ts'

const DAY_SECONDS = 24 * 3600

export interface DurabilityCase {
  readonly name: string
  readonly grid: SimulatedGrid
  /**
   * How far above the truth the model may be, as a factor: near 1 where it claims to be exact, more where it is a bound
   * (few spare servers; servers that are off a lot).
   */
  readonly looseness: number
}

export interface Comparison {
  readonly name: string
  readonly years: number
  readonly losses: number
  readonly simulated: number
  /** Half of the interval in which the truth lies in 999 of 1,000 cases. */
  readonly tolerance: number
  readonly model: number
  readonly looseness: number
  /** The model is not below the truth, and not farther above it than the case allows. */
  readonly agrees: boolean
}

/** Times off are many events: such a grid takes some ten times as long to simulate. */
export function isBusy({ grid }: DurabilityCase): boolean {
  return grid.servers.some(({ availability }) => availability < 1)
}

/** Two-sided, 99.9 %. */
const NORMAL_QUANTILE = 3.29

export function compare(one: DurabilityCase, years: number, seed: number): Comparison {
  const { name, grid, looseness } = one
  const losses = countLosses(grid, years, new SimRandom(seed))
  const simulated = losses / years
  // With the counts of Agresti and Coull, so that few losses do not feign certainty.
  const center = (losses + 2) / (years + 4)
  const tolerance = NORMAL_QUANTILE * Math.sqrt((center * (1 - center)) / (years + 4))
  const model = modelOf(grid)
  const agrees = model >= simulated - tolerance && model <= looseness * (simulated + tolerance)
  return { name, years, losses, simulated, tolerance, model, looseness, agrees }
}

function modelOf(grid: SimulatedGrid): number {
  const estimates = new Map<string, ServerEstimate>(
    grid.servers.map(({ owner, site, availability, lossesPerYear }, number) => {
      const serverId = `server ${number}`
      return [
        serverId,
        { serverId, owner: owner ?? '', site: site ?? '', availability, lossesPerYear, goneProbability: 0 },
      ]
    }),
  )
  const sharesOf = new Map<string, number>()
  for (const [number, { shareCount }] of grid.servers.entries()) {
    if (shareCount > 0) sharesOf.set(`server ${number}`, shareCount)
  }
  const totalShares = [...sharesOf.values()].reduce((sum, count) => sum + count, 0)
  const holdings: Holdings = { sharesOf, missingCount: 0, neededShares: grid.neededShares, totalShares }
  const pace = {
    waitFraction: grid.waitFraction,
    roundSeconds: grid.roundDays * DAY_SECONDS,
    patienceSeconds: grid.patienceDays * DAY_SECONDS,
    workSeconds: 0,
  }
  const spares = [...estimates.values()].filter(({ serverId }) => !sharesOf.has(serverId))
  return riskOf(holdings, { estimates, pace, spares }).lossInYear
}

function alike(count: number, server: Partial<SimulatedServer>): readonly SimulatedServer[] {
  return Array.from({ length: count }, () => ({
    lossesPerYear: 1,
    availability: 1,
    shareCount: 1,
    ...server,
  }))
}

const KEPT = {
  siteFraction: SITE_FRACTION,
  ownerFraction: OWNER_FRACTION,
  outageDays: 1,
  roundDays: 14,
  patienceDays: 7,
  waitFraction: 0,
}
const UNKEPT = { ...KEPT, roundDays: Number.POSITIVE_INFINITY }

/** Losses are as frequent as no grid should have them, so that they are seen at all. */
export const DURABILITY_CASES: readonly DurabilityCase[] = [
  {
    name: '3 of 6, nobody repairs',
    grid: { ...UNKEPT, neededShares: 3, servers: alike(6, { lossesPerYear: 0.4 }) },
    looseness: 1.02,
  },
  {
    name: '3 of 10, nobody repairs, servers differ',
    grid: {
      ...UNKEPT,
      neededShares: 3,
      servers: [...alike(5, { lossesPerYear: 0.5 }), ...alike(5, { lossesPerYear: 2 })],
    },
    looseness: 1.02,
  },
  {
    name: '2 of 6 on 3 sites of 3 owners, nobody repairs',
    grid: {
      ...UNKEPT,
      neededShares: 2,
      servers: ['anna', 'bert', 'carl'].flatMap((owner) =>
        alike(2, { owner, site: `${owner}'s`, lossesPerYear: 0.5 }),
      ),
    },
    looseness: 1.02,
  },
  {
    name: '2 of 4, repaired each 28 days, 12 spare',
    grid: {
      ...KEPT,
      roundDays: 28,
      neededShares: 2,
      servers: [...alike(4, { lossesPerYear: 0.7 }), ...alike(12, { lossesPerYear: 0.7, shareCount: 0 })],
    },
    looseness: 1.1,
  },
  {
    name: '3 of 6, repaired each 90 days, 12 spare, servers differ',
    grid: {
      ...KEPT,
      roundDays: 90,
      neededShares: 3,
      servers: [
        ...alike(3, { lossesPerYear: 0.5 }),
        ...alike(3, { lossesPerYear: 1 }),
        ...alike(6, { lossesPerYear: 0.5, shareCount: 0 }),
        ...alike(6, { lossesPerYear: 1, shareCount: 0 }),
      ],
    },
    looseness: 2,
  },
  {
    name: '3 of 10, repaired each 120 days, 12 spare',
    grid: {
      ...KEPT,
      roundDays: 120,
      neededShares: 3,
      servers: [...alike(10, { lossesPerYear: 1.2 }), ...alike(12, { lossesPerYear: 1.2, shareCount: 0 })],
    },
    looseness: 4,
  },
  {
    name: '3 of 10, repaired when half of the spare is gone, each 7 days, 12 spare',
    grid: {
      ...KEPT,
      roundDays: 7,
      waitFraction: 1 / 2,
      neededShares: 3,
      servers: [...alike(10, { lossesPerYear: 1.2 }), ...alike(12, { lossesPerYear: 1.2, shareCount: 0 })],
    },
    looseness: 8,
  },
  {
    name: '2 of 6, repaired when half of the spare is gone, each 28 days, 30 spare',
    grid: {
      ...KEPT,
      roundDays: 28,
      waitFraction: 1 / 2,
      neededShares: 2,
      servers: [...alike(6, { lossesPerYear: 1 }), ...alike(30, { lossesPerYear: 1, shareCount: 0 })],
    },
    looseness: 1.2,
  },
  {
    name: '3 of 6 on 3 sites of 2 owners, repaired each 14 days, 12 spare',
    grid: {
      ...KEPT,
      neededShares: 3,
      servers: [
        ...alike(2, { owner: 'anna', site: 'attic', lossesPerYear: 0.3 }),
        ...alike(2, { owner: 'anna', site: 'office', lossesPerYear: 0.3 }),
        ...alike(2, { owner: 'bert', site: 'cellar', lossesPerYear: 0.3 }),
        ...alike(12, { lossesPerYear: 0.3, shareCount: 0 }),
      ],
    },
    looseness: 1.7,
  },
  {
    name: '2 of 4, on for half of the time, repaired each 14 days, 12 spare',
    grid: {
      ...KEPT,
      neededShares: 2,
      servers: [
        ...alike(4, { lossesPerYear: 0.7, availability: 0.5 }),
        ...alike(12, { lossesPerYear: 0.7, availability: 0.5, shareCount: 0 }),
      ],
    },
    looseness: 1.5,
  },
  {
    name: '2 of 5, repaired each 28 days, 2 spare',
    grid: {
      ...KEPT,
      roundDays: 28,
      neededShares: 2,
      servers: [...alike(5, { lossesPerYear: 1 }), ...alike(2, { lossesPerYear: 1, shareCount: 0 })],
    },
    looseness: 2.5,
  },
  {
    name: '3 of 6, repaired each 28 days, none spare',
    grid: { ...KEPT, roundDays: 28, neededShares: 3, servers: alike(6, { lossesPerYear: 0.5 }) },
    looseness: 3,
  },
]
