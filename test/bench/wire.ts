/**
 * Block writes over the storage protocol between two processes, beside one raw libp2p stream and one raw TCP connection.
 *
 * `node test/bench/wire.ts [--json] [--mib 768] [--block-kib 350] [--rounds 3]`
 */
import { fork } from 'node:child_process'
import { connect, createServer } from 'node:net'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { asStorageIndex, asTreeHash } from '#crypto'
import { systemClock } from '../../node/platform/clock.ts'
import { silentLog } from '../../node/platform/log.ts'
import { openNetwork } from '../../node/platform/network.ts'
import { nodeKeyFromSeed, temporaryNodeKey } from '../../node/platform/node-key.ts'
import type { StorageServer } from '../../node/storage/server.ts'
import { StorageHandler } from '../../node/wire/handler.ts'
import { RemoteServer } from '../../node/wire/remote-server.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    mib: { type: 'string', default: '768' },
    'block-kib': { type: 'string', default: '350' },
    rounds: { type: 'string', default: '3' },
    server: { type: 'boolean', default: false },
  },
})
const TOTAL_BYTES = Number(values.mib) * 1024 * 1024
const BLOCK_BYTES = Number(values['block-kib']) * 1024
const BLOCK_COUNT = Math.ceil(TOTAL_BYTES / BLOCK_BYTES)
const RAW_PROTOCOL = '/cairn/bench-raw/1'

interface Row {
  readonly what: string
  readonly megabytesPerSecond: number
  readonly senderCpuPerGigabyte: number
  readonly receiverCpuPerGigabyte: number
}

interface Ready {
  readonly addresses: readonly string[]
  readonly tcpPort: number
}

/** A server that takes blocks and forgets them: what is measured is the way there. */
function forgettingServer(): StorageServer {
  const block = new Uint8Array(BLOCK_BYTES).fill(7)
  const never = async () => {
    throw new Error('not measured')
  }
  return {
    serverId: '',
    status: async () => ({
      version: 'bench',
      freeBytes: 0,
      usedBytes: 0,
      shareCount: 0,
      accountUsedBytes: 0,
      accountQuotaBytes: undefined,
    }),
    listShares: never,
    writeShare: () => ({
      open: async () => ({ segmentsHeld: 0 }),
      writeBlock: async () => undefined,
      finish: async () => undefined,
      abort: async () => undefined,
      detach: async () => undefined,
    }),
    writeWhole: never,
    openFile: never,
    readManifest: never,
    readBlock: async () => ({ block, blockProof: new Uint8Array(320), sealedProof: new Uint8Array(320) }),
    updateLeases: never,
    scrubShare: never,
    readSlots: never,
    writeSlot: never,
  }
}

async function serve(): Promise<void> {
  const network = await openNetwork({ key: nodeKeyFromSeed(new Uint8Array(32).fill(1)), log: silentLog })
  const server = forgettingServer()
  const platform = { network, clock: systemClock, log: silentLog }
  await StorageHandler.open({ platform, storage: { forAccount: () => server } })
  await network.serve(RAW_PROTOCOL, async (channel) => {
    const reader = channel.incoming[Symbol.asyncIterator]()
    const first = await reader.next()
    if (first.value?.[0] === 1) {
      const block = new Uint8Array(BLOCK_BYTES).fill(7)
      for (let count = 0; count < BLOCK_COUNT; count += 1) await channel.write([block])
    } else {
      while ((await reader.next()).done !== true);
      await channel.write([Uint8Array.of(1)])
    }
  })
  const tcp = createServer((socket) => {
    let left = BLOCK_COUNT * BLOCK_BYTES
    socket.on('data', (part) => {
      left -= part.length
      if (left === 0) socket.end('.')
    })
  })
  tcp.listen(0, '127.0.0.1', () => {
    const address = tcp.address()
    const tcpPort = typeof address === 'object' && address !== null ? address.port : 0
    process.send?.({ addresses: network.addresses(), tcpPort })
  })
  process.on('message', () => process.send?.(process.cpuUsage()))
}

