/** Rows of `npm run bench:backup`, and what they are held against. */
import { quantile } from '../timing.ts'
import type { KeeperName, KeeperRun, Stored } from './keeper.ts'

export const STEPS = ['first', 'unchanged', '1 % changed', 'restore'] as const
export type Step = (typeof STEPS)[number]

/** Medians of the rounds. */
export interface Row extends KeeperRun {
  readonly subject: string
  readonly step: Step
  readonly keeper: KeeperName
  /** One-minute load of the machine when the first round of it began, the bench itself included. */
  readonly load: number
}

export interface StoredRow extends Stored {
  readonly subject: string
  readonly after: Step
  readonly keeper: KeeperName
  /** Of the files at the time, all rounds together. */
  readonly sourceFiles: number
  readonly sourceBytes: number
}

/** @param runs at least one */
export function medianOf(runs: readonly KeeperRun[]): KeeperRun {
  const median = (figure: keyof KeeperRun): number =>
    quantile(
      runs.map((run) => run[figure]),
      0.5,
    )
  return {
    seconds: median('seconds'),
    cpuSeconds: median('cpuSeconds'),
    serversCpuSeconds: median('serversCpuSeconds'),
    peakRssBytes: median('peakRssBytes'),
  }
}
