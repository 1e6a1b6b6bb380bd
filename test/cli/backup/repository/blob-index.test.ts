import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { formatPackEnd } from '#crypto'
import { type Disk, nodeDisk, whileOpen } from '#node'
import { BlobIndex } from '../../../../cli/backup/repository/blob-index.ts'
import { Cache } from '../../../../cli/backup/repository/cache.ts'
import { SimDisk } from '../../../sim/disk.ts'
import { SimRandom } from '../../../sim/sim-random.ts'
import { randomEntry, randomFile, randomTable } from '../../../support/blob-rows.ts'

const OWNER = new Uint8Array(32).fill(1)

async function withIndex<Result>(
  disk: Disk,
  work: (index: BlobIndex, cache: Cache) => Promise<Result>,
  folder = 'cache',
): Promise<Result> {
  const cache = await Cache.open({ disk, folder, owner: OWNER })
  return whileOpen(cache, async () => work(await BlobIndex.open(cache), cache))
}

const newDisk = () => new SimDisk({ capacityBytes: 1e9 })

describe('the index of blobs', () => {
  test('finds what was entered, also after it was closed', async () => {
    const random = new SimRandom(1)
    const disk = newDisk()
    const table = randomTable(random, 2500)
    const capability = randomFile(random)
    const entered = await withIndex(disk, (index) => index.enter(table, { capability, state: 'unlinked' }))
    await withIndex(disk, async (index) => {
      expect([...index.packs()]).toEqual([entered])
      const found = await index.findMany(table.rows.map(({ id }) => id))
      expect(found.map((one) => one?.place)).toEqual(
        table.rows.map((row, place) => ({ ...row, packNumber: entered.number, row: place })),
      )
      expect(await index.find(randomEntry(random).id)).toBeUndefined()
    })
  })

  test('prefers packs that are linked, and knows all', async () => {
    const random = new SimRandom(2)
    const shared = randomEntry(random)
    const tableWith = (others: number) =>
      formatPackEnd([shared, ...Array.from({ length: others }, () => randomEntry(random))])
    await withIndex(newDisk(), async (index) => {
      const freed = await index.enter(tableWith(1), { capability: randomFile(random), state: 'freed' })
      const linked = await index.enter(tableWith(2), { capability: randomFile(random), state: 'linked' })
      const unlinked = await index.enter(tableWith(3), { capability: randomFile(random), state: 'unlinked' })
      const names = async () => (await index.findAll(shared.id)).map(({ pack }) => pack.name)
      expect(await names()).toEqual([linked.name, unlinked.name, freed.name])
      await index.setState(freed, 'linked')
      expect(await names()).toEqual([[linked.name, freed.name].sort(), unlinked.name].flat())
      await index.drop(linked)
      expect(await names()).toEqual([freed.name, unlinked.name])
    })
  })

  test('forgets a pack with all that only it had', async () => {
    const random = new SimRandom(3)
    const disk = newDisk()
    const table = randomTable(random, 10)
    const capability = randomFile(random)
    await withIndex(disk, async (index, cache) => {
      await index.drop(await index.enter(table, { capability, state: 'linked' }))
      const again = await index.enter(table, { capability, state: 'linked' })
      expect(again.number).toBe(1)
      await index.drop(again)
      await index.sweep()
      const left: unknown[] = []
      for await (const [key] of cache.entries('blob')) left.push(key)
      expect(left).toEqual([])
    })
    // The last number stays taken.
    await withIndex(disk, async (index) => expect(index.numberEnd).toBe(2))
  })

  test('holds two rows of one blob in one pack', async () => {
    const random = new SimRandom(4)
    const entry = randomEntry(random)
    await withIndex(newDisk(), async (index) => {
      await index.enter(formatPackEnd([entry, randomEntry(random), entry]), {
        capability: randomFile(random),
        state: 'linked',
      })
      expect((await index.findAll(entry.id)).map(({ place }) => place.row)).toEqual([0, 2])
    })
  })

  test('says nothing false after a crash, wherever it was', async () => {
    const random = new SimRandom(5)
    let steps = 0
    for (let isDone = false; !isDone; steps += 1) {
      const disk = newDisk()
      const first = randomTable(random, 1200)
      const second = randomTable(random, 1200)
      const capability = randomFile(random)
      let left = steps
      disk.onStep = () => {
        left -= 1
        if (left < 0) disk.powerOff()
      }
      const tables = [first, second]
      const entering = withIndex(disk, async (index) => {
        for (const table of tables) await index.enter(table, { capability, state: 'linked' })
      })
      isDone = await entering.then(
        () => true,
        () => false,
      )
      disk.onStep = undefined
      await disk.crash(() => random.below(3) > 0)
      // Other packs than before come next, under whatever numbers.
      const third = randomTable(random, 700)
      await withIndex(disk, async (index) => {
        await index.enter(third, { capability, state: 'linked' })
        for (const { rows, packId } of [first, second, third]) {
          for (const found of await index.findMany(rows.map(({ id }) => id))) {
            if (found !== undefined) expect(found.pack.packId).toEqual(packId)
          }
        }
      })
    }
    expect(steps).toBeGreaterThan(5)
  })

  test('takes no memory for blobs, whatever their number', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage: () => void = runInNewContext('gc')
    const random = new SimRandom(6)
    const folder = await mkdtemp(join(tmpdir(), 'cairn-index-'))
    try {
      await withIndex(
        nodeDisk,
        async (index) => {
          const { id } = randomEntry(random)
          const enter = async (packs: number) => {
            for (let pack = 0; pack < packs; pack += 1) {
              await index.enter(randomTable(random, 5000), {
                capability: randomFile(random),
                state: 'linked',
              })
              await index.find(id)
            }
          }
          await enter(2)
          collectGarbage()
          const before = process.memoryUsage()
          await enter(9)
          collectGarbage()
          const after = process.memoryUsage()
          expect(after.heapUsed - before.heapUsed).toBeLessThan(4e6)
          expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(4e6)
          expect(index.packCount).toBe(11)
        },
        folder,
      )
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