async function main(): Promise<void> {
  const child = fork(new URL(import.meta.url), [...process.argv.slice(2), '--server'])
  const nextMessage = () => new Promise<unknown>((resolve) => child.once('message', resolve))
  const ready = (await nextMessage()) as Ready
  const childCpu = async () => {
    child.send('cpu')
    return (await nextMessage()) as NodeJS.CpuUsage
  }
  const network = await openNetwork({ key: temporaryNodeKey(), listen: [], log: silentLog })
  const serverId = await network.connect(undefined, ready.addresses)
  const remote = new RemoteServer({
    platform: { network, clock: systemClock },
    serverId,
    addresses: () => ready.addresses,
  })
  const rawPush = async () => {
    const channel = await network.openChannel(serverId, RAW_PROTOCOL)
    const block = new Uint8Array(BLOCK_BYTES)
    for (let count = 0; count < BLOCK_COUNT; count += 1) await channel.write([block])
    await channel.close()
    for await (const _ of channel.incoming);
  }
  const rawPull = async () => {
    const channel = await network.openChannel(serverId, RAW_PROTOCOL)
    await channel.write([Uint8Array.of(1)])
    await channel.close()
    for await (const _ of channel.incoming);
  }
  const runs: Record<string, () => Promise<void>> = {
    'raw node:net, one way': () => rawTcp(ready.tcpPort),
    'raw libp2p stream, push': rawPush,
    'storage write, 1 share': () => writeShares(remote, 1),
    'storage write, 4 shares': () => writeShares(remote, 4),
    'raw libp2p stream, pull': rawPull,
    'storage read, 4 at a time': () => readBlocks(remote, 4),
    'storage read, 16 at a time': () => readBlocks(remote, 16),
  }
  const rows: Row[] = []
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const [what, run] of Object.entries(runs)) rows.push(await measure(what, run, childCpu))
  }
  report(Object.keys(runs).map((what) => medianOf(rows.filter((row) => row.what === what))))
  for (const line of await smallWork(remote, childCpu)) if (!values.json) console.log(line)
  remote[Symbol.dispose]()
  await network.close()
  child.kill()
}

/** What a thousand small things cost: whoever stores small files pays for messages, not for bytes. */
async function smallWork(
  remote: RemoteServer,
  childCpu: () => Promise<NodeJS.CpuUsage>,
): Promise<readonly string[]> {
  const sealedLeaf = asTreeHash(new Uint8Array(32))
  const storageIndex = asStorageIndex(new Uint8Array(32))
  const manifest = new Uint8Array(401)
  const smallShare = async (count: number) => {
    const uploadId = new Uint8Array(16)
    new DataView(uploadId.buffer).setUint32(0, count)
    const writer = remote.writeShare({ storageIndex, shareNumber: 0, uploadId, expectedSizeBytes: 0 })
    await Promise.all([
      writer.open(),
      writer.writeBlock({ segmentIndex: 0, sealedLeaf, block: new Uint8Array(512) }),
      writer.finish({ manifest, leaseDurationSeconds: 1 }),
    ])
  }
  const lines: string[] = []
  const run = async (what: string, atOnce: number, work: (count: number) => Promise<unknown>) => {
    const total = 4000
    const before = { own: process.cpuUsage(), child: await childCpu(), at: performance.now() }
    let next = 0
    const lanes = Array.from({ length: atOnce }, async () => {
      for (; next < total; ) {
        next += 1
        await work(next)
      }
    })
    await Promise.all(lanes)
    const each = ((performance.now() - before.at) / total) * 1000
    const own = process.cpuUsage(before.own)
    const child = await childCpu()
    const here = (own.user + own.system) / total
    const there = (child.user + child.system - before.child.user - before.child.system) / total
    const cpu = `${here.toFixed(0)} / ${there.toFixed(0)} us CPU`
    lines.push(`${each.toFixed(0).padStart(5)} us   ${cpu}   ${what}, ${atOnce} at a time`)
  }
  for (const atOnce of [1, 8, 32]) {
    await run('small request', atOnce, () => remote.status())
    await run('small share', atOnce, smallShare)
  }
  return lines
}

