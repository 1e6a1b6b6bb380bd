/** Small shares and slots stand in level alone: what of them a damaged database still holds must outlast the damage. */
import { mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { nodeDisk, SMALL_SHARE_LIMIT_BYTES, type Storage } from '#node'
import { type MadeShare, makeShares, putShare, shareAt } from '../../support/make-shares.ts'
import { testRecord, testSlot } from '../../support/make-slots.ts'
import { openStorage } from '../../support/storages.ts'

const SHARE_COUNT = 120

const openIn = (folder: string, rebuildIndex = false): Promise<Storage> =>
  openStorage(nodeDisk, { folder, smallShareMaxBytes: SMALL_SHARE_LIMIT_BYTES, rebuildIndex })

const slots = Array.from({ length: 20 }, (_, number) => testRecord(testSlot(`repair ${number}`), 4))

async function makeMany(): Promise<readonly MadeShare[]> {
  const files = await Promise.all(
    Array.from({ length: SHARE_COUNT / 4 }, (_, number) =>
      makeShares({
        seed: `repair ${number}`,
        sizeBytes: 2000,
        encoding: { neededShares: 2, totalShares: 4, segmentSizeBytes: 2048 },
      }),
    ),
  )
  return files.flatMap((file) => [0, 1, 2, 3].map((shareNumber) => shareAt(file, shareNumber)))
}

/** Half of the shares stand in a table, half in the log; and one large share in a file. */
async function fill(folder: string, shares: readonly MadeShare[], large: MadeShare): Promise<void> {
  const firstHalf = shares.slice(0, SHARE_COUNT / 2)
  for (const half of [firstHalf, [...shares.slice(SHARE_COUNT / 2), large]]) {
    const storage = await openIn(folder)
    for (const share of half) await putShare(storage.forAccount('alice'), share)
    for (const { bytes } of half === firstHalf ? slots.slice(0, 10) : slots.slice(10)) {
      await storage.forAccount('alice').writeSlot({ record: bytes, leaseDurationSeconds: 3600 })
    }
    await storage[Symbol.asyncDispose]()
  }
}

async function filesLike(index: string, pattern: RegExp): Promise<readonly string[]> {
  const paths = (await readdir(index)).filter((name) => pattern.test(name)).map((name) => join(index, name))
  expect(paths.length).toBeGreaterThan(0)
  return paths
}

async function scribble(index: string, pattern: RegExp): Promise<void> {
  const [path = ''] = await filesLike(index, pattern)
  const { size } = await stat(path)
  const file = await open(path, 'r+')
  await file.write(Buffer.alloc(300, 0xa5), 0, 300, Math.floor(size / 2))
  await file.close()
}

const remove = async (index: string, pattern: RegExp): Promise<void> => {
  for (const path of await filesLike(index, pattern)) await rm(path)
}

type Damage = (index: string) => Promise<void>
const rootLost: readonly (readonly [string, Damage])[] = [
  ['CURRENT lost', (index) => remove(index, /^CURRENT$/)],
  ['MANIFEST lost', (index) => remove(index, /^MANIFEST/)],
  ['CURRENT and MANIFEST lost', (index) => remove(index, /^(CURRENT|MANIFEST)/)],
  ['CURRENT pointing nowhere', (index) => writeFile(join(index, 'CURRENT'), 'MANIFEST-777777\n')],
]
const entriesLost: readonly (readonly [string, Damage])[] = [
  ['a table overwritten in the middle', (index) => scribble(index, /\.ldb$/)],
  ['its log overwritten in the middle', (index) => scribble(index, /\.log$/)],
]

async function healthyOf(storage: Storage, shares: readonly MadeShare[]): Promise<readonly MadeShare[]> {
  const healthy: MadeShare[] = []
  for (const share of shares) {
    const outcome = await storage
      .forAccount('alice')
      .scrubShare(share.address)
      .catch(() => undefined)
    if (outcome?.healthy === true) healthy.push(share)
  }
  return healthy
}

async function heldSlots(storage: Storage): Promise<number> {
  let count = 0
  for (const { publicKey, bytes } of slots) {
    const [held] = await storage.forAccount('alice').readSlots([publicKey])
    if (held !== undefined) expect(held).toEqual(bytes)
    if (held !== undefined) count += 1
  }
  return count
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-repair-'))
  try {
    await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

describe('an index with', () => {
  test.for(rootLost)('%s loses no small share, no slot and no lease', async ([, damage]) => {
    await withFolder(async (folder) => {
      const shares = await makeMany()
      const large = shareAt(await makeShares({ seed: 'large', sizeBytes: 100_000 }), 0)
      await fill(folder, shares, large)
      await damage(join(folder, 'index'))
      const storage = await openIn(folder)
      expect(await healthyOf(storage, [...shares, large])).toHaveLength(SHARE_COUNT + 1)
      const { shareCount, accounts } = await storage.status()
      expect(shareCount).toBe(SHARE_COUNT + 1)
      expect(await heldSlots(storage)).toBe(slots.length)
      const chargedBytes =
        [...shares, large].reduce((sum, { file }) => sum + file.length, 0) +
        slots.reduce((sum, { bytes }) => sum + bytes.length, 0)
      expect(accounts).toMatchObject([{ account: 'alice', chargedBytes }])
      await storage[Symbol.asyncDispose]()
    })
  })

  test.for(entriesLost)('%s keeps the small shares and slots that are intact', async ([, damage]) => {
    await withFolder(async (folder) => {
      const shares = await makeMany()
      const large = shareAt(await makeShares({ seed: 'large', sizeBytes: 100_000 }), 0)
      await fill(folder, shares, large)
      await damage(join(folder, 'index'))
      // The first life may only find out what is wrong; the second mends it.
      const first = await openIn(folder)
      const readable = await healthyOf(first, [...shares, large])
      await first[Symbol.asyncDispose]()
      const second = await openIn(folder)
      const healthy = await healthyOf(second, [...shares, large])
      expect(healthy).toEqual(expect.arrayContaining([...readable]))
      // A log loses at most a block of 32 KiB to one bad record, a table one of 4 KiB.
      expect(healthy.length).toBeGreaterThan(SHARE_COUNT / 2)
      expect(healthy).toContain(large)
      expect(await heldSlots(second)).toBeGreaterThan(slots.length / 4)
      for (const { bytes } of slots) {
        const write = { record: bytes, leaseDurationSeconds: 3600 }
        expect(await second.forAccount('alice').writeSlot(write)).toEqual({ accepted: true })
      }
      expect(await heldSlots(second)).toBe(slots.length)
      for (const share of shares) await putShare(second.forAccount('alice'), share)
      expect(await healthyOf(second, [...shares, large])).toHaveLength(SHARE_COUNT + 1)
      await second[Symbol.asyncDispose]()
      // Level passes over a bad record of its log in silence: what was summed up before still counts it.
      const third = await openIn(folder, true)
      expect((await third.status()).shareCount).toBe(SHARE_COUNT + 1)
      await third[Symbol.asyncDispose]()
    })
  })
})
