/**
 * A soak: a grid of real daemons under a mixed load for many minutes, with the resident memory of each over time.
 *
 *     npm run soak                                   20 minutes, 10 servers, 6 clients
 *     npm run soak -- --minutes 0.5                  a look whether it works
 *     npm run soak -- --minutes 20 --save            table and chart into test/bench/results/
 *
 * Each client uses a daemon of its own, which seals, codes, places and reads besides being a server. It ends with 1 if
 * the memory of any daemon does not level off, a content comes back wrong, or a daemon ends.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type GridFiles, RemoteFiles } from '#gateway'
import { systemRandom } from '#node'
import { readDaemonFile } from '../../cli/daemon-file.ts'
import { Home } from '../../cli/home.ts'
import { machine } from '../bench/machine.ts'
import { GridProcess } from '../support/cairn-process.ts'
import { chartOf } from './chart.ts'
import { newTally, runClient } from './load.ts'
import { isBounded, rssBytesOf, type Sample } from './memory.ts'
import { tableOf, workText } from './report.ts'

/** Below it code is still being compiled and caches fill: nothing is said of a trend. */
const JUDGED_MINUTES_MIN = 5
const SAMPLES = 240
/** Of the numbers that a home has by default, 3 of 10 on 7. */
const SERVERS_MIN = 7

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    servers: { type: 'string', default: '10' },
    clients: { type: 'string', default: '6' },
    rate: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    save: { type: 'boolean', default: false },
  },
})
const minutes = Number(values.minutes)
const servers = Number(values.servers)
const clients = Number(values.clients)
const megabytesPerSecond = Number(values.rate)
if (!(minutes > 0 && servers >= SERVERS_MIN && clients > 0 && megabytesPerSecond > 0)) {
  process.stderr.write(
    'soak: --minutes, --clients and --rate (MB/s) above 0, and --servers of 7 or more wanted\n',
  )
  process.exit(2)
}

async function filesOf(dir: string): Promise<GridFiles> {
  const place = await readDaemonFile(new Home(dir))
  if (place === undefined) throw new Error(`no daemon runs on ${dir}`)
  return RemoteFiles.open(place, systemRandom)
}

/** @returns the samples of each process, taken until the time is over */
async function sample(pids: ReadonlyMap<string, number>, seconds: number) {
  const samples = new Map<string, Sample[]>([...pids.keys()].map((name) => [name, []]))
  const startedAt = performance.now()
  for (let now = 0; now <= seconds; now = (performance.now() - startedAt) / 1000) {
    for (const [name, pid] of pids) samples.get(name)?.push({ seconds: now, rssBytes: rssBytesOf(pid) })
    await sleep((seconds / SAMPLES) * 1000)
  }
  return samples
}

async function soak(folder: string): Promise<boolean> {
  const grid = await GridProcess.start(folder, ['--servers', String(servers), '--lend', '40 GiB'])
  const tally = newTally()
  const stop = new AbortController()
  const pids = new Map(grid.servers.map(({ pid }, place) => [`server ${place + 1}`, pid]))
  const title = `Resident memory, ${servers} daemons, ${clients} clients, ${megabytesPerSecond} MB/s, ${minutes} minutes`
  try {
    const files = await Promise.all(
      Array.from({ length: clients }, (_, place) => filesOf(grid.servers[place % servers]?.dir ?? '')),
    )
    const working = files.map((one, place) =>
      runClient({
        files: one,
        seed: Number(values.seed) * 1000 + place,
        tally,
        bytesPerSecond: (megabytesPerSecond * 1e6) / clients,
        signal: stop.signal,
      }),
    )
    const samples = await Promise.race([
      sample(pids, minutes * 60),
      // Clients end only when they are told to, or fail.
      Promise.all(working).then(() => Promise.reject(new Error('the load ended before its time'))),
    ])
    stop.abort()
    await Promise.allSettled(working)
    const command = `npm run soak -- --minutes ${minutes} --servers ${servers} --clients ${clients} --rate ${megabytesPerSecond}`
    const text = `${command} --seed ${values.seed}\n${machine()}\n\n${tableOf(samples)}\n\n${workText(tally, minutes * 60)}\n`
    process.stdout.write(text)
    if (values.save) {
      const results = new URL('../bench/results/', import.meta.url)
      await writeFile(new URL('soak.txt', results), text)
      await writeFile(new URL('soak.svg', results), chartOf(title, samples))
    }
    const isLevel = [...samples.values()].every(isBounded)
    return tally.wrongBytes === 0 && (isLevel || minutes < JUDGED_MINUTES_MIN)
  } finally {
    stop.abort()
    await grid.stop()
  }
}

const folder = await mkdtemp(join(tmpdir(), 'cairn-soak-'))
let isGood = false
try {
  isGood = await soak(folder)
} finally {
  await rm(folder, { recursive: true, force: true })
}
process.exit(isGood ? 0 : 1)
