/** What accounts have used over time, through the life of a storage: kept, crashed, damaged. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Storage } from '#node'
import { accountTimeKey } from '../../../node/storage/index-keys.ts'
import { StoragePaths } from '../../../node/storage/paths.ts'
import { SimDisk } from '../../sim/disk.ts'
import { makeShares, putShare, shareAt } from '../../support/make-shares.ts'
import { openStorage, ShiftedClock, SIM_FOLDER } from '../../support/storages.ts'

const DAY_MILLISECONDS = 24 * 3_600_000

async function opened(disk: SimDisk, clock: ShiftedClock): Promise<Storage> {
  const storage = await openStorage(disk, { clock })
  // One that a crash took cannot be closed in order.
  onTestFinished(() => storage[Symbol.asyncDispose]().catch(() => undefined))
  return storage
}

function byteDaysOf(storage: Storage, account: string): number {
  return storage.accountUses().find((use) => use.account === account)?.time?.byteDays ?? -1
}

async function withShare(): Promise<{ disk: SimDisk; clock: ShiftedClock; storage: Storage; bytes: number }> {
  const disk = new SimDisk({ capacityBytes: 1e8 })
  const clock = new ShiftedClock()
  const storage = await opened(disk, clock)
  const file = await makeShares({
    seed: 'accounts',
    sizeBytes: 50_000,
    encoding: { neededShares: 2, totalShares: 4, segmentSizeBytes: 1024 },
  })
  const share = shareAt(file, 0)
  await putShare(storage.forAccount('ann'), share)
  return { disk, clock, storage, bytes: share.file.length }
}

describe('byte-days of a storage', () => {
  test('follow what is charged, and the account itself is told of its own', async () => {
    const { storage, clock, bytes } = await withShare()
    clock.shiftMilliseconds += 10 * DAY_MILLISECONDS
    // The test itself takes some milliseconds, which a fraction of a day is made of.
    expect(byteDaysOf(storage, 'ann')).toBeCloseTo(10 * bytes, -2)
    expect((await storage.forAccount('ann').status()).accountByteDays).toBeCloseTo(10 * bytes, -2)
    expect((await storage.forAccount('bob').status()).accountByteDays).toBe(0)
  })

  test('outlive a stop in order', async () => {
    const { disk, storage, clock, bytes } = await withShare()
    clock.shiftMilliseconds += 10 * DAY_MILLISECONDS
    await storage[Symbol.asyncDispose]()
    // While it does not run, nothing is counted.
    clock.shiftMilliseconds += 100 * DAY_MILLISECONDS
    expect(byteDaysOf(await opened(disk, clock), 'ann')).toBeCloseTo(10 * bytes, -2)
  })

  test('lose by a crash what came since they were kept, and no more', async () => {
    const { disk, storage, clock, bytes } = await withShare()
    clock.shiftMilliseconds += 10 * DAY_MILLISECONDS
    await storage.keepAccounts()
    clock.shiftMilliseconds += DAY_MILLISECONDS
    await disk.crash()
    expect(byteDaysOf(await opened(disk, clock), 'ann')).toBeCloseTo(10 * bytes, -2)
  })

  test('of a record that cannot be read begin anew, and nothing else is lost', async () => {
    const { disk, storage, clock, bytes } = await withShare()
    await storage[Symbol.asyncDispose]()
    const index = await disk.openIndex(new StoragePaths(SIM_FOLDER).index)
    await index.batch([{ type: 'put', key: accountTimeKey('ann'), value: new Uint8Array(3) }], { sync: true })
    await index.close()
    const again = await opened(disk, clock)
    clock.shiftMilliseconds += 2 * DAY_MILLISECONDS
    expect(byteDaysOf(again, 'ann')).toBeCloseTo(2 * bytes, -2)
    expect((await again.status()).shareCount).toBe(1)
  })
})
