/** Times of one kind of work, done again and again. */
import { forEachConcurrently } from '../../node/flow.ts'

export interface Timing {
  readonly count: number
  /** Median of one run. */
  readonly milliseconds: number
  readonly p90Milliseconds: number
  /** Of all together. */
  readonly perSecond: number
}

export interface Rounds {
  readonly count: number
  readonly atOnce: number
}

/** @param prepare what each run needs; not timed */
export async function timed(
  { count, atOnce }: Rounds,
  work: (run: number) => Promise<void>,
  prepare: (run: number) => Promise<void> = async () => {},
): Promise<Timing> {
  const times: number[] = []
  let preparedMilliseconds = 0
  const start = performance.now()
  await forEachConcurrently(Array(count).keys(), atOnce, async (run) => {
    const before = performance.now()
    await prepare(run)
    const begun = performance.now()
    preparedMilliseconds += begun - before
    await work(run)
    times.push(performance.now() - begun)
  })
  const allMilliseconds = performance.now() - start - preparedMilliseconds / atOnce
  return {
    count,
    milliseconds: quantile(times, 0.5),
    p90Milliseconds: quantile(times, 0.9),
    perSecond: (count * 1000) / allMilliseconds,
  }
}

/** The value that so much of all values lies below; NaN of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
