/** Rows of `npm run bench` for small files: one at a time, eight at a time, and a short range of a large file. */
import { ENCODING_DEFAULT, HAPPY_SERVERS_DEFAULT, type ReadCapability } from '#crypto'
import { downloadFile, type Grid, uploadFile } from '#node'
import { forEachConcurrently } from '../../node/flow.ts'

export interface SmallRow {
  readonly what: string
  /** Median of one operation. */
  readonly milliseconds: number
  readonly perSecond: number
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

async function time(
  what: string,
  { count, atOnce }: { readonly count: number; readonly atOnce: number },
  work: (run: number) => Promise<void>,
): Promise<SmallRow> {
  const times: number[] = []
  const start = performance.now()
  await forEachConcurrently(Array(count).keys(), atOnce, async (run) => {
    const begun = performance.now()
    await work(run)
    times.push(performance.now() - begun)
  })
  const perSecond = (count * 1000) / (performance.now() - start)
  const milliseconds = times.toSorted((left, right) => left - right)[times.length >> 1] ?? 0
  return { what, milliseconds, perSecond }
}

async function putFile(grid: Grid, sizeBytes: number): Promise<ReadCapability> {
  const runBytes = Math.min(sizeBytes, 1 << 20)
  async function* open(): AsyncGenerator<Uint8Array> {
    for (let left = sizeBytes; left > 0; left -= runBytes)
      yield new Uint8Array(Math.min(left, runBytes)).fill(left & 255)
  }
  const source = { sizeBytes, rereadable: true, open }
  const options = { encoding: ENCODING_DEFAULT, happyServers: HAPPY_SERVERS_DEFAULT }
  return (await uploadFile(grid, source, options)).capability
}

async function getFile(
  grid: Grid,
  capability: ReadCapability,
  range?: { readonly start: number; readonly end: number },
): Promise<void> {
  const download = await downloadFile(grid, capability, { range })
  let gotBytes = 0
  for await (const bytes of download.content) gotBytes += bytes.length
  if (gotBytes !== download.range.end - download.range.start) throw new Error(`${gotBytes} bytes came`)
}
