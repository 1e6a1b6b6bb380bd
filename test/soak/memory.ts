/** Resident memory of processes over time, from /proc: what the kernel counts, not what a process thinks. */
import { readFileSync } from 'node:fs'

export interface Sample {
  /** Since the load began. */
  readonly seconds: number
  readonly rssBytes: number
}

/** @throws if the process is gone, or this is no Linux */
export function rssBytesOf(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  if (kibibytes === undefined) throw new Error(`no resident memory is known of process ${pid}`)
  return Number(kibibytes) * 1024
}

/** Mean of the samples between two fractions of the whole time. */
export function meanBetween(samples: readonly Sample[], from: number, to: number): number {
  const end = samples.at(-1)?.seconds ?? 0
  const inside = samples.filter(({ seconds }) => seconds >= from * end && seconds <= to * end)
  return inside.reduce((sum, { rssBytes }) => sum + rssBytes, 0) / Math.max(1, inside.length)
}

/** By least squares over the last half, in bytes an hour. */
export function slopePerHour(samples: readonly Sample[]): number {
  const end = samples.at(-1)?.seconds ?? 0
  const late = samples.filter(({ seconds }) => seconds >= end / 2)
  const meanSeconds = late.reduce((sum, { seconds }) => sum + seconds, 0) / Math.max(1, late.length)
  const meanBytes = late.reduce((sum, { rssBytes }) => sum + rssBytes, 0) / Math.max(1, late.length)
  let [above, below] = [0, 0]
  for (const { seconds, rssBytes } of late) {
    above += (seconds - meanSeconds) * (rssBytes - meanBytes)
    below += (seconds - meanSeconds) ** 2
  }
  return below === 0 ? 0 : (above / below) * 3600
}

/**
 * Whether memory levels off: the last quarter is no higher than the second one, but for what collections come and go
 * with.
 */
export function isBounded(samples: readonly Sample[]): boolean {
  const before = meanBetween(samples, 0.25, 0.5)
  return meanBetween(samples, 0.75, 1) <= before * 1.15 + 16 * 2 ** 20
}
