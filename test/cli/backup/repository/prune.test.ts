/** What is freed, what is spared, what is undone; the rest is in history.test.ts. */
import { describe, expect, test } from 'vitest'
import { IntegrityError, toVerifyCapability } from '#crypto'
import { whileOpen } from '#node'
import { openReader } from '../../../../cli/backup/repository/reader.ts'
import { SimRandom } from '../../../sim/sim-random.ts'
import {
  putFolder,
  readFolder,
  type SavedFolder,
  saveFolder,
  snapshotOf,
} from '../../../support/saved-folders.ts'
import { newRepository, type SimRepository } from '../../../support/sim-home.ts'

const HOUR = 3600 * 1000
const random = new SimRandom(11)
const NOW = { keepUnfinishedMilliseconds: 0 }

function newFolder(count = 3): SavedFolder {
  return Object.fromEntries(
    Array.from({ length: count }, (_, number) => [`file-${number}`, random.bytes(2000)]),
  )
}

/** Names in `data/`, of one kind. */
function names(world: SimRepository, ending: string): readonly string[] {
  return [...world.grid.directory(world.dataKey()).children.keys()].filter((name) => name.endsWith(ending))
}

async function restored({ grid, capability }: SimRepository, id: string): Promise<SavedFolder> {
  const reader = await openReader(grid.filesOf(undefined), capability)
  return whileOpen(reader, async () => {
    for await (const snapshot of reader.snapshots()) {
      if ('error' in snapshot) throw snapshot.error
      if (snapshot.id === id) return readFolder(reader, snapshot.root)
    }
    throw new Error('the snapshot is not listed')
  })
}

