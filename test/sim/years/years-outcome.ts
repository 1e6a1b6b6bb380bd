/** A run over years as a person reads it, and what of it goes into the table of faults. */
import { BrokenPromise } from './broken-promise.ts'
import type { YearsOptions, YearsReport } from './years-simulation.ts'

export const SERVERS_DEFAULT = 200
export const DAYS_DEFAULT = 365

/** A run ends with the first thing that is not as promised; whatever ends it and is no wrong byte counts as a loss. */
export function brokenBy(broken: Error | undefined): {
  readonly losses: number
  readonly wrongBytes: number
} {
  if (broken === undefined) return { losses: 0, wrongBytes: 0 }
  const isWrong = broken instanceof BrokenPromise && broken.kind === 'wrong bytes'
  return isWrong ? { losses: 0, wrongBytes: 1 } : { losses: 1, wrongBytes: 0 }
}

export function describeYears(options: YearsOptions, report: YearsReport, tookMilliseconds: number): string {
  const { seed, serverCount, days } = options
  const took = (tookMilliseconds / 1000).toFixed(1)
  const counts = [...report.counts].map(([what, count]) => `${what} ${count}`)
  return [
    `years, seed ${seed}: ${serverCount} servers, ${report.simulatedDays} days in ${took} s, trace ${report.trace}`,
    `  ${counts.join(', ')}`,
    `  replay: npm run sim -- --seed ${seed} --servers ${serverCount} --days ${days}`,
  ].join('\n')
}
