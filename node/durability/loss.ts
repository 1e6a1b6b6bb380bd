/**
 * The chance that a file is lost for good within a year, while somebody repairs it, or nobody does.
 *
 * A keeper comes by in rounds. What was lost longer ago than its patience is either made again or, while it is not
 * much, left: a chain from round to round over the number of servers missing. Within a round those are missing besides
 * that were lost since: independent faults whose chances are known (faults.ts), and with them how often a year too many
 * are missing at once. This is the repair epoch of Weatherspoon and Kubiatowicz (2002), for servers that differ and
 * places that fail together, with the moments inside of an epoch and with a keeper that waits. The integral of the
 * frequency over the year is the expected number of losses, which is at least the probability of one.
 *
 * Three more things:
 * - Until the first repair the file is as it was found; from then on it is as the keeper will have it, spread over all
 *   servers there are, up to one for each share.
 * - A repair needs k shares whose servers answer. A round that finds fewer leaves what is missing to the next one.
 * - A lost server has a successor while there is one that has no share of the file. After that others take a second
 *   share. No server joins in that year.
 */
import { YEAR_SECONDS } from './estimate.ts'
import { chanceAfter, convolve, type Fault, lossProbability, missingShares } from './faults.ts'
import { integrate } from './integrate.ts'
import { KeptFile, NEGLIGIBLE, type RepairPace, type RiskCircumstances } from './kept-file.ts'
import { type Holdings, lossFaults, marginOf, outageFaults } from './layout.ts'

export interface LayoutRisk {
  /** Chance that fewer than k shares exist at some moment of the coming year. */
  readonly lossInYear: number
  /** The same if nobody repairs. */
  readonly lossUnrepaired: number
  /** Chance that fewer than k shares answer at a moment drawn by lot. */
  readonly unreadable: number
}

/** Losses are worked out after 1 round, 3, 7, and so on: what rounds leave to the next grows ever more slowly. */
const ROUNDS_GROWTH = 2
/** A file of more shares takes seconds to work out; what is told of it is as if nobody repaired. */
const REPAIRED_SHARES_MAX = 64

export function riskOf(holdings: Holdings, circumstances: RiskCircumstances): LayoutRisk {
  const { sharesOf } = holdings
  const margin = marginOf(holdings)
  const { estimates, pace } = circumstances
  const atStart = ({ startProbability }: Fault): number => startProbability
  const unreadable = lossProbability(outageFaults(sharesOf, estimates), margin, atStart)
  const unrepaired = lossProbability(lossFaults(sharesOf, estimates), margin, chanceAfter(1))
  const { roundYears, lagYears } = yearsOf(pace)
  const isWorthwhile =
    margin > 0 &&
    roundYears + lagYears < 1 &&
    unrepaired > NEGLIGIBLE &&
    holdings.totalShares <= REPAIRED_SHARES_MAX
  const repaired = isWorthwhile ? lossWithRepair(holdings, circumstances) : unrepaired
  return { lossInYear: Math.min(repaired, unrepaired), lossUnrepaired: unrepaired, unreadable }
}

function yearsOf({ roundSeconds, patienceSeconds, workSeconds }: RepairPace) {
  return { roundYears: roundSeconds / YEAR_SECONDS, lagYears: (patienceSeconds + workSeconds) / YEAR_SECONDS }
}

function lossWithRepair(holdings: Holdings, circumstances: RiskCircumstances): number {
  const { pace, estimates } = circumstances
  const { roundYears, lagYears } = yearsOf(pace)
  const margin = marginOf(holdings)
  const found = lossFaults(holdings.sharesOf, estimates)
  // Nobody knows when the first round comes: at any moment of one is as likely. Later ones are as long.
  const window = { from: lagYears, to: lagYears + roundYears }
  const lostBy = (years: number): number => lossProbability(found, margin, chanceAfter(years))
  let expected = integrate(window, lostBy) / roundYears

  const kept = new KeptFile(holdings, circumstances)
  // A file that is found with a smaller margin than the keeper will give it is as if servers were missing.
  const missing = missingShares(found, margin, chanceAfter(roundYears))
  let left = kept.leave(missing, Math.max(0, kept.fatalCount - margin))
  const lostInRound = kept.missingAfter(roundYears)
  let at = lagYears + roundYears / 2
  let perYear = kept.lossPerYear(at, window, left)
  for (let rounds = 1; at < 1; rounds *= ROUNDS_GROWTH) {
    const years = Math.min(1 - at, rounds * roundYears)
    for (let round = 0; round < rounds && round * roundYears < years; round += 1) {
      left = kept.leave(convolve(left, lostInRound, kept.fatalCount), 0)
    }
    const then = kept.lossPerYear(at + years, window, left)
    expected += (years * (perYear + then)) / 2
    at += years
    perYear = then
  }
  return Math.min(1, expected)
}