describe('a prune', () => {
  test('frees what was forgotten, and a dry run says so before', async () => {
    const world = await newRepository()
    const home = world.newHome()
    const folder = newFolder()
    const first = await home.session((repository) => saveFolder(repository, newFolder()))
    const second = await home.session((repository) => saveFolder(repository, folder))
    await home.session(async (repository) => {
      expect(await repository.prune(NOW)).toMatchObject({ snapshots: 2, packs: 4, freed: 0, repacked: 0 })
      await repository.forget([first.id, first.id, 'aaaaaaaaaaaaaaaaaaaaaaaaaa'])
      const dry = await repository.prune({ ...NOW, dryRun: true })
      expect(dry).toMatchObject({ snapshots: 1, packs: 4, freed: 2, kept: 0 })
      expect(names(world, '.pack')).toHaveLength(4)
      expect(await repository.prune(NOW)).toEqual(dry)
    })
    expect(names(world, '.pack')).toHaveLength(2)
    expect(names(world, '.freeing')).toEqual([])
    expect(names(world, '.freed')).toHaveLength(1)
    expect(await restored(world, second.id)).toEqual(folder)
  })

  test('leaves alone what a backup that is not done may want', async () => {
    const world = await newRepository()
    const home = world.newHome()
    const folder = newFolder()
    await home.session(async (repository) => {
      await putFolder(repository, folder)
      await repository.blobs.flush()
    })
    const other = world.newHome()
    await other.session(async (repository) => {
      expect(await repository.prune()).toMatchObject({ kept: 2, freed: 0 })
    })
    world.grid.nowMilliseconds += 8 * 24 * HOUR
    await other.session(async (repository) => {
      expect(await repository.prune()).toMatchObject({ kept: 0, freed: 2 })
    })
    // Whoever had it in mind puts it again.
    const again = await home.session((repository) => saveFolder(repository, folder))
    expect(await restored(world, again.id)).toEqual(folder)
  })

  test('moves what is needed out of packs that are mostly waste', async () => {
    const world = await newRepository()
    const home = world.newHome()
    const kept = random.bytes(2000)
    const first = await home.session((repository) => saveFolder(repository, { ...newFolder(9), kept }))
    const second = await home.session((repository) => saveFolder(repository, { kept }))
    await home.session(async (repository) => {
      await repository.forget([first.id])
      expect(await repository.prune({ ...NOW, repackBelow: 0 })).toMatchObject({ repacked: 0, freed: 1 })
      const report = await repository.prune(NOW)
      expect(report).toMatchObject({ repacked: 1, freed: 1 })
      expect(report.bytesNow).toBeLessThan(5000)
      expect(await repository.check({ read: { percent: 100 } })).toMatchObject({ problems: 0 })
    })
    expect(await restored(world, second.id)).toEqual({ kept })
  })

  test('frees nothing while a snapshot cannot be read as a whole', async () => {
    const world = await newRepository()
    const home = world.newHome()
    const first = await home.session((repository) => saveFolder(repository, newFolder()))
    const broken = await home.session((repository) => saveFolder(repository, newFolder()))
    await home.session((repository) => repository.forget([first.id]))
    const isTreePack = (bytes: Uint8Array) =>
      bytes.length < 1000 && Buffer.from(bytes.subarray(-8)).toString() === 'cairnpk1'
    expect(world.grid.loseFile(isTreePack)).toBe(2)
    const fresh = world.newHome()
    await fresh.session(async (repository) => {
      await expect(repository.prune(NOW)).rejects.toThrow(IntegrityError)
      await expect(repository.prune(NOW)).rejects.toThrow(/nothing can be pruned/)
      expect(names(world, '.pack')).toHaveLength(4)
      await repository.forget([broken.id])
      expect(await repository.prune(NOW)).toMatchObject({ snapshots: 0 })
    })
  })

  test('that died is undone, and what it took out is read meanwhile', async () => {
    const world = await newRepository()
    const home = world.newHome()
    const folder = newFolder()
    const snapshot = await home.session((repository) => saveFolder(repository, folder))
    // As a prune leaves it that dies just after it has taken packs out.
    const key = world.dataKey()
    const changes = [...world.grid.directory(key).children.values()]
      .filter(({ name }) => name.endsWith('.pack'))
      .map(({ name }) => ({
        kind: 'rename' as const,
        from: name,
        to: `${name.slice(0, 26)}-${'a'.repeat(26)}.freeing`,
        ifExists: 'refuse' as const,
      }))
    expect(changes).toHaveLength(2)
    world.grid.edit(key, changes, new Map())
    expect(await restored(world, snapshot.id)).toEqual(folder)
    await home.session(async (repository) => {
      const problems: string[] = []
      await repository.check({ onProblem: ({ kind }) => void problems.push(kind) })
      expect(problems).toContain('missing-pack')
    })
    expect(names(world, '.pack')).toEqual([])
    world.grid.nowMilliseconds += 7 * HOUR
    await home.session(async () => undefined)
    expect(names(world, '.pack')).toHaveLength(2)
    expect(names(world, '.freeing')).toEqual([])
    expect(home.warnings.join()).toMatch(/a prune has not ended/)
    expect(await restored(world, snapshot.id)).toEqual(folder)
  })

  test('can be taken back as long as leases last: readers find what was let go of', async () => {
    const world = await newRepository()
    const home = world.newHome()
    const folder = newFolder()
    const snapshot = await home.session((repository) => saveFolder(repository, folder))
    await home.session(async (repository) => {
      await repository.forget([snapshot.id])
      expect(await repository.prune(NOW)).toMatchObject({ freed: 2 })
    })
    const again = await world.newHome().session((repository) => repository.publish(snapshotOf(snapshot.root)))
    expect(await restored(world, again.id)).toEqual(folder)
    // The next prune finds that they are needed, and has them again.
    await home.session(async (repository) => {
      expect(await repository.prune(NOW)).toMatchObject({ freed: 0 })
      expect(await repository.check()).toMatchObject({ problems: 0 })
    })
    expect(names(world, '.pack')).toHaveLength(2)
  })

  test('drops its records when nothing can be left of what they tell of', async () => {
    const world = await newRepository()
    const home = world.newHome()
    const snapshot = await home.session((repository) => saveFolder(repository, newFolder()))
    await home.session(async (repository) => {
      await repository.forget([snapshot.id])
      await repository.prune(NOW)
    })
    expect(names(world, '.freed')).toHaveLength(1)
    const start = world.grid.nowMilliseconds
    for (const days of [20, 40, 61]) {
      world.grid.nowMilliseconds = start + days * 24 * HOUR
      for (const file of world.grid.below(toVerifyCapability(world.capability))) world.grid.renew(file)
    }
    await home.session((repository) => repository.prune(NOW))
    expect(names(world, '.freed')).toHaveLength(1)
    world.grid.nowMilliseconds += 25 * HOUR
    await home.session((repository) => repository.prune(NOW))
    expect(names(world, '.freed')).toEqual([])
  })

  test('writes index files anew that tell of what is gone', async () => {
    const world = await newRepository()
    const home = world.newHome()
    const first = await home.session((repository) => saveFolder(repository, newFolder()))
    await home.session((repository) => saveFolder(repository, newFolder()))
    const before = names(world, '.index')
    await home.session(async (repository) => {
      await repository.forget([first.id])
      await repository.prune(NOW)
    })
    const after = names(world, '.index')
    expect(before).toHaveLength(2)
    expect(after).toHaveLength(1)
    const fresh = world.newHome()
    await fresh.session(async (repository) => {
      expect(await repository.check({ read: { percent: 100 } })).toMatchObject({ problems: 0, packsRead: 2 })
    })
    expect(fresh.warnings).toEqual([])
  })
})