async function measure(
  what: string,
  run: () => Promise<void>,
  childCpu: () => Promise<NodeJS.CpuUsage>,
): Promise<Row> {
  const before = { own: process.cpuUsage(), child: await childCpu(), at: performance.now() }
  await run()
  const seconds = (performance.now() - before.at) / 1000
  const own = process.cpuUsage(before.own)
  const child = await childCpu()
  const gigabytes = (BLOCK_COUNT * BLOCK_BYTES) / 1e9
  const spent = (one: NodeJS.CpuUsage) => (one.user + one.system) / 1e6
  return {
    what,
    megabytesPerSecond: (gigabytes * 1000) / seconds,
    senderCpuPerGigabyte: spent(own) / gigabytes,
    receiverCpuPerGigabyte: (spent(child) - spent(before.child)) / gigabytes,
  }
}

async function writeShares(remote: RemoteServer, shareCount: number): Promise<void> {
  const block = new Uint8Array(BLOCK_BYTES)
  const sealedLeaf = asTreeHash(new Uint8Array(32))
  const storageIndex = asStorageIndex(new Uint8Array(32))
  const each = Math.ceil(BLOCK_COUNT / shareCount)
  await Promise.all(
    Array.from({ length: shareCount }, async (_, shareNumber) => {
      const uploadId = new Uint8Array(16).fill(shareNumber)
      const writer = remote.writeShare({ storageIndex, shareNumber, uploadId, expectedSizeBytes: 0 })
      await writer.open()
      // As an upload does it: a few segments in flight.
      const inFlight: Promise<void>[] = []
      for (let segmentIndex = 0; segmentIndex < each; segmentIndex += 1) {
        if (inFlight.length >= 6) await inFlight.shift()
        inFlight.push(writer.writeBlock({ segmentIndex, sealedLeaf, block }))
      }
      await Promise.all(inFlight)
      await writer.finish({ manifest: new Uint8Array(100), leaseDurationSeconds: 1 })
    }),
  )
}

async function readBlocks(remote: RemoteServer, atOnce: number): Promise<void> {
  const bytes = new Uint8Array(32)
  const address = { storageIndex: asStorageIndex(bytes), root: bytes as never, shareNumber: 0 }
  let next = 0
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < BLOCK_COUNT) {
        next += 1
        await remote.readBlock({ address, segmentIndex: 0, withSealedProof: true })
      }
    }),
  )
}

function rawTcp(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const block = new Uint8Array(BLOCK_BYTES)
    let left = BLOCK_COUNT
    const socket = connect(port, '127.0.0.1', () => push())
    const push = () => {
      while (left > 0) {
        left -= 1
        if (!socket.write(block)) return socket.once('drain', push)
      }
      return undefined
    }
    socket.on('data', () => resolve())
    socket.on('error', reject)
  })
}

function medianOf(rows: readonly Row[]): Row {
  const sorted = rows.toSorted((left, right) => left.megabytesPerSecond - right.megabytesPerSecond)
  const middle = sorted[Math.floor(sorted.length / 2)]
  if (middle === undefined) throw new Error('a round at least')
  return middle
}

function report(rows: readonly Row[]): void {
  if (values.json) {
    console.log(JSON.stringify({ cpu: cpus()[0]?.model, node: process.version, rows }))
    return
  }
  console.log(
    `${values.mib} MiB in blocks of ${values['block-kib']} KiB, TLS over loopback, ${process.version}`,
  )
  console.log('MB/s   CPU s/GB here / there')
  for (const row of rows) {
    const rate = row.megabytesPerSecond.toFixed(0).padStart(5)
    const cpu = `${row.senderCpuPerGigabyte.toFixed(2)} / ${row.receiverCpuPerGigabyte.toFixed(2)}`
    console.log(`${rate}   ${cpu}   ${row.what}`)
  }
}

await (values.server ? serve() : main())
