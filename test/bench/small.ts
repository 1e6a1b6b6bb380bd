/** Rows of `npm run bench` for small files: one at a time, eight at a time, and a short range of a large file. */
import type { ReadCapability } from '#crypto'
import type { Grid } from '#node'
import { getFile, putFile } from './files.ts'
import { type Rounds, type Timing, timed } from './timing.ts'

export interface SmallRow extends Timing {
  readonly what: string
}

const FILE_BYTES = 1000
const AT_ONCE = 8
const RANGE_BYTES = 64 * 1024
const LARGE_BYTES = 100 * 1000 * 1000

export async function measureSmall(grid: Grid, options: { readonly quick: boolean }): Promise<SmallRow[]> {
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
  await time('warm', { count: 100, atOnce: AT_ONCE }, put)
  await time('warm', { count: 100, atOnce: AT_ONCE }, get)
  const rows = [
    await time('put 1 kB, one at a time', { count, atOnce: 1 }, put),
    await time('get 1 kB, one at a time', { count, atOnce: 1 }, get),
    await time(`put 1 kB, ${AT_ONCE} at a time`, { count: 3 * count, atOnce: AT_ONCE }, put),
    await time(`get 1 kB, ${AT_ONCE} at a time`, { count: 3 * count, atOnce: AT_ONCE }, get),
  ]
  const large = await putFile(grid, LARGE_BYTES)
  const range = async (run: number) => {
    const start = (run * 7_654_321) % (LARGE_BYTES - RANGE_BYTES)
    await getFile(grid, large, { start, end: start + RANGE_BYTES })
  }
  return [...rows, await time('range of 64 KiB inside 100 MB', { count: count / 10, atOnce: 1 }, range)]
}

export function printSmall(rows: readonly SmallRow[]): void {
  console.log('\n| small files, ten server processes, 3 of 10 | ms | a second |\n|---|---|---|')
  for (const { what, milliseconds, perSecond } of rows)
    console.log(`| ${what} | ${milliseconds.toFixed(1)} | ${perSecond.toFixed(0)} |`)
}

async function time(what: string, rounds: Rounds, work: (run: number) => Promise<void>): Promise<SmallRow> {
  return { what, ...(await timed(rounds, work)) }
}
