/** I2 under loss of power: after a crash at any step of the disk, every share is old or new, and never half. */
import { describe, expect, test } from 'vitest'
import { equalBytes } from '#crypto'
import { SMALL_SHARE_LIMIT_BYTES, type Storage } from '#node'
import { StoragePaths } from '../../../node/storage/paths.ts'
import { PowerLossError, SimDisk } from '../../sim/disk.ts'
import { blockWrite, type MadeShare, makeShares, putShare, shareAt } from '../../support/make-shares.ts'
import { openStorage, ShiftedClock, SIM_FOLDER } from '../../support/storages.ts'

const paths = new StoragePaths(SIM_FOLDER)
const HOUR_SECONDS = 3600
const encoding = { neededShares: 1, totalShares: 3, segmentSizeBytes: 1024 }

interface Shares {
  readonly first: MadeShare
  /** In the bucket of the first. */
  readonly neighbour: MadeShare
  /** Large enough to be written in several appends. */
  readonly large: MadeShare
  /** Its lease runs out. */
  readonly passing: MadeShare
}

/** What a client knows of a share: it was told that it is there and leased, saw it there, was told it is gone… */
type Told = 'absent' | 'asked' | 'seen' | 'visible' | 'collecting' | 'gone'

interface Life {
  readonly told: Map<MadeShare, Told>
  readonly disk: SimDisk
  readonly clock: ShiftedClock
  /** Where small shares stand: 0, in files. */
  readonly smallShareMaxBytes: number
  storage: Storage | undefined
}

async function makeAll(): Promise<Shares> {
  const small = await makeShares({ seed: 'crash', sizeBytes: 1500, encoding })
  const large = await makeShares({
    seed: 'crash large',
    sizeBytes: 150_000,
    encoding: { ...encoding, segmentSizeBytes: 50_000 },
  })
  const passing = await makeShares({ seed: 'crash passing', sizeBytes: 10, encoding })
  return {
    first: shareAt(small, 0),
    neighbour: shareAt(small, 1),
    large: shareAt(large, 2),
    passing: shareAt(passing, 0),
  }
}

function newLife(smallShareMaxBytes: number): Life {
  return {
    smallShareMaxBytes,
    told: new Map(),
    disk: new SimDisk({ capacityBytes: 1e8 }),
    clock: new ShiftedClock(),
    storage: undefined,
  }
}

/** A day of a server, with everything in it that changes its disk. */
async function live(life: Life, shares: Shares): Promise<void> {
  const { told, disk, clock, smallShareMaxBytes } = life
  // A life before this one ended in order: its word must not count for this one.
  life.storage = await openStorage(disk, { clock, smallShareMaxBytes })
  await life.storage[Symbol.asyncDispose]()
  const storage = await openStorage(disk, { clock, smallShareMaxBytes })
  life.storage = storage
  const alice = storage.forAccount('alice')
  const put = async (share: MadeShare, leaseDurationSeconds: number) => {
    told.set(share, 'asked')
    await putShare(alice, share, { leaseDurationSeconds })
    told.set(share, 'visible')
  }
  await put(shares.passing, HOUR_SECONDS)
  await put(shares.first, 100 * HOUR_SECONDS)
  const half = alice.writeShare({
    ...shares.large.address,
    uploadId: new Uint8Array(16),
    expectedSizeBytes: 0,
  })
  await half.open()
  await half.writeBlock(blockWrite(shares.large, 0))
  await Promise.all([put(shares.neighbour, 100 * HOUR_SECONDS), put(shares.large, 100 * HOUR_SECONDS)])
  await half.abort()
  clock.shiftMilliseconds += 2 * HOUR_SECONDS * 1000
  told.set(shares.passing, 'collecting')
  await storage.collect()
  told.set(shares.passing, 'gone')
  await storage[Symbol.asyncDispose]()
}

async function liveUntil(life: Life, shares: Shares, stepNumber: number): Promise<void> {
  life.disk.onStep = ({ number }) => {
    if (number === stepNumber) life.disk.powerOff()
  }
  try {
    await live(life, shares)
  } catch (error) {
    if (!(error instanceof PowerLossError)) throw error
  }
  await life.storage?.[Symbol.asyncDispose]().catch(() => undefined)
  life.disk.onStep = undefined
}

async function checkAfter(life: Life, shares: Shares): Promise<void> {
  const { disk, told, clock, smallShareMaxBytes } = life
  await using storage = await openStorage(disk, { clock, smallShareMaxBytes })
  const alice = storage.forAccount('alice')
  const visible: MadeShare[] = []
  for (const share of Object.values(shares)) {
    const { storageIndex, root, shareNumber } = share.address
    const [listed = []] = await alice.listShares([{ storageIndex, root }])
    const isListed = listed.some((entry) => entry.shareNumber === shareNumber)
    if (isListed) visible.push(share)
    const known = told.get(share) ?? 'absent'
    if (known === 'visible' || known === 'seen') expect(isListed).toBe(true)
    if (known === 'absent' || known === 'gone') expect(isListed).toBe(false)
  }
  const inFiles = visible.filter((share) => share.file.length > smallShareMaxBytes)
  expect(disk.files(paths.shares)).toEqual(inFiles.map(({ address }) => paths.shareFile(address)).toSorted())
  for (const { address, file } of inFiles) {
    const stored = disk.memory.fileAt(paths.shareFile(address))
    expect(stored !== undefined && equalBytes(stored.slice(0, stored.sizeBytes), file)).toBe(true)
  }
  for (const { address } of visible) expect(await alice.scrubShare(address)).toEqual({ healthy: true })
  expect(disk.files(paths.incoming)).toEqual([])
  expect(disk.files(paths.corrupt)).toEqual([])
  const usedBytes = visible.reduce((sum, share) => sum + share.file.length, 0)
  expect(await storage.status()).toMatchObject({ usedBytes, shareCount: visible.length, incomingBytes: 0 })
  // What was acknowledged is leased to its account still.
  const { accountUsedBytes } = await alice.status()
  const toldBytes = visible
    .filter((share) => told.get(share) === 'visible')
    .reduce((sum, share) => sum + share.file.length, 0)
  expect(accountUsedBytes).toBeGreaterThanOrEqual(toldBytes)
  expect(accountUsedBytes).toBeLessThanOrEqual(usedBytes)
  for (const share of Object.values(shares)) await putShare(alice, share)
  expect((await storage.status()).shareCount).toBe(4)
}

