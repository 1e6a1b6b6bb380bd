/** A host with a drop-box, and the owner who collects, killed at each of their steps in turn. */
import { describe, expect, test } from 'vitest'
import type { DirectoryWriteCapability, DropCapability, Snapshot } from '#crypto'
import { whileOpen } from '#node'
import { createDropState, openDropSession } from '../../../../cli/backup/repository/drop-session.ts'
import { createRepository, openRepository } from '../../../../cli/backup/repository/open-repository.ts'
import type { CollectReport } from '../../../../cli/backup/repository/types.ts'
import { SimDisk } from '../../../sim/disk.ts'
import { SimRandom } from '../../../sim/sim-random.ts'
import { readFolder, type SavedFolder, saveFolder } from '../../../support/saved-folders.ts'
import { SimGrid } from '../../../support/sim-files.ts'
import { SimProcess, SimProcesses } from '../../../support/sim-processes.ts'

const NEVER = Number.MAX_SAFE_INTEGER
const random = new SimRandom(5)
const FIRST: SavedFolder = Object.fromEntries(
  Array.from({ length: 5 }, (_, number) => [`file-${number}`, random.bytes(900)]),
)
const SECOND: SavedFolder = { another: random.bytes(500), ...FIRST }

class World {
  readonly grid = new SimGrid(new SimRandom(3))
  readonly #processes = new SimProcesses(new SimRandom(9))
  readonly #host = new SimDisk({ capacityBytes: 1e9 })
  readonly #owner = new SimDisk({ capacityBytes: 1e9 })
  #capability: DirectoryWriteCapability | undefined
  #crash: boolean

  constructor(crash: boolean) {
    this.#crash = crash
  }

  async begin(): Promise<void> {
    const files = this.grid.filesOf(undefined)
    const { capability, drop } = await createRepository(files, { dropBox: true, clock: this.grid.clock })
    this.#capability = capability
    await createDropState(requireDrop(drop), '/state', this.#host)
  }

  /** Undefined: it was killed. */
  backUp(folder: SavedFolder, killAfter: number, takenAtMilliseconds: number): Promise<Snapshot | undefined> {
    return this.#live(this.#host, killAfter, async (process) => {
      const place = { folder: '/backup', disk: this.#host, clock: this.grid.clock }
      const options = { stateFile: '/state', place, packCloseBytes: 2000 }
      const writer = await openDropSession(this.grid.filesOf(process), options)
      return whileOpen(writer, () => saveFolder(writer, folder, { takenAtMilliseconds }))
    })
  }

  collect(killAfter: number, wanted: ReadonlyMap<string, SavedFolder>): Promise<CollectReport | undefined> {
    return this.#live(this.#owner, killAfter, async (process) => {
      const place = { folder: '/backup', disk: this.#owner, clock: this.grid.clock }
      const capability = this.#capability
      if (capability === undefined) throw new Error('the world has begun')
      const repository = await openRepository(this.grid.filesOf(process), capability, { place })
      return whileOpen(repository, async () => {
        const report = await repository.collect()
        const found = new Map<string, SavedFolder>()
        for await (const snapshot of repository.snapshots()) {
          if ('error' in snapshot) throw snapshot.error
          found.set(snapshot.id, await readFolder(repository, snapshot.root))
        }
        for (const [id, folder] of wanted) expect(found.get(id)).toEqual(folder)
        return report
      })
    })
  }

  async #live<Result>(
    disk: SimDisk,
    killAfter: number,
    work: (process: SimProcess) => Promise<Result>,
  ): Promise<Result | undefined> {
    const process = new SimProcess('one', this.#processes, () => disk.powerOff())
    process.killAfter(killAfter)
    disk.onStep = () => process.step()
    try {
      return await this.#processes.run(work(process))
    } catch (error) {
      if (!process.isDead) throw error
      return undefined
    } finally {
      disk.onStep = undefined
      if (process.isDead && this.#crash) await disk.crash(() => random.below(2) === 0)
      else if (process.isDead) disk.killProcess()
    }
  }
}

function requireDrop(drop: DropCapability | undefined): DropCapability {
  if (drop === undefined) throw new Error('a drop-box was asked for')
  return drop
}

describe.each([
  ['by SIGKILL', false],
  ['by a loss of power', true],
])('a host with a drop-box that is killed %s', (_, crash) => {
  test('loses no backup that it was told of, wherever it was', async () => {
    let killAfter = 0
    for (let isDone = false; !isDone; killAfter += 2) {
      const world = new World(crash)
      await world.begin()
      const wanted = new Map<string, SavedFolder>()
      const first = await world.backUp(FIRST, killAfter, 1)
      if (first !== undefined) wanted.set(first.id, FIRST)
      const second = await world.backUp(SECOND, NEVER, 2)
      if (second !== undefined) wanted.set(second.id, SECOND)
      expect(second).toBeDefined()
      expect(await world.collect(NEVER, wanted)).toMatchObject({ refused: [] })
      isDone = first !== undefined
    }
    expect(killAfter).toBeGreaterThan(40)
  })

  test('is collected by an owner who is killed, too', async () => {
    let killAfter = 0
    for (let isDone = false; !isDone; killAfter += 7) {
      const world = new World(crash)
      await world.begin()
      const wanted = new Map<string, SavedFolder>()
      for (const [time, folder] of [FIRST, SECOND].entries()) {
        const snapshot = await world.backUp(folder, NEVER, time)
        if (snapshot !== undefined) wanted.set(snapshot.id, folder)
      }
      isDone = (await world.collect(killAfter, wanted)) !== undefined
      expect(await world.collect(NEVER, wanted)).toMatchObject({ refused: [] })
    }
    expect(killAfter).toBeGreaterThan(40)
  })
})
