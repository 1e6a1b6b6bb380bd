/**
 * `node test/bench/put-stalls.ts`: how long the event loop stands still while a file is put.
 *
 * A whole put through uploadFile, 3 of 10, to servers that take every block at once, with segment workers and without.
 * Stalls are how late a timer of 1 ms came. `busy` is the most CPU time that this thread took from one timer to the
 * next: what is left of a stall is waiting for a core, or for other threads in a collection. The last column is the most
 * that any 1 ms timer waited with no put at all: what other work on the machine does to it.
 */
import { randomBytes } from 'node:crypto'
import { ENCODING_DEFAULT } from '#crypto'
import { type Grid, type GridServer, uploadFile } from '#node'
import { nativeBulkCrypto } from '../../node/platform/bulk-crypto.ts'
import { systemClock } from '../../node/platform/clock.ts'
import { silentLog } from '../../node/platform/log.ts'
import { systemRandom } from '../../node/platform/random.ts'
import { openSegmentWorkers } from '../../node/platform/segment-workers.ts'
import { SlotsSeen } from '../../node/slots/seen.ts'
import type { ShareWriter, StorageServer } from '../../node/storage/server.ts'

const SEGMENT_COUNT = 200
const ROUNDS = 5
const segment = new Uint8Array(randomBytes(1024 * 1024))

const writer: ShareWriter = {
  open: async () => ({ segmentsHeld: 0 }),
  writeBlock: async () => new Promise<void>((resolve) => setImmediate(resolve)),
  finish: async () => {},
  abort: async () => {},
  detach: async () => {},
}

const refuse = async (): Promise<never> => {
  throw new Error('these servers only take blocks')
}

const servers: readonly GridServer[] = Array.from({ length: 10 }, (_, number) => {
  const serverId = `server-${number}`
  const server: StorageServer = {
    serverId,
    status: refuse,
    listShares: async (queries) => queries.map(() => []),
    writeShare: () => writer,
    writeWhole: refuse,
    openFile: refuse,
    readManifest: refuse,
    readBlock: refuse,
    updateLeases: refuse,
    scrubShare: refuse,
    readSlots: refuse,
    writeSlot: refuse,
  }
  return { serverId, failureDomain: serverId, server }
})

const one = openSegmentWorkers(1)
const two = openSegmentWorkers(2)
const base = {
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
  bulk: nativeBulkCrypto,
  ring: () => servers,
  slotsSeen: new SlotsSeen(),
}
const grids: readonly (readonly [string, Grid])[] = [
  ['one worker', { ...base, coder: one }],
  ['two workers', { ...base, coder: two }],
  ['no worker', base],
]
for (const [, grid] of grids) await put(grid)
for (let round = 0; round < ROUNDS; round++) {
  const quietMaxMs = (await stallsDuring(() => new Promise((resolve) => setTimeout(resolve, 500)))).maxMs
  for (const [way, grid] of grids) {
    const start = performance.now()
    const { maxMs, p99Ms, busyMs } = await stallsDuring(() => put(grid))
    const mbPerSecond = (SEGMENT_COUNT * segment.length) / (performance.now() - start) / 1000
    const [p99, max, busy, quiet] = [p99Ms, maxMs, busyMs, quietMaxMs].map((time) => time.toFixed(1))
    console.log(
      `${way}: ${mbPerSecond.toFixed(0)} MB/s, stalls p99 ${p99} ms, at most ${max} ms, busy ${busy} ms (idle ${quiet} ms)`,
    )
  }
}
await Promise.all([one.close(), two.close()])

async function put(grid: Grid): Promise<void> {
  const source = {
    sizeBytes: SEGMENT_COUNT * segment.length,
    rereadable: true,
    open: async function* () {
      for (let index = 0; index < SEGMENT_COUNT; index++) yield segment
    },
  }
  await uploadFile(grid, source, { encoding: ENCODING_DEFAULT, happyServers: 7 })
}

async function stallsDuring(
  work: () => Promise<unknown>,
): Promise<{ maxMs: number; p99Ms: number; busyMs: number }> {
  const stalls: number[] = []
  let before = performance.now()
  let cpuBefore = process.threadCpuUsage()
  let busyMs = 0
  const note = () => {
    const now = performance.now()
    const { user, system } = process.threadCpuUsage(cpuBefore)
    stalls.push(Math.max(0, now - before - 1))
    busyMs = Math.max(busyMs, (user + system) / 1000)
    before = now
    cpuBefore = process.threadCpuUsage()
  }
  const timer = setInterval(note, 1)
  await work()
  note()
  clearInterval(timer)
  stalls.sort((a, b) => a - b)
  return { maxMs: stalls.at(-1) ?? 0, p99Ms: stalls[Math.floor(stalls.length * 0.99)] ?? 0, busyMs }
}
