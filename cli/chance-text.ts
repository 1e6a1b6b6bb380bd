/** A chance as it may be said: rounded to the bad side, and never better than the model can know. Pure. */

import { CLAIM_LEAST } from '#node'
import { formatCount } from './describe.ts'

/** `below 1 in 40,000`, `up to 30 %`. @param atMost between 0 and 1 */
export function stateBound(atMost: number): string {
  if (atMost > 1 / 2) return 'more likely than not, as far as can be told'
  if (atMost > 1 / 10) return `up to ${Math.ceil(atMost * 10) * 10} %`
  return `below ${stateOdds(atMost)}`
}

/** `1 in 40,000`: one digit, rounded down. @param chance at most 1/2 */
function stateOdds(chance: number): string {
  const odds = 1 / Math.max(CLAIM_LEAST, chance)
  // The tiny addition keeps a power of ten that division has left just below itself.
  const unit = 10 ** Math.floor(Math.log10(odds) + 1e-9)
  return `1 in ${formatCount(Math.floor(odds / unit + 1e-9) * unit)}`
}
