/** What a bench ran on, and what it took of it. */
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'

/** Clock ticks a second in /proc, on every Linux that matters. */
const TICKS_PER_SECOND = 100

export function machine(): string {
  return `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.version}`
}

/** User and system time of processes, from /proc; 0 where there is none. */
export function cpuSecondsOf(pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) {
    try {
      const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1] ?? ''
      const fields = afterName.split(' ')
      ticks += Number(fields[11]) + Number(fields[12])
    } catch {
      return 0
    }
  }
  return ticks / TICKS_PER_SECOND
}
