/** What this machine allows, taken in the same run as what is compared with it. All in MB/s (10^6 bytes). */
import { type ChildProcess, fork } from 'node:child_process'
import { open, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { asEncryptionKey } from '#crypto'
import { nativeBulkCrypto } from '../../node/platform/bulk-crypto.ts'
import { silentLog } from '../../node/platform/log.ts'
import { openNetwork } from '../../node/platform/network.ts'
import { temporaryNodeKey } from '../../node/platform/node-key.ts'

const RUN_BYTES = 1024 * 1024
const RAW_PROTOCOL = '/cairn/bench-raw/1'

export interface Limit {
  readonly what: string
  readonly megabytesPerSecond: number
}

/** @param folder where the disk is measured */
export async function measureLimits(folder: string, totalBytes: number): Promise<readonly Limit[]> {
  const runs = Math.max(1, Math.round(totalBytes / RUN_BYTES))
  const sink = fork(new URL(import.meta.url), ['sink'])
  try {
    const { addresses, tcpPort } = await ready(sink)
    return [
      {
        what: 'raw libp2p stream, TLS and yamux',
        megabytesPerSecond: await rateOf(runs, () => pushLibp2p(addresses, runs)),
      },
      { what: 'raw TCP stream', megabytesPerSecond: await rateOf(runs, () => pushTcp(tcpPort, runs)) },
      { what: 'SHA-256', megabytesPerSecond: await rateOf(runs, async () => hashAll(runs)) },
      { what: 'AES-256-GCM', megabytesPerSecond: await rateOf(runs, async () => sealAll(runs)) },
      {
        what: 'disk write, synced',
        megabytesPerSecond: await rateOf(runs, () => writeAll(`${folder}/limit`, runs)),
      },
    ]
  } finally {
    sink.kill()
  }
}

async function rateOf(runs: number, work: () => Promise<void>): Promise<number> {
  const start = performance.now()
  await work()
  return (runs * RUN_BYTES) / 1e3 / (performance.now() - start)
}

function hashAll(runs: number): void {
  const bytes = new Uint8Array(RUN_BYTES).fill(7)
  for (let run = 0; run < runs; run += 1) nativeBulkCrypto.sha256(bytes)
}

function sealAll(runs: number): void {
  const key = asEncryptionKey(new Uint8Array(32))
  const plaintext = new Uint8Array(RUN_BYTES).fill(7)
  const nonce = new Uint8Array(12)
  for (let run = 0; run < runs; run += 1) {
    nonce[0] = run & 255
    nativeBulkCrypto.seal(key, nonce, plaintext)
  }
}

async function writeAll(path: string, runs: number): Promise<void> {
  const bytes = new Uint8Array(RUN_BYTES).fill(7)
  const file = await open(path, 'w')
  for (let run = 0; run < runs; run += 1) await file.write(bytes)
  await file.datasync()
  await file.close()
  await rm(path)
}

async function pushLibp2p(addresses: readonly string[], runs: number): Promise<void> {
  const network = await openNetwork({ key: temporaryNodeKey(), listen: [], log: silentLog })
  const peer = await network.connect(undefined, addresses)
  const channel = await network.openChannel(peer, RAW_PROTOCOL)
  const bytes = new Uint8Array(RUN_BYTES).fill(7)
  for (let run = 0; run < runs; run += 1) await channel.write([bytes])
  await channel.close()
  for await (const _ of channel.incoming);
  await network.close()
}

function pushTcp(port: number, runs: number): Promise<void> {
  const bytes = new Uint8Array(RUN_BYTES).fill(7)
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let left = runs
    const push = (): void => {
      while (left > 0) {
        left -= 1
        if (!socket.write(bytes)) return
      }
      socket.end()
    }
    socket
      .on('connect', push)
      .on('drain', push)
      .on('error', reject)
      .on('close', () => resolve())
    socket.resume()
  })
}

interface SinkReady {
  readonly addresses: readonly string[]
  readonly tcpPort: number
}

function ready(sink: ChildProcess): Promise<SinkReady> {
  return new Promise((resolve, reject) => {
    sink.once('message', (message: SinkReady) => resolve(message))
    sink.once('exit', () => reject(new Error('the sink process ended')))
  })
}

/** The other process: takes everything and forgets it. */
async function serveSink(): Promise<void> {
  const network = await openNetwork({ key: temporaryNodeKey(), log: silentLog })
  await network.serve(RAW_PROTOCOL, async (channel) => {
    for await (const _ of channel.incoming);
  })
  const tcp = createServer((socket) => socket.resume().on('end', () => socket.end()))
  tcp.listen(0, '127.0.0.1', () => {
    const address = tcp.address()
    process.send?.({
      addresses: network.addresses(),
      tcpPort: address !== null && typeof address === 'object' ? address.port : 0,
    })
  })
  process.on('disconnect', () => process.exit())
}

if (process.argv[2] === 'sink') await serveSink()