/** The same coin every time for the same seed. */
function coin(seed: number): () => boolean {
  let state = seed * 2654435761 + 1
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >= 2 ** 31
  }
}

async function countSteps(shares: Shares, smallShareMaxBytes: number): Promise<number> {
  const life = newLife(smallShareMaxBytes)
  await live(life, shares)
  return life.disk.stepCount
}

const leftovers: readonly (readonly [string, (stepNumber: number) => () => boolean])[] = [
  ['nothing that was not synced', () => () => false],
  ['everything', () => () => true],
  ['some of what was not synced', coin],
  ['some other of it', (stepNumber) => coin(stepNumber + 1_000_000)],
]

describe.for([0, SMALL_SHARE_LIMIT_BYTES])('small shares of at most %i bytes in the index:', (small) => {
  test.for(leftovers)('a crash at any step that keeps %s leaves old or new', async ([, keep]) => {
    const shares = await makeAll()
    const stepCount = await countSteps(shares, small)
    expect(stepCount).toBeGreaterThan(40)
    for (let stepNumber = 0; stepNumber <= stepCount; stepNumber += 1) {
      const life = newLife(small)
      await liveUntil(life, shares, stepNumber)
      await life.disk.crash(keep(stepNumber))
      await checkAfter(life, shares)
    }
  })

  test('a crash while a crash is mended is mended too', async () => {
    const shares = await makeAll()
    const stepCount = await countSteps(shares, small)
    for (let stepNumber = 5; stepNumber <= stepCount; stepNumber += 7) {
      for (let mendingStep = 1; mendingStep < 30; mendingStep += 4) {
        const life = newLife(small)
        await liveUntil(life, shares, stepNumber)
        await life.disk.crash(coin(stepNumber))
        const last = life.disk.stepCount + mendingStep
        life.disk.onStep = ({ number }) => {
          if (number === last) life.disk.powerOff()
        }
        const mended = await openStorage(life.disk, { clock: life.clock, smallShareMaxBytes: small }).catch(
          () => undefined,
        )
        life.disk.powerOff()
        await mended?.[Symbol.asyncDispose]().catch(() => undefined)
        life.disk.onStep = undefined
        await life.disk.crash(coin(mendingStep))
        await checkAfter(life, shares)
      }
    }
  })

  test('what is listed after a process was killed outlasts a loss of power', async () => {
    const shares = await makeAll()
    const stepCount = await countSteps(shares, small)
    for (let stepNumber = 0; stepNumber <= stepCount; stepNumber += 1) {
      const life = newLife(small)
      await liveUntil(life, shares, stepNumber)
      life.disk.killProcess()
      const mended = await openStorage(life.disk, { clock: life.clock, smallShareMaxBytes: small })
      for (const share of Object.values(shares)) {
        const { storageIndex, root, shareNumber } = share.address
        const [listed = []] = await mended.forAccount('alice').listShares([{ storageIndex, root }])
        const isListed = listed.some((entry) => entry.shareNumber === shareNumber)
        if (isListed) life.told.set(share, life.told.get(share) === 'visible' ? 'visible' : 'seen')
      }
      life.disk.powerOff()
      await mended[Symbol.asyncDispose]().catch(() => undefined)
      await life.disk.crash()
      await checkAfter(life, shares)
    }
  })

  test('a crash while the index is made anew loses nothing that was acknowledged', async () => {
    const shares = await makeAll()
    for (let mendingStep = 0; mendingStep < 60; mendingStep += 1) {
      const life = newLife(small)
      await live(life, shares)
      const last = life.disk.stepCount + mendingStep
      life.disk.onStep = ({ number }) => {
        if (number === last) life.disk.powerOff()
      }
      const options = { clock: life.clock, smallShareMaxBytes: small, rebuildIndex: true }
      const mended = await openStorage(life.disk, options).catch(() => undefined)
      life.disk.onStep = undefined
      life.disk.powerOff()
      await mended?.[Symbol.asyncDispose]().catch(() => undefined)
      await life.disk.crash(coin(mendingStep))
      await checkAfter(life, shares)
    }
  })

  test('a disk that fails at any step once leaves old or new, and goes on', async () => {
    const shares = await makeAll()
    const stepCount = await countSteps(shares, small)
    for (let stepNumber = 0; stepNumber <= stepCount; stepNumber += 1) {
      const life = newLife(small)
      life.disk.onStep = ({ number }) => {
        if (number === stepNumber) throw new PowerLossError('a fault of the disk')
      }
      await live(life, shares).catch((error: unknown) => {
        if (!(error instanceof PowerLossError)) throw error
      })
      life.disk.onStep = undefined
      await life.storage?.[Symbol.asyncDispose]().catch(() => undefined)
      await checkAfter(life, shares)
    }
  })
})
