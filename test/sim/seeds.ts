/** Runs that are worth keeping: each is played by `npm run sim`. */
import type { YearsOptions } from './years/years-simulation.ts'

export interface NamedSeed extends YearsOptions {
  /** What it has found, or what it is here for. */
  readonly name: string
}

export const SEEDS: readonly NamedSeed[] = [
  { name: 'two hundred servers for two months', seed: 1, serverCount: 200, days: 60 },
  { name: 'sixty servers for five months', seed: 2, serverCount: 60, days: 150 },
  { name: 'so few that every ring has nearly all of them', seed: 3, serverCount: 15, days: 200 },
]
