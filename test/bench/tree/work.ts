/** The work that a client node does. */
import type { DirectoryWriteCapability, ReadCapability } from '#crypto'
import { type DirectoryChange, editDirectory, makeDirectory, openDirectory } from '#node'
import { getFile, putFile } from '../files.ts'
import { type Rounds, type Timing, timed } from '../timing.ts'
import type { BenchClient } from './client.ts'
import type { Cost } from './row.ts'

export type Measured = Timing & Partial<Cost> & { readonly what: string; readonly storedBytes?: number }

export interface Amounts {
  /** Of operations of some ms. */
  readonly runs: number
  readonly directorySizes: readonly number[]
  readonly copyFiles: number
  readonly copyRounds: number
  readonly largeBytes: number
}

const FILE_BYTES = 1000
const RANGE_BYTES = 64 * 1024
const AT_ONCE = 8
const WARM_RUNS = 50

/** @returns one of the files that were put */
export async function* measureFiles(
  client: BenchClient,
  { runs, largeBytes }: Amounts,
): AsyncGenerator<Measured, ReadCapability, undefined> {
  const { grid, options } = client
  const files: ReadCapability[] = []
  const put = async (): Promise<void> => void files.push(await putFile(grid, FILE_BYTES, options))
  const get = async (run: number): Promise<void> => {
    const file = files[run % files.length]
    if (file !== undefined) await getFile(grid, file)
  }
  // Both sides compile and connect with the first ones.
  await timed({ count: WARM_RUNS, atOnce: AT_ONCE }, put)
  await timed({ count: WARM_RUNS, atOnce: AT_ONCE }, get)
  const one = { count: runs, atOnce: 1 }
  const eight = { count: runs * 4, atOnce: AT_ONCE }
  yield { what: 'put 1 kB', ...(await client.measure(one, put)) }
  yield { what: 'get 1 kB', ...(await client.measure(one, get)) }
  yield { what: 'put 1 kB, 8 at a time', ...(await client.measure(eight, put)) }
  yield { what: 'get 1 kB, 8 at a time', ...(await client.measure(eight, get)) }
  const large = await putFile(grid, largeBytes, options)
  const range = async (): Promise<void> => {
    const start = Math.floor(Math.random() * (largeBytes - RANGE_BYTES))
    await getFile(grid, large, { start, end: start + RANGE_BYTES })
  }
  const what = `64 KiB inside ${largeBytes / 1e6} MB`
  yield { what, ...(await client.measure({ count: runs, atOnce: 1 }, range)) }
  return await putFile(grid, FILE_BYTES, options)
}

export async function* measureMkdir(
  client: BenchClient,
  { runs }: Amounts,
): AsyncGenerator<Measured, void, undefined> {
  const { grid, options } = client
  const parent = await makeDirectory(grid, [], options)
  const mkdirIn = async (from: BenchClient['grid'], name: string): Promise<void> => {
    const capability = await makeDirectory(from, [], options)
    const link: DirectoryChange = { kind: 'set', name, capability, metadata: {}, ifExists: 'refuse' }
    await editDirectory(from, parent, [link], options)
  }
  await timed({ count: WARM_RUNS, atOnce: AT_ONCE }, (run) => mkdirIn(client.otherGrid(), `warm ${run}`))
  const rounds = { count: runs, atOnce: 1 }
  const alone = await client.measure(rounds, async () => void (await makeDirectory(grid, [], options)))
  const again = await client.measure(rounds, (run) => mkdirIn(grid, `own ${run}`))
  const other = await client.measure(rounds, (run) => mkdirIn(client.otherGrid(), `other ${run}`))
  yield { what: 'mkdir', ...alone }
  yield { what: 'mkdir, linked in a parent', ...other }
  yield { what: 'the same, parent changed last here', ...again }
}

/** @param file what the names stand for */
export async function* measureDirectories(
  client: BenchClient,
  { runs, directorySizes }: Amounts,
  file: ReadCapability,
): AsyncGenerator<Measured, void, undefined> {
  const { grid, options } = client
  const metadata = { sizeBytes: FILE_BYTES, modifiedAtMilliseconds: Date.now() }
  const link = (name: string): DirectoryChange => {
    return { kind: 'set', name, capability: file, metadata, ifExists: 'refuse' }
  }
  for (const size of directorySizes) {
    const names = Array.from({ length: size }, (_, number) => nameOf(number))
    const start = performance.now()
    const directory = await makeDirectory(grid, names.map(link), options)
    const milliseconds = performance.now() - start
    const perSecond = (size * 1000) / milliseconds
    yield {
      what: `make one of ${size} entries`,
      count: 1,
      milliseconds,
      p90Milliseconds: milliseconds,
      perSecond,
    }
    // Not to grow it by much: 10 stays near 10.
    const rounds: Rounds = { count: Math.min(runs, Math.max(10, size / 10)), atOnce: 1 }
    // Scattered between the names that are there.
    const added = (run: number, by: string) =>
      `${nameOf(Math.floor(((run + 0.5) * size) / rounds.count))}.${by}`
    const add = (by: string) => async (run: number) => {
      const from = by === 'own' ? grid : client.otherGrid()
      await editDirectory(from, directory, [link(added(run, by))], options)
    }
    yield { what: `add a child to ${size}`, ...(await storedBy(client, rounds, add('other'))) }
    yield {
      what: `add a child to ${size}, changed last here`,
      ...(await storedBy(client, rounds, add('own'))),
    }
    yield* measureReading(client, directory, { size, runs })
  }
}

async function storedBy(
  client: BenchClient,
  rounds: Rounds,
  work: (run: number) => Promise<void>,
): Promise<Timing & Cost & { readonly storedBytes: number }> {
  const before = await client.storedBytes()
  const measured = await client.measure(rounds, work)
  return { ...measured, storedBytes: ((await client.storedBytes()) - before) / rounds.count }
}

async function* measureReading(
  client: BenchClient,
  directory: DirectoryWriteCapability,
  { size, runs }: { readonly size: number; readonly runs: number },
): AsyncGenerator<Measured, void, undefined> {
  const { options } = client
  const list = async (): Promise<void> => {
    const opened = await openDirectory(client.otherGrid(), directory, options)
    let count = 0
    for await (const _ of opened.entries()) count += 1
    if (count < size) throw new Error(`${size} entries wanted at least, ${count} listed`)
  }
  const find = async (run: number): Promise<void> => {
    const opened = await openDirectory(client.otherGrid(), directory, options)
    const name = nameOf((run * 7919) % size)
    if ((await opened.find(name)) === undefined) throw new Error(`${name} is not in the directory`)
  }
  const lists = { count: size > 1000 ? Math.ceil(runs / 5) : runs, atOnce: 1 }
  yield { what: `list ${size}`, ...(await client.measure(lists, list)) }
  yield { what: `find a name in ${size}`, ...(await client.measure({ count: runs, atOnce: 1 }, find)) }
}

/** Of the entry with this number; in the order of the numbers. */
export function nameOf(number: number): string {
  return `photo ${String(number).padStart(6, '0')}.jpeg`
}
