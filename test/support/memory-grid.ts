/** A grid of real storage servers over memory, in one process, with faults in front of each. */
import { ENCODING_DEFAULT, type Encoding } from '#crypto'
import type { Clock, Grid, GridServer, ShareAddress, SlotAddress, UploadSource } from '#node'
import { nativeBulkCrypto } from '../../node/platform/bulk-crypto.ts'
import { systemClock } from '../../node/platform/clock.ts'
import { silentLog } from '../../node/platform/log.ts'
import { MemoryDisk, MemoryFile, type MemoryFolder } from '../../node/platform/memory-disk.ts'
import { systemRandom } from '../../node/platform/random.ts'
import { SlotsSeen } from '../../node/slots/seen.ts'
import {
  parseShareKey,
  parseSlotKey,
  SLOT_KEYS,
  SMALL_KEYS,
  smallKey,
} from '../../node/storage/index-keys.ts'
import { parseBucketName, parseShareName, StoragePaths } from '../../node/storage/paths.ts'
import { Storage } from '../../node/storage/storage.ts'
import { type Fault, FaultyServer } from './faulty-server.ts'

/** 2 of 5, in segments of 4 KiB. */
export const ENCODING: Encoding = {
  ...ENCODING_DEFAULT,
  neededShares: 2,
  totalShares: 5,
  segmentSizeBytes: 4096,
}

const CLIENT = 'client'
const FOLDER = '/storage'

interface Member {
  readonly faulty: FaultyServer
  readonly gridServer: GridServer
  readonly storage: Storage
  readonly disk: MemoryDisk
}

export class MemoryGrid implements Grid, AsyncDisposable {
  readonly random = systemRandom
  readonly log = silentLog
  readonly bulk = nativeBulkCrypto
  readonly clock: Clock
  readonly slotsSeen = new SlotsSeen()
  readonly #members: Member[]
  readonly #shift: { milliseconds: number }

  private constructor(members: Member[], shift: { milliseconds: number }, clock: Clock) {
    this.#members = members
    this.#shift = shift
    this.clock = clock
  }

  static async open(serverCount: number): Promise<MemoryGrid> {
    const shift = { milliseconds: 0 }
    // Leases count seconds from a clock that stands still; durations come from the real one.
    const startedAt = systemClock.now()
    const clock: Clock = { ...systemClock, now: () => startedAt + shift.milliseconds }
    const members = await Promise.all(
      Array.from({ length: serverCount }, (_, number) => openMember(number, clock)),
    )
    return new MemoryGrid(members, shift, clock)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { storage } of this.#members) await storage[Symbol.asyncDispose]()
  }

  /** The same order for every file: the tests know where shares go. */
  ring(): readonly GridServer[] {
    return this.#members.map(({ gridServer }) => gridServer)
  }

  /** The same servers, for a client that remembers nothing of this one. */
  anotherClient(): Grid {
    const { random, log, bulk, clock } = this
    return { random, log, bulk, clock, slotsSeen: new SlotsSeen(), ring: () => this.ring() }
  }

  /** The server loses its disk, and comes back with an empty one. */
  async wipe(number: number): Promise<void> {
    this.#members[number] = await openMember(number, this.clock)
  }

  fault(number: number, fault: Fault): void {
    this.#member(number).faulty.fault = fault
  }

  serverId(number: number): string {
    return this.#member(number).gridServer.serverId
  }

  numberOf(serverId: string): number {
    return this.#members.findIndex(({ gridServer }) => gridServer.serverId === serverId)
  }

  resetCounts(): void {
    for (const { faulty } of this.#members) {
      faulty.blocksRead = 0
      faulty.callCount = 0
      faulty.bytesWritten = 0
    }
  }

  callCount(): number {
    return this.#members.reduce((sum, { faulty }) => sum + faulty.callCount, 0)
  }

  bytesWritten(): number {
    return this.#members.reduce((sum, { faulty }) => sum + faulty.bytesWritten, 0)
  }

  blocksRead(): number {
    return this.#members.reduce((sum, { faulty }) => sum + faulty.blocksRead, 0)
  }

  /** Move the clock on. */
  advance(seconds: number): void {
    this.#shift.milliseconds += seconds * 1000
  }

  async visibleShares(): Promise<number> {
    const counts = await Promise.all(
      this.#members.map(async ({ storage }) => (await storage.status()).shareCount),
    )
    return counts.reduce((sum, count) => sum + count, 0)
  }

  async incomingShares(): Promise<number> {
    const lists = await Promise.all(
      this.#members.map(({ disk }) => disk.list(new StoragePaths(FOLDER).incoming)),
    )
    return lists.reduce((sum, entries) => sum + entries.length, 0)
  }

