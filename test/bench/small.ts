/** Rows of `npm run bench` for small files: one at a time, eight at a time, and a short range of a large file. */
import type { ReadCapability } from '#crypto'
import type { Grid } from '#node'
import { getFile, putFile } from './files.ts'
import { cpuSecondsOf } from './machine.ts'
import { type Rounds, type Timing, timed } from './timing.ts'

export interface SmallRow extends Timing {
  readonly what: string
  /** CPU milliseconds of one run: what a busy machine does not change. */
  readonly clientCpu: number
  /** Of all servers together. */
  readonly serversCpu: number
}

const FILE_BYTES = 1000
const AT_ONCE = 8
const RANGE_BYTES = 64 * 1024
const LARGE_BYTES = 100 * 1000 * 1000

export async function measureSmall(
  grid: Grid,
  options: { readonly quick: boolean; readonly pids: readonly number[] },
): Promise<SmallRow[]> {
  const { pids } = options
  const count = options.quick ? 100 : 400
  const capabilities: ReadCapability[] = []
  const put = async () => {
    capabilities.push(await putFile(grid, FILE_BYTES))
  }
  const get = async (run: number) => {
    const capability = capabilities[run % capabilities.length]
    if (capability !== undefined) await getFile(grid, capability)
  }
  // Both sides compile and connect with the first ones.
  await time(pids, 'warm', { count: 400, atOnce: AT_ONCE, work: put })
  await time(pids, 'warm', { count: 100, atOnce: 1, work: put })
  await time(pids, 'warm', { count: 200, atOnce: AT_ONCE, work: get })
  const rows = [
    await time(pids, 'put 1 kB, one at a time', { count, atOnce: 1, work: put }),
    await time(pids, 'get 1 kB, one at a time', { count, atOnce: 1, work: get }),
    await time(pids, `put 1 kB, ${AT_ONCE} at a time`, { count: 3 * count, atOnce: AT_ONCE, work: put }),
    await time(pids, `get 1 kB, ${AT_ONCE} at a time`, { count: 3 * count, atOnce: AT_ONCE, work: get }),
  ]
  const large = await putFile(grid, LARGE_BYTES)
  const range = async (run: number) => {
    const start = (run * 7_654_321) % (LARGE_BYTES - RANGE_BYTES)
    await getFile(grid, large, { start, end: start + RANGE_BYTES })
  }
  return [
    ...rows,
    await time(pids, 'range of 64 KiB inside 100 MB', { count: count / 10, atOnce: 1, work: range }),
  ]
}

export function printSmall(rows: readonly SmallRow[]): void {
  console.log(
    '\n| small files, ten server processes, 3 of 10 | ms | a second | CPU ms: client | servers |\n|---|---|---|---|---|',
  )
  for (const { what, milliseconds, perSecond, clientCpu, serversCpu } of rows) {
    const cpu = `${clientCpu.toFixed(1)} | ${serversCpu.toFixed(1)}`
    console.log(`| ${what} | ${milliseconds.toFixed(1)} | ${perSecond.toFixed(0)} | ${cpu} |`)
  }
}

async function time(
  pids: readonly number[],
  what: string,
  { work, ...rounds }: Rounds & { readonly work: (run: number) => Promise<void> },
): Promise<SmallRow> {
  const [clientStart, serversStart] = [process.cpuUsage(), cpuSecondsOf(pids)]
  const timing = await timed(rounds, work)
  const { user, system } = process.cpuUsage(clientStart)
  return {
    what,
    ...timing,
    clientCpu: (user + system) / 1000 / rounds.count,
    serversCpu: ((cpuSecondsOf(pids) - serversStart) * 1000) / rounds.count,
  }
}
