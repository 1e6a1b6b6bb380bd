/** Runs that are worth keeping: each is played by `npm run sim`. */
import type { YearsOptions } from './years/years-simulation.ts'

export interface NamedSeed extends YearsOptions {
  /** What it has found, or what it is here for. */
  readonly name: string
}

export const SEEDS: readonly NamedSeed[] = [
  // With one share fewer left than the budget says, this one loses a file.
  { name: 'storms that leave k shares', seed: 5, serverCount: 60, days: 60 },
  { name: 'two hundred servers for two months', seed: 1, serverCount: 200, days: 60 },
  { name: 'forty servers for three months', seed: 2, serverCount: 40, days: 90 },
  { name: 'so few that every ring has nearly all of them', seed: 3, serverCount: 15, days: 120 },
]
