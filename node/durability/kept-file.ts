/**
 * A file as its keeper will have it: spread over all servers there are, up to one for each share, and over fewer while
 * servers are lost and nobody takes their place.
 */

import { assert } from '#crypto'
import { failureDomainOf } from '../grid.ts'
import type { PeerId } from '../platform/platform.ts'
import {
  CLAIM_LEAST,
  DAY_SECONDS,
  type EstimatesByServer,
  LOST_PROBABILITY,
  type ServerEstimate,
} from './estimate.ts'
import { after, chanceAfter, type Fault, missingShares, timesReached } from './faults.ts'
import { type Interval, integrate } from './integrate.ts'
import { type Holdings, lossFaults } from './layout.ts'
import { binomialTail } from './quantiles.ts'

/** How a keeper goes about repairs. */
export interface RepairPace {
  /** Between two looks at a file; Infinity: nobody looks. */
  readonly roundSeconds: number
  /** Shares are made again when more than such a part of the spare ones is gone; 0: as soon as one is. */
  readonly waitFraction: number
  /** A share counts as gone when its server has been silent for so long. */
  readonly patienceSeconds: number
  /** What the making itself takes, under a daily budget: for one server's shares. */
  readonly workSeconds: number
}

/** Nobody looks. */
export const NO_REPAIR: RepairPace = Object.freeze({
  roundSeconds: Number.POSITIVE_INFINITY,
  waitFraction: 0,
  patienceSeconds: 0,
  workSeconds: 0,
})

/** A timer that runs `cairn repair` once a day, which makes again whatever does not answer. */
export const DAILY_REPAIR: RepairPace = Object.freeze({
  roundSeconds: DAY_SECONDS,
  waitFraction: 0,
  patienceSeconds: 0,
  // A run that finds a server gone may take a day.
  workSeconds: DAY_SECONDS,
})

export interface RiskCircumstances {
  /** Of every server of the layout and every spare one. */
  readonly estimates: EstimatesByServer
  readonly pace: RepairPace
  /** Servers that have no share of the file and would take one. */
  readonly spares: readonly ServerEstimate[]
}

/** With so many servers more than shares a lost one always finds a successor within a year. */
const SPARES_ENOUGH = 64
/** Losses a year that nobody would ever say anything about: six digits below what is claimed at all. */
export const NEGLIGIBLE = CLAIM_LEAST / 1e6

export class KeptFile {
  /** With so many servers missing it is lost, if they are those that hold most. */
  readonly fatalCount: number
  readonly #numbers: Numbers
  readonly #estimates: EstimatesByServer
  /** Those that are lost already as far as can be told come last. */
  readonly #pool: readonly PeerId[]
  readonly #poolFaults: readonly Fault[]
  /** Of the pool, one for each share. */
  readonly #chosen: readonly PeerId[]
  readonly #availability: number
  readonly #waitFraction: number
  /** That a round makes good so many missing servers. */
  readonly #repairChances: readonly number[]
  readonly #worstPerYear: number
  /** By the number of servers that are left to hold the file. */
  readonly #faults = new Map<number, readonly Fault[]>()

