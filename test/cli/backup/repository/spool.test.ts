import { describe, expect, test } from 'vitest'
import { asBlobId, type BlobEntry, concat, equalBytes, IntegrityError } from '#crypto'
import { Spool } from '../../../../cli/backup/repository/spool.ts'
import { SimDisk } from '../../../sim/disk.ts'
import { SimRandom } from '../../../sim/sim-random.ts'
import { collect } from '../../../support/grid-stages.ts'

const random = new SimRandom(1)
const newDisk = () => new SimDisk({ capacityBytes: 1e8 })

interface Blob {
  readonly entry: BlobEntry
  readonly bytes: Uint8Array
}

/** Its id is its first bytes: so whoever verifies has something to look at. */
function newBlob(sizeBytes = 100_000): Blob {
  const bytes = random.bytes(sizeBytes)
  const id = asBlobId(bytes.slice(0, 32))
  return {
    bytes,
    entry: { kind: 'data', compression: 'stored', id, storedSizeBytes: sizeBytes, plainSizeBytes: sizeBytes },
  }
}

async function verify({ id }: BlobEntry, stored: Uint8Array): Promise<void> {
  if (!equalBytes(id, stored.subarray(0, 32))) throw new IntegrityError('it is something else')
}

async function spooled(disk: SimDisk, blobs: readonly Blob[]) {
  const spool = await Spool.open(disk, 'spool')
  const pack = spool.create()
  for (const { entry, bytes } of blobs) await pack.append(entry, bytes)
  return pack
}

describe('the spool', () => {
  test('gives back a pack that an earlier session has closed, and its blobs at all times', async () => {
    const disk = newDisk()
    const blobs = [newBlob(), newBlob(40), newBlob(70), newBlob(80_000)]
    const pack = await spooled(disk, blobs)
    const offsets = blobs.map((_, place) =>
      blobs.slice(0, place).reduce((sum, { bytes }) => sum + bytes.length, 0),
    )
    for (const [place, { bytes }] of blobs.entries()) {
      expect(await pack.read(offsets[place] ?? 0, bytes.length)).toEqual(bytes)
    }
    const closed = await pack.close()
    const again = await collect((await Spool.open(disk, 'spool')).closed(verify))
    expect(again.map(({ table }) => table)).toEqual([closed.table])
    const whole = concat(...(await collect(again[0]?.source.open() ?? closed.source.open())))
    expect(whole.length).toBe(closed.table.packSizeBytes)
    expect(Buffer.compare(whole.subarray(0, 100_000), blobs[0]?.bytes ?? whole)).toBe(0)
    await again[0]?.remove()
    expect(await disk.list('spool')).toEqual([])
  })

  test('drops what was not closed', async () => {
    const disk = newDisk()
    await spooled(disk, [newBlob()])
    expect(await disk.list('spool')).toHaveLength(1)
    const spool = await Spool.open(disk, 'spool')
    expect(await disk.list('spool')).toEqual([])
    const discarded = spool.create()
    await discarded.append(newBlob().entry, random.bytes(100_000))
    await discarded.discard()
    expect(await disk.list('spool')).toEqual([])
  })

  test('finds out a pack that is torn or changed, wherever it is', async () => {
    for (let place = 0; place < 40; place += 1) {
      const disk = newDisk()
      const { table } = await (await spooled(disk, [newBlob(300), newBlob(200)])).close()
      const [path] = disk.files('spool')
      if (path === undefined) throw new Error('a pack was spooled')
      // The first bytes of each blob, table or footer: what a verifier of blobs looks at here.
      const spots = [
        0,
        31,
        300,
        331,
        table.packSizeBytes - 1,
        table.packSizeBytes - 20,
        table.packSizeBytes - 90,
      ]
      const spot = spots[place % spots.length] ?? 0
      disk.flipBit(path, spot * 8 + random.below(8))
      expect(await collect((await Spool.open(disk, 'spool')).closed(verify))).toEqual([])
      expect(await disk.list('spool')).toEqual([])
    }
  })

  test('has a pack whole or not at all after a loss of power', async () => {
    let steps = 0
    for (let isDone = false; !isDone; steps += 1) {
      const disk = newDisk()
      await disk.makeFolder('spool')
      await disk.syncFolder('.')
      let left = steps
      disk.onStep = () => {
        left -= 1
        if (left < 0) disk.powerOff()
      }
      const work = spooled(disk, [newBlob(), newBlob()]).then((pack) => pack.close())
      const closed = await work.catch(() => undefined)
      disk.onStep = undefined
      await disk.crash(() => random.below(2) === 0)
      const found = await collect((await Spool.open(disk, 'spool')).closed(verify))
      if (closed !== undefined) expect(found.map(({ table }) => table)).toEqual([closed.table])
      else expect(found.length).toBeLessThan(2)
      isDone = closed !== undefined
    }
    expect(steps).toBeGreaterThan(5)
  })
})
