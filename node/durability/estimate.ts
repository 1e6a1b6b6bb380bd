/**
 * From what was seen of servers to what may be expected of them.
 *
 * Two readings of the same records: an *expected* one, by the means of the posteriors, and a *cautious* one, by the end
 * of each that is wrong in one case of twenty. What is told to people is cautious; with few records the two are far
 * apart, and that is the message.
 */
import type { PeerId } from '../platform/platform.ts'
import { eventsAtMost, proportionAtLeast } from './quantiles.ts'

export const DAY_SECONDS = 24 * 3600
export const YEAR_SECONDS = 365.25 * DAY_SECONDS

/** Below this nothing is said: mistakes of people and programs, which the model leaves out, are likelier than that. */
export const CLAIM_LEAST = 1e-6
/** How often a cautious number may be wrong to the bad side. */
export const DOUBT = 0.05
/**
 * Answers closer together than this are one observation: a server that was asked hourly through one day off has failed
 * once, not twenty-four times. Also how long a time off lasts on average.
 */
export const OUTAGE_SECONDS = DAY_SECONDS
/**
 * What is held of a server's loss for good before anything was seen, disks and people who leave together: one in four
 * years, with the weight of having watched one server for four years. Disks alone fail at 2 to 9 % a year (Pinheiro,
 * Weber, Barroso 2007); desktop machines stayed for 290 days (Bolosky et al. 2000), boxes of friends for longer.
 */
export const PRIOR_SERVER_YEARS = 4
const PRIOR_LOSSES = 1
/** A server this likely to be gone is taken for lost: a usual one after some weeks of silence. */
export const LOST_PROBABILITY = 0.9
/** More days than this say nothing new of an availability, and would only take time. */
const OBSERVED_DAYS_MAX = 1000

/** What is known of one server by asking it. All times in seconds of one clock. */
export interface ServerHistory {
  readonly serverId: PeerId
  /** Empty: not said. */
  readonly owner: string
  readonly site: string
  readonly firstKnownSeconds: number
  readonly lastAskedSeconds: number
  /** Undefined: it never answered. */
  readonly lastAnsweredSeconds: number | undefined
  readonly askedCount: number
  /** At most `askedCount`. */
  readonly answeredCount: number
}

export interface ServerEstimate {
  readonly serverId: PeerId
  readonly owner: string
  readonly site: string
  /** Part of the time in which it answers while it exists; between 0 and 1. */
  readonly availability: number
  /** Chance that it is lost for good already. */
  readonly goneProbability: number
  /** Losses for good a year: of the disk, the machine, or its owner's interest. */
  readonly lossesPerYear: number
}

export type EstimatesByServer = ReadonlyMap<PeerId, ServerEstimate>

export interface Evidence {
  readonly serverCount: number
  /** Of all servers together, up to the last answer of each. */
  readonly serverYears: number
  /** Days since the server in the middle became known; 0 if there is none. */
  readonly days: number
  /** Servers taken for lost for good. */
  readonly lostCount: number
}

export interface Estimates {
  readonly expected: EstimatesByServer
  readonly cautious: EstimatesByServer
  /** Of any server, those that have no record too. */
  readonly lossesPerYear: { readonly expected: number; readonly cautious: number }
  readonly evidence: Evidence
}

/** @param nowSeconds of the clock of the histories */
export function estimateServers(histories: readonly ServerHistory[], nowSeconds: number): Estimates {
  const serverYears = histories.reduce((sum, history) => sum + livedSeconds(history), 0) / YEAR_SECONDS
  const exposureYears = PRIOR_SERVER_YEARS + serverYears
  const before = PRIOR_LOSSES / PRIOR_SERVER_YEARS
  const lostCount = histories.filter((history) => {
    const availability = availabilityOf(history).expected
    return goneProbability(history, { availability, lossesPerYear: before, nowSeconds }) >= LOST_PROBABILITY
  }).length
  const lossesPerYear = {
    expected: (PRIOR_LOSSES + lostCount) / exposureYears,
    cautious: eventsAtMost(PRIOR_LOSSES - 1 + lostCount, DOUBT) / exposureYears,
  }
  const reading = (kind: 'expected' | 'cautious'): EstimatesByServer =>
    new Map(
      histories.map((history) => {
        const { serverId, owner, site } = history
        const given = { availability: availabilityOf(history)[kind], lossesPerYear: lossesPerYear[kind] }
        const gone = goneProbability(history, { ...given, nowSeconds })
        return [serverId, { serverId, owner, site, ...given, goneProbability: gone }]
      }),
    )
  const ages = histories.map(({ firstKnownSeconds }) => Math.max(0, nowSeconds - firstKnownSeconds))
  const days = (ages.sort((left, right) => left - right)[ages.length >> 1] ?? 0) / DAY_SECONDS
  return {
    expected: reading('expected'),
    cautious: reading('cautious'),
    lossesPerYear,
    evidence: { serverCount: histories.length, serverYears, days, lostCount },
  }
}

/** What is held of a server that nobody has asked yet: lost as often as others, and there for half of the time. */
export function estimateStranger(
  { serverId, owner, site }: Pick<ServerEstimate, 'serverId' | 'owner' | 'site'>,
  lossesPerYear: number,
): ServerEstimate {
  return { serverId, owner, site, availability: 1 / 2, goneProbability: 0, lossesPerYear }
}

function livedSeconds({ firstKnownSeconds, lastAnsweredSeconds }: ServerHistory): number {
  return Math.max(0, (lastAnsweredSeconds ?? firstKnownSeconds) - firstKnownSeconds)
}

/** Mean and lower bound of the beta distribution over whole days answered and not. */
function availabilityOf(history: ServerHistory): { readonly expected: number; readonly cautious: number } {
  const { askedCount, answeredCount, firstKnownSeconds, lastAskedSeconds } = history
  const watched = Math.ceil(Math.max(0, lastAskedSeconds - firstKnownSeconds) / OUTAGE_SECONDS)
  const observed = Math.min(askedCount, watched, OBSERVED_DAYS_MAX)
  const successes = askedCount === 0 ? 0 : Math.floor((observed * answeredCount) / askedCount)
  const failures = observed - successes
  return {
    expected: (successes + 1) / (observed + 2),
    cautious: proportionAtLeast({ successes, failures }, DOUBT),
  }
}

/**
 * Chance that a server is lost, by Bayes: it is silent because it was lost, which happens at the rate of losses, or
 * because a time off began when it last answered and has lasted till now, which happens at the rate of times off, ever
 * less likely the longer it lasts. Times off have a long tail (a holiday, a part that is on order): one in (1 + t)^2
 * lasts longer than t days, a distribution of Pareto's second kind with a mean of one day.
 */
function goneProbability(
  history: ServerHistory,
  given: { readonly availability: number; readonly lossesPerYear: number; readonly nowSeconds: number },
): number {
  const { availability, lossesPerYear, nowSeconds } = given
  const silentSeconds = history.lastAskedSeconds - (history.lastAnsweredSeconds ?? history.firstKnownSeconds)
  const unseenYears = Math.max(0, nowSeconds - history.lastAskedSeconds) / YEAR_SECONDS
  const since = -Math.expm1(-lossesPerYear * unseenYears)
  if (silentSeconds <= 0) return since
  const outagesPerYear = ((1 - availability) / availability) * (YEAR_SECONDS / OUTAGE_SECONDS)
  const lasting = outagesPerYear * (1 + silentSeconds / OUTAGE_SECONDS) ** -2
  const gone = lossesPerYear / (lossesPerYear + lasting)
  return gone + (1 - gone) * since
}