  constructor(numbers: Holdings, { estimates, spares, pace }: RiskCircumstances) {
    const isGone = (serverId: PeerId): boolean =>
      (estimates.get(serverId)?.goneProbability ?? 1) >= LOST_PROBABILITY
    const serverIds = [...numbers.sharesOf.keys(), ...spares.map(({ serverId }) => serverId)]
    this.#numbers = numbers
    this.#waitFraction = pace.waitFraction
    this.#estimates = estimates
    this.#pool = [...serverIds.filter((id) => !isGone(id)), ...serverIds.filter(isGone)]
    this.#chosen = this.#pool.slice(0, numbers.totalShares)
    this.#poolFaults = lossFaults(oneEach(this.#pool), estimates)
    this.#availability = meanOf(this.#chosen, (id) => estimates.get(id)?.availability ?? 0)
    this.#worstPerYear = Math.max(...this.#pool.map((id) => estimates.get(id)?.lossesPerYear ?? 0))
    this.fatalCount = fatalServers(this.#chosen.length, numbers)
    this.#repairChances = Array.from({ length: this.fatalCount }, (_, count) => this.#repairChance(count))
  }

  /**
   * How often a year the file is lost, `years` on, on average over a round.
   *
   * @param window in years: what was lost longer ago is made good, after a round and before the next
   * @param left chances of servers missing that an earlier round could not make good
   */
  lossPerYear(years: number, window: Interval, left: Float64Array): number {
    const rateAt = (sinceYears: number): number => {
      let sum = 0
      for (const [serverCount, chances] of this.#spreads(Math.max(0, years - sinceYears), left)) {
        const reached = timesReached(this.#faultsOf(serverCount), serverCount, after(sinceYears))
        for (const [fatalCount, chance] of chances.entries()) sum += chance * (reached[fatalCount] ?? 0)
      }
      return sum
    }
    return integrate(window, rateAt) / (window.to - window.from)
  }

  /**
   * On how many servers the file is, so many years on: for each such number, how likely it is that it is on those and
   * is lost with so many of them, if they are those that hold most.
   */
  #spreads(years: number, left: Float64Array): ReadonlyMap<number, Float64Array> {
    const spreads = new Map<number, Float64Array>()
    for (const [serversLeft, chanceOfServers] of this.#serversLeft(years)) {
      for (const [missingServers, chanceOfMissing] of left.entries()) {
        const serverCount = Math.min(serversLeft, this.#chosen.length - missingServers)
        const chance = chanceOfServers * chanceOfMissing
        if (chance * serverCount * this.#worstPerYear <= NEGLIGIBLE) continue
        const totalShares = this.#numbers.totalShares - this.#sharesOnHeaviest(missingServers)
        const fatalCount = fatalServers(serverCount, { ...this.#numbers, totalShares })
        const chances = spreads.get(serverCount) ?? new Float64Array(serverCount + 1)
        chances[fatalCount] = (chances[fatalCount] ?? 0) + chance
        spreads.set(serverCount, chances)
      }
    }
    return spreads
  }

  #sharesOnHeaviest(serverCount: number): number {
    const { totalShares } = this.#numbers
    const least = Math.floor(totalShares / this.#chosen.length)
    return serverCount * least + Math.min(serverCount, totalShares % this.#chosen.length)
  }

  /** Chances that so many servers were lost in such a time, the last one of a loss of the file. */
  missingAfter(years: number): Float64Array {
    return missingShares(this.#faultsOf(this.#chosen.length), this.fatalCount, chanceAfter(years))
  }

  /**
   * What a round leaves to the next: all that is missing if that is not much yet, or if fewer than k shares answer;
   * otherwise nothing. A file that was lost begins anew, so that losses are counted and not one taken off the other.
   *
   * @param missing chances of so many servers missing, the last one of a loss
   * @param offset missing servers more than the index says
   */
  leave(missing: Float64Array, offset: number): Float64Array {
    const left = new Float64Array(this.fatalCount)
    for (const [index, chance] of missing.entries()) {
      const count = Math.min(this.fatalCount - 1, index + offset)
      const isLost = index === missing.length - 1
      const madeGood = isLost ? 1 : (this.#repairChances[count] ?? 0)
      left[count] = (left[count] ?? 0) + chance * (1 - madeGood)
      left[0] = (left[0] ?? 0) + chance * madeGood
    }
    return left
  }

  #repairChance(missingCount: number): number {
    const { neededShares, totalShares } = this.#numbers
    const serverCount = this.#chosen.length
    const shares = totalShares - missingCount * Math.floor(totalShares / serverCount)
    if (shares >= totalShares - this.#waitFraction * (totalShares - neededShares)) return 0
    return binomialTail(serverCount - missingCount, serverCount - this.fatalCount + 1, this.#availability)
  }

  /** Chances that so many servers, and no more, are there to hold shares, so many years on. */
  #serversLeft(years: number): ReadonlyMap<number, number> {
    const { totalShares } = this.#numbers
    const left = new Map<number, number>()
    if (this.#pool.length >= totalShares + SPARES_ENOUGH) return left.set(totalShares, 1)
    const lost = missingShares(this.#poolFaults, this.#pool.length, chanceAfter(years))
    for (const [lostCount, chance] of lost.entries()) {
      const serverCount = Math.min(totalShares, this.#pool.length - lostCount)
      if (serverCount > 0 && chance > 0) left.set(serverCount, (left.get(serverCount) ?? 0) + chance)
    }
    return left
  }

  /** Of servers none of which is lost; those that are close together are taken to stay. */
  #faultsOf(serverCount: number): readonly Fault[] {
    const known = this.#faults.get(serverCount)
    if (known !== undefined) return known
    const crowd = closestFirst(this.#chosen, this.#estimates).slice(0, serverCount)
    const faults = lossFaults(oneEach(crowd), this.#estimates).map(notYet)
    this.#faults.set(serverCount, faults)
    return faults
  }
}

function oneEach(serverIds: readonly PeerId[]): ReadonlyMap<PeerId, number> {
  return new Map(serverIds.map((serverId) => [serverId, 1]))
}

/** Servers of owners and places with many of them before those with few. */
function closestFirst(serverIds: readonly PeerId[], estimates: EstimatesByServer): readonly PeerId[] {
  const counts = new Map<string, number>()
  const keysOf = (serverId: PeerId): readonly string[] => {
    const estimate = estimates.get(serverId)
    return estimate === undefined ? [] : [`owner ${estimate.owner || serverId}`, failureDomainOf(estimate)]
  }
  for (const key of serverIds.flatMap(keysOf)) counts.set(key, (counts.get(key) ?? 0) + 1)
  const closeness = (serverId: PeerId): number =>
    keysOf(serverId).reduce((sum, key) => sum + (counts.get(key) ?? 0), 0)
  return serverIds.toSorted((left, right) => closeness(right) - closeness(left))
}

/** The same faults, none of them there at the start. */
function notYet({ within, ...fault }: Fault): Fault {
  return { ...fault, startProbability: 0, within: within.map(notYet) }
}

interface Numbers {
  readonly neededShares: number
  readonly totalShares: number
}

/** How many servers must go, at least, until fewer than k shares are left of n that are spread evenly over them. */
function fatalServers(serverCount: number, { neededShares, totalShares }: Numbers): number {
  assert(1 <= serverCount && serverCount <= totalShares, 'there are servers, and no more than shares')
  const least = Math.floor(totalShares / serverCount)
  const withOneMore = totalShares % serverCount
  let left = totalShares
  let lost = 0
  while (left >= neededShares) {
    left -= lost < withOneMore ? least + 1 : least
    lost += 1
  }
  return lost
}

function meanOf<Item>(items: readonly Item[], measure: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + measure(item), 0) / Math.max(1, items.length)
}
