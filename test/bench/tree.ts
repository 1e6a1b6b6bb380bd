/**
 * `npm run bench:tree [-- --quick] [--json] [--rtt MS] [--servers N] [--save]`: directories and small files on ten local
 * server processes, at 3 of 10, beside what the machine allows and what Tahoe-LAFS took.
 *
 * With `--rtt`, every packet between the client and the servers is held for half of so many milliseconds; what counts
 * then is how many round trips an operation takes. `--save` measures without, then with 20 ms (or `--rtt`), and writes
 * both tables to test/bench/results/tree.txt. `--json` prints one array of rows.
 *
 * The client is a node in this process, except for `cp`, which is the command. These machines are shared, and their speed
 * wanders: compare within one run.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { ClosingSteps } from '#node'
import { GridFolder } from '../../cli/grid-folder.ts'
import { Home } from '../../cli/home.ts'
import { GridProcess } from '../support/cairn-process.ts'
import { machine } from './machine.ts'
import { BenchClient } from './tree/client.ts'
import { measureCopies } from './tree/copies.ts'
import { DelayLink, enterOwnNetwork } from './tree/latency.ts'
import { measureEcho, measureFsync } from './tree/limits.ts'
import { tableOf } from './tree/report.ts'
import { BARS, type Row } from './tree/row.ts'
import { type Amounts, type Measured, measureDirectories, measureFiles, measureMkdir } from './tree/work.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    rtt: { type: 'string' },
    servers: { type: 'string', default: '10' },
  },
})
const ROUND_TRIP_DEFAULT_MILLISECONDS = 20
const LOOPBACK = '127.0.0.1'
const LIMIT_RUNS = 200
const AMOUNTS: Amounts = values.quick
  ? { runs: 10, directorySizes: [10, 1000], copyFiles: 100, copyRounds: 1, largeBytes: 100e6 }
  : { runs: 50, directorySizes: [10, 1000, 10_000], copyFiles: 1000, copyRounds: 3, largeBytes: 100e6 }

const given = values.rtt === undefined ? undefined : Number(values.rtt)
if (given !== undefined && !(given >= 0 && given <= 1000)) {
  throw new Error(`--rtt: milliseconds from 0 to 1000 wanted, found ${values.rtt}`)
}
const roundTrips = values.save ? [0, given ?? ROUND_TRIP_DEFAULT_MILLISECONDS] : [given ?? 0]
if (roundTrips.some((roundTrip) => roundTrip > 0)) enterOwnNetwork()

const closing = new ClosingSteps()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    void closing[Symbol.asyncDispose]().finally(() => process.exit(130))
  })
}
const rows: Row[] = []
try {
  for (const roundTrip of roundTrips) rows.push(...(await measureGrid(roundTrip)))
} finally {
  await closing[Symbol.asyncDispose]()
}
if (values.json) console.log(JSON.stringify(rows))
else console.log(textOf(rows))
if (values.save) {
  const results = new URL('results/', import.meta.url)
  await mkdir(results, { recursive: true })
  await writeFile(new URL('tree.txt', results), `${textOf(rows)}\n`)
}

async function measureGrid(roundTripMilliseconds: number): Promise<readonly Row[]> {
  const own = new ClosingSteps()
  closing.addResource(own)
  const folder = await mkdtemp(`${tmpdir()}/cairn-bench-`)
  own.add(() => rm(folder, { recursive: true, force: true }))
  const link =
    roundTripMilliseconds === 0 ? undefined : own.addResource(await DelayLink.open(roundTripMilliseconds))
  const address = link?.farAddress ?? LOOPBACK
  const enter = link?.enter ?? []
  const measured: Row[] = []
  const note = (row: Measured): void => {
    console.error(`${row.what}: ${row.milliseconds.toFixed(1)} ms`)
    const bar = roundTripMilliseconds === 0 ? BARS.get(row.what) : undefined
    measured.push({ ...row, ...bar, roundTripMilliseconds })
  }
  // Before the grid starts: ten processes that start would be in the way.
  note({ what: 'limit: 4 KiB written and synced', ...(await measureFsync(folder, LIMIT_RUNS)) })
  note({
    what: 'limit: one byte to a process and back',
    ...(await measureEcho({ address, enter }, LIMIT_RUNS)),
  })
  const local = own.addResource(await startGrid(`${folder}/grid`, { address, enter }))
  const home = new Home(local.client)
  const serverPids = local.servers.map(({ pid }) => pid)
  const client = own.addResource(await BenchClient.open(home, serverPids))
  const files = measureFiles(client, AMOUNTS)
  let next = await files.next()
  for (; next.done !== true; next = await files.next()) note(next.value)
  for await (const row of measureMkdir(client, AMOUNTS)) note(row)
  for await (const row of measureDirectories(client, AMOUNTS, next.value)) note(row)
  for await (const row of measureCopies(client, AMOUNTS, { home, folder })) note(row)
  await own[Symbol.asyncDispose]()
  return measured
}

async function startGrid(
  dir: string,
  { address, enter }: { readonly address: string; readonly enter: readonly string[] },
): Promise<GridProcess> {
  const args = ['--servers', values.servers]
  if (address === LOOPBACK) return GridProcess.start(dir, args)
  const serverCount = Number(values.servers)
  const numbers = { needed: undefined, happy: undefined, total: undefined }
  const grid = await GridFolder.open(dir, { ...numbers, servers: serverCount, lend: undefined })
  for (const { configFile } of [...grid.servers, grid.client]) {
    const text = await readFile(configFile, 'utf8')
    await writeFile(configFile, text.replaceAll(`/ip4/${LOOPBACK}/`, `/ip4/${address}/`))
  }
  await grid[Symbol.asyncDispose]()
  return GridProcess.start(dir, args, enter)
}

function textOf(all: readonly Row[]): string {
  const head = [
    `npm run bench:tree -- ${process.argv.slice(2).join(' ')}`.trim(),
    `${machine()}; ${values.servers} local server processes`,
    'kB: 10^3 bytes, of all servers together; sent, got and stored: by one operation',
    'Tahoe-LAFS: measured 2026-11-22 on this kind of machine, in another run; ten servers, 3 of 10',
  ]
  const tables = roundTrips.map((roundTrip) => {
    const title =
      roundTrip === 0
        ? 'no latency added'
        : `a round trip of ${roundTrip} ms between client and servers: every packet is held for half of it, between two
network namespaces, by a link of two TUN devices (this kernel need not have tc netem); TCP's own, MTU 1500`
    return `${title}\n\n${tableOf(all.filter((row) => row.roundTripMilliseconds === roundTrip))}`
  })
  return [head.join('\n'), ...tables].join('\n\n')
}
