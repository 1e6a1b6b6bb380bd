/**
 * What few observations allow to be said: bounds of a proportion and of a rate, from sums of finitely many terms.
 *
 * Both bounds are exact for whole counts: a tail of the beta distribution is a tail of a binomial one, and a tail of
 * the gamma distribution is one of a Poisson one. So no special functions are needed, and no library for two of them.
 */
import { assert } from '#crypto'

/** Halvings of an interval of one: beyond what a double can tell apart. */
const HALVINGS = 60

/** The number of the interval at which `isAbove` turns true, for one that turns once. */
function turningPoint(
  interval: { readonly from: number; readonly to: number },
  isAbove: (at: number) => boolean,
) {
  let { from, to } = interval
  for (let halving = 0; halving < HALVINGS; halving += 1) {
    const middle = (from + to) / 2
    if (isAbove(middle)) to = middle
    else from = middle
  }
  return (from + to) / 2
}

/** P(at least `least` of `count` trials succeed), each with the chance `chance`. */
export function binomialTail(count: number, least: number, chance: number): number {
  if (least <= 0) return 1
  if (least > count || chance <= 0) return 0
  if (chance >= 1) return 1
  // By logarithms: the first terms of a thousand trials are below what a double can hold.
  let logTerm = 0
  for (let index = 0; index < least; index += 1) logTerm += Math.log((count - index) / (least - index))
  logTerm += least * Math.log(chance) + (count - least) * Math.log1p(-chance)
  let sum = 0
  for (let successes = least; successes <= count; successes += 1) {
    sum += Math.exp(logTerm)
    logTerm += Math.log((count - successes) / (successes + 1)) + Math.log(chance) - Math.log1p(-chance)
  }
  return Math.min(1, sum)
}

/**
 * What a proportion is at least, after so many successes and failures, under a prior by which every value is as likely.
 *
 * @param doubt chance that the proportion is lower all the same, between 0 and 1
 */
export function proportionAtLeast(
  counts: { readonly successes: number; readonly failures: number },
  doubt: number,
) {
  const { successes, failures } = counts
  assert(Number.isInteger(successes) && successes >= 0, 'successes are counted')
  assert(Number.isInteger(failures) && failures >= 0, 'failures are counted')
  const below = (at: number): number => binomialTail(successes + failures + 1, successes + 1, at)
  return turningPoint({ from: 0, to: 1 }, (at) => below(at) >= doubt)
}

/**
 * How many events were due at most, where so many were seen: the gamma distribution of shape `1 + seen`.
 *
 * @param doubt chance that more were due all the same, between 0 and 1
 */
export function eventsAtMost(seen: number, doubt: number): number {
  assert(Number.isInteger(seen) && seen >= 0, 'events are counted')
  const isRare = (due: number): boolean => {
    let term = Math.exp(-due)
    let sum = term
    for (let events = 1; events <= seen; events += 1) {
      term *= due / events
      sum += term
    }
    return sum <= doubt
  }
  let to = 1
  while (!isRare(to)) to *= 2
  return turningPoint({ from: 0, to }, isRare)
}
