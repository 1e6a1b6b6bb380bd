/**
 * `npm run bench [-- --json] [--quick] [--small] [--mib 2048]`: put and get through a grid of ten local
 * server processes at 3 of 10, beside the limits of this machine taken in the same run.
 *
 * Ratios within one run are what counts: these machines are shared, and their speed wanders.
 */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import type { ReadCapability } from '#crypto'
import { type Grid, silentLog } from '#node'
import { Home } from '../../cli/home.ts'
import { openNode } from '../../cli/session.ts'
import { GridProcess } from '../support/cairn-process.ts'
import { getFile, putFile } from './files.ts'
import { type Limit, measureLimits } from './limits.ts'
import { cpuSecondsOf, machine } from './machine.ts'
import { measureSmall, printSmall } from './small.ts'
import { quantile } from './timing.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    /** Small files and nothing else. */
    small: { type: 'boolean', default: false },
    mib: { type: 'string' },
  },
})
const MIB = 1024 * 1024
const SERVER_COUNT = 10

interface Case {
  readonly sizeBytes: number
  readonly runs: number
}
/** One size alone, once: `--mib 2048` shows that memory does not grow with the file. */
const CASES: readonly Case[] =
  values.mib === undefined ? usualCases() : [{ sizeBytes: Number(values.mib) * MIB, runs: 1 }]

function usualCases(): readonly Case[] {
  if (values.small) return []
  if (values.quick) {
    return [
      { sizeBytes: 1024, runs: 10 },
      { sizeBytes: MIB, runs: 3 },
      { sizeBytes: 16 * MIB, runs: 1 },
    ]
  }
  return [
    { sizeBytes: 1024, runs: 60 },
    { sizeBytes: MIB, runs: 20 },
    { sizeBytes: 64 * MIB, runs: 3 },
    { sizeBytes: 256 * MIB, runs: 3 },
  ]
}

interface Row {
  readonly operation: 'put' | 'get'
  readonly sizeBytes: number
  /** Median of the runs. */
  readonly milliseconds: number
  readonly megabytesPerSecond: number
  /** CPU seconds for 10^9 bytes of content. */
  readonly clientCpuPerGigabyte: number
  readonly serversCpuPerGigabyte: number
  readonly clientPeakRssMebibytes: number
  /** The most that any server process has ever had. */
  readonly serverPeakRssMebibytes: number
}

const folder = await mkdtemp(`${tmpdir()}/cairn-bench-`)
// Before the grid starts: ten processes that start would be in the way.
const limits = values.small ? [] : await measureLimits(folder, (values.quick ? 64 : 512) * MIB)
const local = await GridProcess.start(`${folder}/grid`, ['--servers', String(SERVER_COUNT)])
try {
  const home = new Home(local.client)
  const signal = new AbortController().signal
  const node = await openNode(home, await home.readConfig(), { lends: false, log: silentLog, signal })
  const pids = local.servers.map(({ pid }) => pid)
  const idleMebibytes = process.memoryUsage.rss() / MIB
  const rows: Row[] = []
  for (const { sizeBytes, runs } of CASES)
    rows.push(...(await measureCase(node.grid, { sizeBytes, runs, pids })))
  const small = values.mib === undefined ? await measureSmall(node.grid, { ...values, pids }) : []
  await node[Symbol.asyncDispose]()
  if (values.json) console.log(JSON.stringify({ machine: machine(), idleMebibytes, limits, rows, small }))
  else {
    if (rows.length > 0) print(limits, rows)
    if (small.length > 0) printSmall(small)
    console.log(`\nthe client before its first put: ${idleMebibytes.toFixed(0)} MiB`)
  }
} finally {
  await local.stop()
  await rm(folder, { recursive: true, force: true })
}

async function measureCase(
  grid: Grid,
  options: Case & { readonly pids: readonly number[] },
): Promise<readonly [Row, Row]> {
  const { sizeBytes, runs, pids } = options
  const capabilities: ReadCapability[] = []
  const put = await measure('put', options, async () => {
    capabilities.push(await putFile(grid, sizeBytes))
  })
  const get = await measure('get', { sizeBytes, runs, pids }, async (run) => {
    const capability = capabilities[run]
    if (capability === undefined) throw new Error('nothing was put')
    await getFile(grid, capability)
  })
  return [put, get]
}

async function measure(
  operation: Row['operation'],
  { sizeBytes, runs, pids }: Case & { readonly pids: readonly number[] },
  work: (run: number) => Promise<void>,
): Promise<Row> {
  let peakRss = 0
  const watch = setInterval(() => {
    peakRss = Math.max(peakRss, process.memoryUsage.rss())
  }, 50)
  const times: number[] = []
  const clientStart = process.cpuUsage()
  const serversStart = cpuSecondsOf(pids)
  for (let run = 0; run < runs; run += 1) {
    const start = performance.now()
    await work(run)
    times.push(performance.now() - start)
  }
  clearInterval(watch)
  const { user, system } = process.cpuUsage(clientStart)
  const gigabytes = (sizeBytes * runs) / 1e9
  const milliseconds = quantile(times, 0.5)
  return {
    operation,
    sizeBytes,
    milliseconds,
    megabytesPerSecond: sizeBytes / 1e3 / milliseconds,
    clientCpuPerGigabyte: (user + system) / 1e6 / gigabytes,
    serversCpuPerGigabyte: (cpuSecondsOf(pids) - serversStart) / gigabytes,
    clientPeakRssMebibytes: Math.max(peakRss, process.memoryUsage.rss()) / MIB,
    serverPeakRssMebibytes: Math.max(...pids.map(peakRssMebibytes)),
  }
}

/** Of a process, from /proc; 0 where there is none. */
function peakRssMebibytes(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

function print(limits: readonly Limit[], rows: readonly Row[]): void {
  console.log(machine())
  console.log(`3 of 10 over ${SERVER_COUNT} local server processes; MB = 10^6 bytes; medians\n`)
  for (const { what, megabytesPerSecond } of limits) {
    console.log(`${megabytesPerSecond.toFixed(0).padStart(8)} MB/s  ${what}`)
  }
  const libp2p = limits[0]?.megabytesPerSecond ?? 1
  console.log(
    '\n                     time       rate   of one libp2p stream   CPU s/GB: client, servers   client RSS',
  )
  for (const row of rows) {
    const size = row.sizeBytes >= MIB ? `${row.sizeBytes / MIB} MiB` : `${row.sizeBytes / 1024} KiB`
    const ratio = (row.megabytesPerSecond / libp2p).toFixed(2)
    console.log(
      `${row.operation} ${size.padStart(8)} ${row.milliseconds.toFixed(1).padStart(9)} ms ` +
        `${row.megabytesPerSecond.toFixed(1).padStart(7)} MB/s ${ratio.padStart(12)} ` +
        `${row.clientCpuPerGigabyte.toFixed(1).padStart(24)}, ${row.serversCpuPerGigabyte.toFixed(1)} ` +
        `${row.clientPeakRssMebibytes.toFixed(0).padStart(14)}, ${row.serverPeakRssMebibytes.toFixed(0)} MiB`,
    )
  }
}