  /** Servers on which the client has any lease. */
  async leasedShares(): Promise<number> {
    const statuses = await Promise.all(this.#members.map(({ storage }) => storage.status()))
    return statuses.filter(({ accounts }) =>
      accounts.some((use) => use.account === CLIENT && use.chargedBytes > 0),
    ).length
  }

  /** Seconds since 1970 at which the first of the client's leases ends. */
  async earliestLeaseExpiry(): Promise<number> {
    const expiries: number[] = []
    for (const { storage, disk } of this.#members) {
      for (const address of await sharesOn(disk)) {
        // A renewal to an earlier date changes nothing, and tells the date that stands.
        const updates = [{ action: 'renew', address, durationSeconds: 1 }] as const
        for (const outcome of await storage.forAccount(CLIENT).updateLeases(updates)) {
          if (outcome.ok) expiries.push(outcome.expiresAtSeconds)
        }
      }
    }
    return Math.min(...expiries)
  }

  /** Cancel the client's leases on all shares and slots, as whoever has its key can. @returns how many it had */
  async cancelAll(): Promise<{ readonly cancelled: number; readonly bound: number }> {
    let cancelled = 0
    let bound = 0
    for (const { storage, disk } of this.#members) {
      const slots = await slotsOn(disk)
      const updates = [...(await sharesOn(disk)), ...slots].map(
        (address) => ({ action: 'cancel', address }) as const,
      )
      for (const outcome of await storage.forAccount(CLIENT).updateLeases(updates)) {
        if (outcome.ok && outcome.expiresAtSeconds > 0) bound += 1
        else cancelled += 1
      }
    }
    return { cancelled, bound }
  }

  /** Flip a byte in the first block of every share on a server. */
  async damageShare(number: number): Promise<void> {
    const { disk } = this.#member(number)
    const paths = new StoragePaths(FOLDER)
    const store = disk.folderAt(paths.index)?.store
    for (const address of await sharesOn(disk)) {
      const small = await store?.get(smallKey(address))
      if (small === undefined) flipByte(disk, paths.shareFile(address), 100)
      else await store?.put(smallKey(address), small.with(100, (small[100] ?? 0) ^ 1))
    }
  }

  #member(number: number): Member {
    const member = this.#members[number]
    if (member === undefined) throw new Error(`no server ${number}`)
    return member
  }
}

async function openMember(number: number, clock: Clock): Promise<Member> {
  const disk = new MemoryDisk({ capacityBytes: 1e9 })
  const config = {
    folder: FOLDER,
    serverId: `server-${number}`,
    version: 'test',
    lentBytes: undefined,
    reservedBytes: 0,
    quotaBytes: () => undefined,
  }
  const storage = await Storage.open({ disk, clock, log: silentLog, bulk: nativeBulkCrypto, config })
  const faulty = new FaultyServer(storage.forAccount(CLIENT))
  return { faulty, gridServer: faulty.asGridServer(), storage, disk }
}

async function sharesOn(disk: MemoryDisk): Promise<readonly ShareAddress[]> {
  const found: ShareAddress[] = []
  const { shares, index } = new StoragePaths(FOLDER)
  for await (const key of disk.folderAt(index)?.store?.keys(SMALL_KEYS) ?? []) found.push(parseShareKey(key))
  for (const prefix of await disk.list(shares)) {
    for (const bucket of await disk.list(`${shares}/${prefix.name}`)) {
      const storageIndex = parseBucketName(prefix.name, bucket.name)
      if (storageIndex === undefined) continue
      for (const file of await disk.list(`${shares}/${prefix.name}/${bucket.name}`)) {
        const address = parseShareName(storageIndex, file.name)
        if (address !== undefined) found.push(address)
      }
    }
  }
  return found
}

async function slotsOn(disk: MemoryDisk): Promise<readonly SlotAddress[]> {
  const found: SlotAddress[] = []
  const store = disk.folderAt(new StoragePaths(FOLDER).index)?.store
  for await (const key of store?.keys(SLOT_KEYS) ?? []) found.push(parseSlotKey(key))
  return found
}

/** Bytes that differ from segment to segment and from seed to seed. */
export function contentOf(sizeBytes: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, index) => (index * 31 + (index >> 8) * 7 + seed) & 255)
}

export function fileSource(content: Uint8Array): UploadSource {
  return { ...pipeSource(content), sizeBytes: content.length, rereadable: true }
}

/** Comes in runs of odd sizes. */
export function pipeSource(content: Uint8Array): UploadSource {
  return {
    sizeBytes: undefined,
    rereadable: false,
    async *open() {
      for (let start = 0; start < content.length; start += 1777) yield content.slice(start, start + 1777)
    },
  }
}

function flipByte(disk: MemoryDisk, path: string, offset: number): void {
  let entry: MemoryFolder | MemoryFile | undefined = disk.root
  for (const name of path.split('/').filter((part) => part !== '')) {
    entry = entry === undefined || entry instanceof MemoryFile ? undefined : entry.entries.get(name)
  }
  if (!(entry instanceof MemoryFile)) throw new Error(`no file ${path}`)
  const bytes = entry.slice(0, entry.sizeBytes)
  bytes[offset] = (bytes[offset] ?? 0) ^ 1
  entry.parts = [bytes]
}
