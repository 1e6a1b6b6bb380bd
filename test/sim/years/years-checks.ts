/** What must hold of every server while nobody works: no secrets, no leftovers, no growth. */
import { toBase32 } from '#crypto'
import {
  LEASE_KEYS,
  parseLeaseKey,
  parseLeaseValue,
  parseSlotKey,
  SLOT_LEASE_KEYS,
} from '../../../node/storage/index-keys.ts'
import type { SimServer } from '../sim-server.ts'
import { BrokenPromise, must } from './broken-promise.ts'
import type { Secrets } from './secrets.ts'
import type { YearsGrid } from './years-grid.ts'

/** The tending of its storage, and the looks of its wire at channels that are just ending. */
const TIMERS_PER_SERVER_MAX = 3
/** The window of the simulated network and one message. */
const CHANNEL_BYTES_MAX = 8 * 1024 * 1024
/** A collector comes round every hour. */
const COLLECTED_WITHIN_SECONDS = 2 * 3600

/** Memory and queues, at a moment when all clients have hung up and the collectors have been round. */
export function checkBounds(grid: YearsGrid): void {
  const { world, clock, servers } = grid
  must(world.channelCount === 0, 'bound', `${world.channelCount} channels stand and nobody uses them`)
  const timersMax = servers.length * TIMERS_PER_SERVER_MAX
  must(
    clock.pendingCount <= timersMax,
    'bound',
    `${clock.pendingCount} timers wait, at most ${timersMax} wanted`,
  )
  for (const server of servers) {
    const { figures, inFlightBytes, channelCount } = server
    must(channelCount === 0, 'bound', `a server keeps ${channelCount} channels that ended`)
    must(inFlightBytes === 0, 'bound', `a server holds ${inFlightBytes} bytes of requests, and none runs`)
    must(
      figures?.incomingBytes === 0,
      'bound',
      `a server holds ${figures?.incomingBytes} bytes that nobody writes`,
    )
    const incoming = server.disk.files('storage/incoming')
    must(incoming.length === 0, 'bound', `left of writes that nobody goes on with: ${incoming.join(', ')}`)
  }
}

/** While clients work. */
export function checkPeaks(grid: YearsGrid): void {
  const peak = grid.world.peakChannelBytes
  must(peak < CHANNEL_BYTES_MAX, 'bound', `${peak} bytes stood in one channel`)
  const most = Math.max(...grid.servers.map(({ inFlightBytes }) => inFlightBytes))
  must(most < CHANNEL_BYTES_MAX, 'bound', `a server holds ${most} bytes of requests`)
}

/** No share and no slot without a lease that holds, or ran out too lately to have been collected. */
export function checkLeases(server: SimServer, nowSeconds: number): void {
  const leases = new Map<string, number>()
  for (const { key, value } of server.records()) {
    const name = leaseHolder(key)
    if (name === undefined) continue
    leases.set(name, Math.max(leases.get(name) ?? 0, parseLeaseValue(value).expiresAtSeconds))
  }
  const held = [
    ...server.shares().map(({ storageIndex, shareNumber }) => `${storageIndex}.${shareNumber}`),
    ...server.slots(),
  ]
  for (const name of held) {
    const endSeconds = leases.get(name)
    const overSeconds = nowSeconds - (endSeconds ?? 0)
    if (endSeconds !== undefined && overSeconds < COLLECTED_WITHIN_SECONDS) continue
    const why = endSeconds === undefined ? 'has no lease' : `has a lease that ended ${overSeconds} s ago`
    throw new BrokenPromise('kept too long', `${name.slice(0, 8)} stands and ${why}`)
  }
}

/** No plaintext and no key on the disk. */
export function searchDisk(server: SimServer, secrets: Secrets): void {
  for (const { name, bytes } of server.contents()) secrets.search(bytes, name)
}

/** What the index counts is what a count of all shares gives, after the power went. A count puts rotten shares aside. */
export async function checkIndex(server: SimServer): Promise<void> {
  if (server.hasRotted) return
  await server.losePower()
  await server.restart()
  const opened = server.figures
  await server.losePower()
  await server.restart({ rebuildIndex: true })
  const rebuilt = server.figures
  const isSame = opened?.usedBytes === rebuilt?.usedBytes && opened?.shareCount === rebuilt?.shareCount
  must(isSame, 'loss', `the index says ${JSON.stringify(opened)}, the shares say ${JSON.stringify(rebuilt)}`)
}

/** The share or slot that the entry of an index is a lease on. */
function leaseHolder(key: Uint8Array): string | undefined {
  if (key[0] === LEASE_KEYS.gte[0]) {
    const { storageIndex, shareNumber } = parseLeaseKey(key).address
    return `${toBase32(storageIndex)}.${shareNumber}`
  }
  return key[0] === SLOT_LEASE_KEYS.gte[0] ? toBase32(parseSlotKey(key).publicKey) : undefined
}
