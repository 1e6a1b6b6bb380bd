import { describe, expect, test } from 'vitest'
import { IntegrityError, utf8 } from '#crypto'
import { BusyError, whileOpen } from '#node'
import { Cache, NameSet, removeCache } from '../../../../cli/backup/repository/cache.ts'
import { cacheKey } from '../../../../cli/backup/repository/cache-keys.ts'
import { TreeCache } from '../../../../cli/backup/repository/tree-cache.ts'
import { SimDisk } from '../../../sim/disk.ts'
import { SimRandom } from '../../../sim/sim-random.ts'
import { randomEntry } from '../../../support/blob-rows.ts'

const KEY = cacheKey('snapshot', 'name')
const VALUE = utf8('value')
const placeOf = (disk: SimDisk, owner = 1) => ({
  disk,
  folder: 'cache',
  owner: new Uint8Array(32).fill(owner),
})

async function noted(disk: SimDisk): Promise<void> {
  const cache = await Cache.open(placeOf(disk))
  await whileOpen(cache, () => cache.write([{ type: 'put', key: KEY, value: VALUE }], { sync: true }))
}

async function read(disk: SimDisk, owner = 1): Promise<Uint8Array | undefined> {
  const cache = await Cache.open(placeOf(disk, owner))
  return whileOpen(cache, () => cache.get(KEY))
}

describe('the cache', () => {
  test('keeps what was written, for one process at a time', async () => {
    const disk = new SimDisk({ capacityBytes: 1e8 })
    await noted(disk)
    expect(await read(disk)).toEqual(VALUE)
    const cache = await Cache.open(placeOf(disk))
    await expect(Cache.open(placeOf(disk))).rejects.toThrow(BusyError)
    await expect(removeCache(placeOf(disk))).rejects.toThrow(BusyError)
    await cache[Symbol.asyncDispose]()
    await removeCache(placeOf(disk))
    expect(await read(disk)).toBeUndefined()
  })

  test('of another repository is thrown away', async () => {
    const disk = new SimDisk({ capacityBytes: 1e8 })
    await noted(disk)
    expect(await read(disk, 2)).toBeUndefined()
    expect(await read(disk, 1)).toBeUndefined()
  })

  test('that cannot be opened is made anew', async () => {
    const disk = new SimDisk({ capacityBytes: 1e8 })
    await noted(disk)
    disk.damageIndex('cache/index', { isRepairable: false })
    expect(await read(disk)).toBeUndefined()
    await noted(disk)
    expect(await read(disk)).toEqual(VALUE)
  })

  test('that turns out to be damaged is made anew when it is next opened', async () => {
    const disk = new SimDisk({ capacityBytes: 1e8 })
    await noted(disk)
    const cache = await Cache.open(placeOf(disk))
    disk.onStep = ({ kind }) => {
      if (kind === 'index') throw new IntegrityError('the index is damaged')
    }
    const write = cache.write([{ type: 'put', key: KEY, value: VALUE }], { sync: true })
    await expect(write).rejects.toThrow(IntegrityError)
    disk.onStep = undefined
    await cache[Symbol.asyncDispose]()
    expect(await read(disk)).toBeUndefined()
  })

  test('has sets that are empty before and after', async () => {
    const disk = new SimDisk({ capacityBytes: 1e8 })
    const cache = await Cache.open(placeOf(disk))
    await whileOpen(cache, async () => {
      for (let time = 0; time < 2; time += 1) {
        const names = await NameSet.open(cache, 'walked')
        expect(await names.add(VALUE)).toBe(true)
        expect(await names.add(VALUE)).toBe(false)
        expect(await names.add(utf8('another'))).toBe(true)
        await names[Symbol.asyncDispose]()
      }
    })
  })
})

describe('the cache of trees', () => {
  test('keeps the newest, up to so many bytes', async () => {
    const random = new SimRandom(1)
    const disk = new SimDisk({ capacityBytes: 1e8 })
    const blobs = Array.from({ length: 50 }, () => ({
      id: randomEntry(random).id,
      stored: random.bytes(1000),
    }))
    const keptOf = async (trees: TreeCache) => {
      const kept: boolean[] = []
      for (const { id, stored } of blobs) {
        const found = await trees.get(id)
        if (found !== undefined) expect(found).toEqual({ compression: 'zstd', plainSizeBytes: 5000, stored })
        kept.push(found !== undefined)
      }
      return kept
    }
    const wanted = blobs.map((_, place) => place >= 40)
    const open = async (work: (trees: TreeCache) => Promise<void>) => {
      const cache = await Cache.open(placeOf(disk))
      await whileOpen(cache, async () => work(await TreeCache.open(cache, 10_600)))
    }
    await open(async (trees) => {
      for (const { id, stored } of blobs) {
        await trees.keep(id, { compression: 'zstd', plainSizeBytes: 5000, stored })
        await trees.keep(id, { compression: 'stored', plainSizeBytes: 1, stored: Uint8Array.of(1) })
      }
      expect(await keptOf(trees)).toEqual(wanted)
    })
    await open(async (trees) => {
      expect(await keptOf(trees)).toEqual(wanted)
      const [first] = blobs
      if (first === undefined) throw new Error('there are blobs')
      await trees.keep(first.id, { compression: 'zstd', plainSizeBytes: 5000, stored: first.stored })
      expect(await keptOf(trees)).toEqual(wanted.with(0, true).with(40, false))
    })
  })
})
