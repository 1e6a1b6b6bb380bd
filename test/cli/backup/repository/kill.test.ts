/** A backup that is killed at each of its steps in turn, and done again by the same home. */
import { describe, expect, test } from 'vitest'
import {
  type DirectoryWriteCapability,
  PACK_FOOTER_SIZE_BYTES,
  packTableRange,
  parsePackTable,
  toBase32,
} from '#crypto'
import { whileOpen } from '#node'
import { createRepository, openRepository } from '../../../../cli/backup/repository/open-repository.ts'
import { openReader } from '../../../../cli/backup/repository/reader.ts'
import { SimDisk } from '../../../sim/disk.ts'
import { SimRandom } from '../../../sim/sim-random.ts'
import { readFolder, type SavedFolder, saveFolder } from '../../../support/saved-folders.ts'
import { SimGrid } from '../../../support/sim-files.ts'
import { SimProcess, SimProcesses } from '../../../support/sim-processes.ts'

const random = new SimRandom(7)
const FOLDER: SavedFolder = Object.fromEntries(
  Array.from({ length: 9 }, (_, number) => [`file-${number}`, random.bytes(900)]),
)
/** One file more, before all others: packs that are made anew are other packs. */
const WITH_ANOTHER: SavedFolder = { another: random.bytes(500), ...FOLDER }

interface Backup {
  readonly folder: SavedFolder
  readonly killAfter: number
  readonly crash: boolean
}

/** @returns whether it came to its end */
async function backUp(world: World, { folder, killAfter, crash }: Backup): Promise<boolean> {
  const { grid, disk, capability, processes } = world
  const process = new SimProcess('home', processes, () => disk.powerOff())
  process.killAfter(killAfter)
  disk.onStep = () => process.step()
  const work = async (): Promise<void> => {
    const place = { folder: 'backup', disk, clock: grid.clock }
    const repository = await openRepository(grid.filesOf(process), capability, {
      place,
      packCloseBytes: 2000,
    })
    await whileOpen(repository, () => saveFolder(repository, folder))
  }
  try {
    await processes.run(work())
    return true
  } catch (error) {
    if (!process.isDead) throw error
    return false
  } finally {
    disk.onStep = undefined
    if (process.isDead && crash) await disk.crash(() => random.below(2) === 0)
    else if (process.isDead) disk.killProcess()
  }
}

interface World {
  readonly grid: SimGrid
  readonly disk: SimDisk
  readonly capability: DirectoryWriteCapability
  readonly processes: SimProcesses
  /** Of every pack that was ever stored. */
  readonly stored: string[]
}

async function newWorld(): Promise<World> {
  const grid = new SimGrid(new SimRandom(3))
  const { capability } = await createRepository(grid.filesOf(undefined), { clock: grid.clock })
  const stored: string[] = []
  grid.onStored = (bytes) => {
    if (!isPack(bytes)) return
    const { start, end } = packTableRange(bytes.subarray(-PACK_FOOTER_SIZE_BYTES), bytes.length)
    for (const { id, plainSizeBytes } of parsePackTable(bytes.subarray(start, end)).rows) {
      // What fills up a pack of one blob is in many.
      if (plainSizeBytes > 1) stored.push(toBase32(id))
    }
  }
  const disk = new SimDisk({ capacityBytes: 1e9 })
  return { grid, disk, capability, processes: new SimProcesses(new SimRandom(9)), stored }
}

function isPack(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(-8)).toString() === 'cairnpk1'
}

describe.each([
  ['by SIGKILL', false],
  ['by a loss of power', true],
])('a backup that is killed %s', (_, crash) => {
  test('sends nothing twice when it is done again, wherever it was', async () => {
    let killAfter = 0
    for (let isDone = false; !isDone; killAfter += 2) {
      const world = await newWorld()
      isDone = await backUp(world, { folder: FOLDER, killAfter, crash })
      await backUp(world, { folder: WITH_ANOTHER, killAfter: Number.MAX_SAFE_INTEGER, crash })
      const twice = world.stored.filter((id, place) => world.stored.indexOf(id) < place)
      expect({ killAfter, twice: twice.length }).toEqual({ killAfter, twice: 0 })
      const reader = await openReader(world.grid.filesOf(undefined), world.capability)
      await whileOpen(reader, async () => {
        const found = []
        for await (const snapshot of reader.snapshots()) {
          if ('error' in snapshot) throw snapshot.error
          found.push(await readFolder(reader, snapshot.root))
        }
        expect(found).toContainEqual(WITH_ANOTHER)
        if (isDone) expect(found).toContainEqual(FOLDER)
      })
    }
    expect(killAfter).toBeGreaterThan(50)
  })

  test('gets to its end though it is killed again and again', async () => {
    const world = await newWorld()
    let kills = 0
    // Each life is a little longer than the last: some step is always new.
    while (!(await backUp(world, { folder: FOLDER, killAfter: 20 + 2 * kills, crash }))) kills += 1
    expect(kills).toBeGreaterThan(3)
    expect(new Set(world.stored).size).toBe(world.stored.length)
  })
})
