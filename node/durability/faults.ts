/**
 * How many shares of a file are missing, where servers differ and some fail together.
 *
 * Faults form a tree: the loss of an owner takes the sites of that owner, the loss of a site takes its servers, a
 * server takes its shares. Faults are independent of each other, and a share is missing while any fault above it is
 * there: the shock model of Marshall and Olkin (1967) on nested sets. The distribution of the number of missing shares
 * is the Poisson-binomial one, by its recurrence, branch by branch; where all servers are alike and none is named, it
 * is the binomial one.
 */
/** One thing that can fail, and what fails with it. */
export interface Fault {
  /** Times a year that it begins, while it is not there. */
  readonly perYear: number
  /** Chance that it is there at the start. */
  readonly startProbability: number
  /** Shares that it takes by itself, without those of `within`. */
  readonly shareCount: number
  readonly within: readonly Fault[]
}

/** How likely a fault is there, and how often a year it comes to be there, at one moment. */
export interface FaultState {
  readonly probability: number
  /** Begins a year, counting only moments in which it is not there already. */
  readonly beginsPerYear: number
}

/** Faults that were there at the start or began in the years since. */
export function after(years: number): (fault: Fault) => FaultState {
  return ({ perYear, startProbability }) => {
    const spared = (1 - startProbability) * Math.exp(-perYear * years)
    return { probability: 1 - spared, beginsPerYear: perYear * spared }
  }
}

/** That a fault is there after so many years in which nobody did anything about it. */
export function chanceAfter(years: number): (fault: Fault) => number {
  return (fault) => after(years)(fault).probability
}

/** Chance of each number of missing shares up to a limit, the last one standing for all beyond; and its change. */
interface Counts {
  readonly chances: Float64Array
  /** Derivative in the direction in which every fault begins at its rate and none ends. */
  readonly changes: Float64Array
}

/**
 * How often a year it comes to so many missing shares, for each number up to a limit, where faults are as `state` says.
 *
 * Exact for independent faults (Vesely 1970; Barlow and Proschan 1975: the rate of each fault times its Birnbaum
 * importance), and found as one directional derivative instead of one probability for each fault.
 */
export function timesReached(
  faults: readonly Fault[],
  limit: number,
  state: (fault: Fault) => FaultState,
): Float64Array {
  let counts = certain(Float64Array.of(1))
  for (const fault of faults) counts = together(counts, countsOf(fault, limit, state), limit)
  const reached = new Float64Array(limit + 1)
  let perYear = 0
  for (let count = limit; count >= 0; count -= 1) {
    perYear += counts.changes[count] ?? 0
    reached[count] = Math.max(0, perYear)
  }
  return reached
}

/** Chance that at least so many shares are missing; of none, and of fewer, it is certain. */
export function lossProbability(
  faults: readonly Fault[],
  missingCount: number,
  probability: (fault: Fault) => number,
): number {
  return missingCount <= 0 ? 1 : (missingShares(faults, missingCount, probability)[missingCount] ?? 0)
}

/** Distribution of the number of missing shares; the last entry stands for `limit` and more. */
export function missingShares(
  faults: readonly Fault[],
  limit: number,
  probability: (fault: Fault) => number,
): Float64Array {
  const state = (fault: Fault): FaultState => ({ probability: probability(fault), beginsPerYear: 0 })
  let counts = certain(Float64Array.of(1))
  for (const fault of faults) counts = together(counts, countsOf(fault, limit, state), limit)
  return counts.chances
}

/** Distribution of the sum of two independent numbers; the last entry stands for `limit` and more. */
export function convolve(left: Float64Array, right: Float64Array, limit: number): Float64Array {
  return together(certain(left), certain(right), limit).chances
}

/** A distribution that does not change. */
function certain(chances: Float64Array): Counts {
  return { chances, changes: new Float64Array(chances.length) }
}

/** Shares below a fault, its own among them. */
export function sharesBelow(fault: Fault): number {
  return fault.within.reduce((sum, inner) => sum + sharesBelow(inner), fault.shareCount)
}

/** While the fault is there, all below is missing; while it is not, what the faults within say. */
function countsOf(fault: Fault, limit: number, state: (fault: Fault) => FaultState): Counts {
  const { probability, beginsPerYear } = state(fault)
  const all = Math.min(limit, sharesBelow(fault))
  let inner = certain(Float64Array.of(1))
  for (const part of fault.within) inner = together(inner, countsOf(part, limit, state), limit)
  const chances = new Float64Array(all + 1)
  const changes = new Float64Array(all + 1)
  for (let count = 0; count < inner.chances.length; count += 1) {
    const chance = inner.chances[count] ?? 0
    chances[count] = (1 - probability) * chance
    changes[count] = (1 - probability) * (inner.changes[count] ?? 0) - beginsPerYear * chance
  }
  chances[all] = (chances[all] ?? 0) + probability
  changes[all] = (changes[all] ?? 0) + beginsPerYear
  return { chances, changes }
}

/** Sum of two independent numbers, cut at the limit. */
function together(left: Counts, right: Counts, limit: number): Counts {
  const length = Math.min(limit, left.chances.length + right.chances.length - 2) + 1
  const chances = new Float64Array(length)
  const changes = new Float64Array(length)
  for (let other = 0; other < right.chances.length; other += 1) {
    const otherChance = right.chances[other] ?? 0
    const otherChange = right.changes[other] ?? 0
    // A server of several shares has all of them or none.
    if (otherChance === 0 && otherChange === 0) continue
    for (let one = 0; one < left.chances.length; one += 1) {
      const count = one + other < length ? one + other : length - 1
      const chance = left.chances[one] ?? 0
      chances[count] = (chances[count] ?? 0) + chance * otherChance
      changes[count] = (changes[count] ?? 0) + (left.changes[one] ?? 0) * otherChance + chance * otherChange
    }
  }
  return { chances, changes }
}
