/** Slots stand in level alone: they must outlast whatever happens to the storage around them. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { type SlotRecord, utf8 } from '#crypto'
import {
  LEASE_DURATION_DEFAULT_SECONDS,
  NoSpaceError,
  SMALL_SHARE_LIMIT_BYTES,
  type Storage,
  type StorageServer,
} from '#node'
import { slotKey, slotLeaseKey } from '../../../node/storage/index-keys.ts'
import { StoragePaths } from '../../../node/storage/paths.ts'
import { PowerLossError, SimDisk } from '../../sim/disk.ts'
import { type MadeShare, makeShares, putShare, shareAt } from '../../support/make-shares.ts'
import { testRecord, testSlot } from '../../support/make-slots.ts'
import { openStorage, ShiftedClock, SIM_FOLDER } from '../../support/storages.ts'

const paths = new StoragePaths(SIM_FOLDER)
const HOUR_SECONDS = 3600

async function opened(disk: SimDisk, options: Parameters<typeof openStorage>[1] = {}): Promise<Storage> {
  const storage = await openStorage(disk, options)
  onTestFinished(async () => storage[Symbol.asyncDispose]())
  return storage
}

function write(server: StorageServer, record: SlotRecord, leaseDurationSeconds = HOUR_SECONDS) {
  return server.writeSlot({ record: record.bytes, leaseDurationSeconds })
}

async function held(storage: Storage, { publicKey }: Pick<SlotRecord, 'publicKey'>) {
  const [record] = await storage.forAccount('reader').readSlots([publicKey])
  return record
}

function storeOf(disk: SimDisk) {
  const store = disk.memory.folderAt(paths.index)?.store
  if (store === undefined) throw new Error('the disk has no index')
  return store
}

async function aShare(): Promise<MadeShare> {
  return shareAt(await makeShares({ seed: 'beside slots', sizeBytes: 3000 }), 0)
}

async function spoilVersion(disk: SimDisk): Promise<void> {
  await storeOf(disk).put(Uint8Array.of(1, ...utf8('version')), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 99))
}

describe('slots outlast', () => {
  interface Case {
    readonly what: string
    readonly isClosed: boolean
    readonly happens: (disk: SimDisk) => void | Promise<void>
  }
  const cases: readonly Case[] = [
    { what: 'a closing in order', isClosed: true, happens: () => undefined },
    { what: 'a loss of power', isClosed: false, happens: (disk) => disk.crash() },
    { what: 'the end of the process', isClosed: false, happens: (disk) => disk.killProcess() },
    { what: 'an index that is distrusted', isClosed: true, happens: () => undefined },
    { what: 'an index of another version', isClosed: true, happens: spoilVersion },
  ]
  test.for(cases)('$what, with their leases and in every sum', async ({ what, isClosed, happens }) => {
    const disk = new SimDisk({ capacityBytes: 1e8 })
    const clock = new ShiftedClock()
    const smallShareMaxBytes = SMALL_SHARE_LIMIT_BYTES
    const first = await openStorage(disk, { clock, smallShareMaxBytes })
    const [alice, bob] = [first.forAccount('alice'), first.forAccount('bob')]
    const share = await aShare()
    await putShare(alice, share)
    const records = Array.from({ length: 5 }, (_, number) => testRecord(testSlot(`slot ${number}`), 3))
    for (const record of records) await write(alice, record)
    const [shared, cancelled] = [records[1], records[2]]
    if (shared === undefined || cancelled === undefined) throw new Error('there are records')
    await write(bob, shared, 3 * HOUR_SECONDS)
    await alice.updateLeases([{ action: 'cancel', address: { publicKey: cancelled.publicKey } }])
    const before = await first.status()
    expect(before.shareCount).toBe(1)
    const slotBytes = records.reduce((sum, { bytes }) => sum + bytes.length, 0)
    expect(before.usedBytes).toBe(share.file.length + slotBytes)
    if (isClosed) await first[Symbol.asyncDispose]()

    await happens(disk)
    const rebuildIndex = what === 'an index that is distrusted'
    const second = await opened(disk, { clock, smallShareMaxBytes, rebuildIndex })
    for (const record of records) expect(await held(second, record)).toEqual(record.bytes)
    const { usedBytes, shareCount, accounts } = await second.status()
    expect({ usedBytes, shareCount }).toEqual({ usedBytes: before.usedBytes, shareCount: 1 })
    const slotCharges = (status: typeof accounts, account: string) =>
      status.find((use) => use.account === account)?.chargedBytes
    expect(slotCharges(accounts, 'bob')).toBe(shared.bytes.length)
    // What is left of leases on shares, other tests say.
    if (!what.includes('version')) expect(accounts).toEqual(expect.arrayContaining([...before.accounts]))

    expect((await second.collect()).freedSlots).toBe(1)
    expect(await held(second, cancelled)).toBeUndefined()
    clock.shiftMilliseconds += 2 * HOUR_SECONDS * 1000
    expect((await second.collect()).freedSlots).toBe(3)
    expect(await held(second, shared)).toEqual(shared.bytes)
    clock.shiftMilliseconds += 2 * HOUR_SECONDS * 1000
    expect((await second.collect()).freedSlots).toBe(1)
  })

  test('a loss of power at any step: what was acknowledged stands, record and lease together', async () => {
    const keys = testSlot('crash')
    const records = [1, 2, 3, 4].map((sequence) => testRecord(keys, sequence, { padBytes: 100 * sequence }))
    let steps = 0
    for (let stepNumber = 0; ; stepNumber += 1) {
      const disk = new SimDisk({ capacityBytes: 1e8 })
      let acknowledged = 0
      let asked = 0
      disk.onStep = ({ number }) => {
        if (number === stepNumber) disk.powerOff()
      }
      let storage: Storage | undefined
      let hasEnded = false
      try {
        storage = await openStorage(disk)
        for (const [place, record] of records.entries()) {
          asked = record.sequence
          await write(storage.forAccount(place % 2 === 0 ? 'alice' : 'bob'), record)
          acknowledged = record.sequence
        }
        hasEnded = true
      } catch (error) {
        if (!(error instanceof PowerLossError)) throw error
      }
      await storage?.[Symbol.asyncDispose]().catch(() => undefined)
      disk.onStep = undefined
      await disk.crash(() => stepNumber % 2 === 0)

      await using second = await openStorage(disk)
      const record = await held(second, keys)
      const sequence = records.find(({ bytes }) => bytes.length === record?.length)?.sequence ?? 0
      expect([acknowledged, asked]).toContain(sequence)
      if (sequence > 0) expect(record).toEqual(records[sequence - 1]?.bytes)
      const { usedBytes, accounts } = await second.status()
      expect(usedBytes).toBe(record?.length ?? 0)
      const charged = accounts.map(({ account, chargedBytes }) => [account, chargedBytes])
      const writers = ['alice', 'bob'].slice(0, Math.min(sequence, 2))
      expect(charged.toSorted()).toEqual(writers.map((account) => [account, usedBytes]))
      steps += 1
      if (hasEnded) break
    }
    expect(steps).toBeGreaterThan(10)
  })
})

describe('a slot', () => {
  test('costs one index batch, and slots that are written together share theirs', async () => {
    const disk = new SimDisk({ capacityBytes: 1e8 })
    const server = (await opened(disk)).forAccount('alice')
    const batches = async (work: () => Promise<unknown>) => {
      const kinds: string[] = []
      disk.onStep = ({ kind }) => kinds.push(kind)
      await work()
      disk.onStep = undefined
      return kinds.filter((kind) => kind !== 'index').length === 0 ? kinds.length : kinds
    }
    const records = Array.from({ length: 100 }, (_, number) => testRecord(testSlot(`batch ${number}`), 1))
    const [first] = records
    if (first === undefined) throw new Error('there are records')
    expect(await batches(() => write(server, first))).toBe(1)
    const together = await batches(() => Promise.all(records.map((record) => write(server, record))))
    expect(together).toBeLessThan(10)
  })

  test('whose record has rotted takes a good one, of any sequence', async () => {
    const disk = new SimDisk({ capacityBytes: 1e8 })
    const storage = await opened(disk)
    const server = storage.forAccount('alice')
    const keys = testSlot('rot')
    const record = testRecord(keys, 7, { padBytes: 300 })
    for (const offset of [0, 5, 36, 40, 50, 74, 150, record.bytes.length - 1]) {
      await write(server, record)
      const rotten = record.bytes.with(offset, (record.bytes[offset] ?? 0) ^ 1)
      await storeOf(disk).put(slotKey(keys.publicKey), rotten)
      expect(await held(storage, keys)).toEqual(rotten)
      expect(await write(server, record)).toEqual({ accepted: true })
      expect(await held(storage, keys)).toEqual(record.bytes)
    }
    await storeOf(disk).put(slotKey(keys.publicKey), record.bytes.subarray(0, 90))
    const first = testRecord(keys, 1)
    expect(await write(server, first)).toEqual({ accepted: true })
    expect(await held(storage, keys)).toEqual(first.bytes)
  })

  test('that lost its leases is kept for a while, and leases without a slot are dropped', async () => {
    const disk = new SimDisk({ capacityBytes: 1e8 })
    const clock = new ShiftedClock()
    const first = await openStorage(disk, { clock })
    const [kept, lost] = [testRecord(testSlot('kept'), 1), testRecord(testSlot('lost'), 1)]
    for (const record of [kept, lost]) await write(first.forAccount('alice'), record)
    await first[Symbol.asyncDispose]()
    await storeOf(disk).del(slotLeaseKey(kept.publicKey, 'alice'))
    await storeOf(disk).del(slotKey(lost.publicKey))
    await storeOf(disk).put(new Uint8Array([6, 1, 2]), new Uint8Array(9))
    await storeOf(disk).put(new Uint8Array([7, 1, 2]), new Uint8Array(8))

    const second = await opened(disk, { clock, rebuildIndex: true })
    const { length } = kept.bytes
    expect(await second.status()).toMatchObject({
      usedBytes: length,
      accounts: [{ account: '', chargedBytes: length }],
    })
    expect(await storeOf(disk).get(slotLeaseKey(lost.publicKey, 'alice'))).toBeUndefined()
    clock.shiftMilliseconds += (LEASE_DURATION_DEFAULT_SECONDS - 60) * 1000
    expect((await second.collect()).freedSlots).toBe(0)
    clock.shiftMilliseconds += 120_000
    expect(await second.collect()).toEqual({ freedShares: 0, freedSlots: 1, freedBytes: length })
    expect(await second.status()).toMatchObject({ usedBytes: 0, accounts: [] })
  })

  test('finds no room beyond what is lent, and gives its room back', async () => {
    const disk = new SimDisk({ capacityBytes: 1e8 })
    const clock = new ShiftedClock()
    const storage = await opened(disk, { clock, lentBytes: 2500 })
    const server = storage.forAccount('alice')
    const records = [1, 2, 3].map((number) => testRecord(testSlot(`lent ${number}`), 1, { padBytes: 800 }))
    const settled = await Promise.allSettled(records.map((record) => write(server, record)))
    const refused = settled.filter(({ status }) => status === 'rejected')
    expect(refused).toMatchObject([{ reason: expect.any(NoSpaceError) }])
    const { freeBytes } = await storage.status()
    expect(freeBytes).toBe(2500 - 2 * (records[0]?.bytes.length ?? 0))
    clock.shiftMilliseconds += 2 * HOUR_SECONDS * 1000
    expect((await storage.collect()).freedSlots).toBe(2)
    expect((await storage.status()).freeBytes).toBe(2500)
  })

  test('that cannot be committed leaves the sums as they were', async () => {
    const disk = new SimDisk({ capacityBytes: 1e8 })
    const storage = await opened(disk)
    const record = testRecord(testSlot('failing'), 1)
    disk.onStep = ({ kind }) => {
      if (kind === 'index') throw new Error('the disk fails')
    }
    await expect(write(storage.forAccount('alice'), record)).rejects.toThrow('the disk fails')
    disk.onStep = undefined
    expect(await storage.status()).toMatchObject({ usedBytes: 0, accounts: [] })
    await write(storage.forAccount('alice'), record)
    expect((await storage.status()).usedBytes).toBe(record.bytes.length)
  })
})
