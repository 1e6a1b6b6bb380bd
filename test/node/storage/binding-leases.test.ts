import { describe, expect, onTestFinished, test } from 'vitest'
import type { ShareAddress, SlotAddress, Storage } from '#node'
import { leaseKey, numberValue, parseLeaseValue } from '../../../node/storage/index-keys.ts'
import { StoragePaths } from '../../../node/storage/paths.ts'
import { SimDisk } from '../../sim/disk.ts'
import { makeShares, putShare, shareAt } from '../../support/make-shares.ts'
import { testRecord, testSlot } from '../../support/make-slots.ts'
import { openStorage, ShiftedClock, SIM_FOLDER } from '../../support/storages.ts'

const DAY_SECONDS = 24 * 3600
const INDEX = new StoragePaths(SIM_FOLDER).index
const ENCODING = { neededShares: 2, totalShares: 4, segmentSizeBytes: 1024 }

interface Held {
  readonly storage: Storage
  readonly disk: SimDisk
  readonly clock: ShiftedClock
  readonly address: ShareAddress | SlotAddress
}

/** A share or a slot on which alice has a lease of a day. */
async function held(what: string): Promise<Held> {
  const disk = new SimDisk({ capacityBytes: 1e8 })
  const clock = new ShiftedClock()
  const storage = await openStorage(disk, {
    clock,
    ...(what === 'a small share' ? { smallShareMaxBytes: 16_384 } : {}),
  })
  onTestFinished(async () => storage[Symbol.asyncDispose]())
  const server = storage.forAccount('alice')
  if (what === 'a slot') {
    const { bytes: record, publicKey } = testRecord(testSlot('bound'), 1)
    await server.writeSlot({ record, leaseDurationSeconds: DAY_SECONDS })
    return { storage, disk, clock, address: { publicKey } }
  }
  const share = shareAt(await makeShares({ seed: 'bound', sizeBytes: 5000, encoding: ENCODING }), 0)
  await putShare(server, share, { leaseDurationSeconds: DAY_SECONDS })
  return { storage, disk, clock, address: share.address }
}

async function ends({ storage, address, clock }: Held, change: object): Promise<number | undefined> {
  const update = { action: 'cancel' as const, address, ...change }
  const [outcome] = await storage.forAccount('alice').updateLeases([update])
  if (outcome?.ok !== true || outcome.expiresAtSeconds === 0) return undefined
  return Math.round((outcome.expiresAtSeconds - clock.now() / 1000) / DAY_SECONDS)
}

const renew = (days: number, binding?: boolean) => ({
  action: 'renew' as const,
  durationSeconds: days * DAY_SECONDS,
  binding,
})

describe.each(['a share in a file', 'a small share', 'a slot'])('a binding lease on %s', (what) => {
  test('can be cancelled once it binds no more', async () => {
    const one = await held(what)
    expect(await ends(one, renew(3, true))).toBe(3)
    expect(await ends(one, {})).toBe(3)
    one.clock.shiftMilliseconds += 2 * DAY_SECONDS * 1000
    expect(await ends(one, renew(5))).toBe(5)
    one.clock.shiftMilliseconds += (DAY_SECONDS + 1) * 1000
    expect(await ends(one, {})).toBeUndefined()
    expect((await one.storage.forAccount('alice').status()).accountUsedBytes).toBe(0)
    const { freedShares, freedSlots } = await one.storage.collect()
    expect(freedShares + freedSlots).toBe(1)
  })

  test('that is cancelled ends when it binds no more, and is collected then', async () => {
    const one = await held(what)
    await ends(one, renew(3, true))
    await ends(one, renew(9))
    expect(await ends(one, {})).toBe(3)
    one.clock.shiftMilliseconds += (3 * DAY_SECONDS - 60) * 1000
    expect((await one.storage.collect()).freedBytes).toBe(0)
    one.clock.shiftMilliseconds += 61 * 1000
    expect((await one.storage.collect()).freedBytes).toBeGreaterThan(0)
    expect((await one.storage.forAccount('alice').status()).accountUsedBytes).toBe(0)
  })

  test.each([false, true])('outlives a restart, with an index made again: %s', async (rebuildIndex) => {
    const one = await held(what)
    await ends(one, renew(3, true))
    await one.storage[Symbol.asyncDispose]()
    const storage = await openStorage(one.disk, { clock: one.clock, rebuildIndex })
    onTestFinished(async () => storage[Symbol.asyncDispose]())
    expect(await ends({ ...one, storage }, {})).toBe(3)
    expect((await storage.status()).accounts).toMatchObject([{ account: 'alice' }])
  })
})

test('a lease as it was written before there were binding ones is read, and can be cancelled or bound', async () => {
  const one = await held('a share in a file')
  if ('publicKey' in one.address) throw new Error('a share was wanted')
  const store = one.disk.memory.folderAt(INDEX)?.store
  const key = leaseKey(one.address, 'alice')
  const before = Math.floor(one.clock.now() / 1000) + 2 * DAY_SECONDS
  await store?.put(key, numberValue(before))
  expect(await ends(one, renew(1))).toBe(2)
  expect(await store?.get(key)).toEqual(numberValue(before))
  expect(await ends(one, renew(1, true))).toBe(2)
  expect(await ends(one, {})).toBe(1)
  const value = (await store?.get(key)) ?? new Uint8Array(0)
  expect(value).toHaveLength(16)
  expect(parseLeaseValue(value).boundUntilSeconds).toBe(parseLeaseValue(value).expiresAtSeconds)
})
