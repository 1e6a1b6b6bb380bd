import { describe, expect, test } from 'vitest'
import { PACK_FOOTER_SIZE_BYTES } from '#crypto'
import type { CheckOptions, CheckProblem } from '../../../../cli/backup/repository/types.ts'
import { SimRandom } from '../../../sim/sim-random.ts'
import { saveFolder } from '../../../support/saved-folders.ts'
import { newRepository, type SimRepository } from '../../../support/sim-home.ts'

const random = new SimRandom(13)
const FOLDER = { top: random.bytes(2000), below: { inner: random.bytes(2500) } }

/** By a home that knows nothing yet. */
async function problemsOf(
  world: SimRepository,
  options: CheckOptions = {},
): Promise<readonly CheckProblem[]> {
  const problems: CheckProblem[] = []
  await world.newHome().session(async (repository) => {
    const report = await repository.check({ ...options, onProblem: (problem) => void problems.push(problem) })
    expect(report.problems).toBe(problems.length)
  })
  return problems
}

async function newWorld() {
  const world = await newRepository()
  const snapshot = await world.newHome().session((repository) => saveFolder(repository, FOLDER))
  return { world, snapshot }
}

function isPack(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(-8)).toString() === 'cairnpk1'
}

const isDataPack = (bytes: Uint8Array): boolean => isPack(bytes) && bytes.length > 4000
const isTreePack = (bytes: Uint8Array): boolean => isPack(bytes) && bytes.length < 1000

function textOf(path: Uint8Array | undefined): string {
  return new TextDecoder().decode(path)
}

describe('a check', () => {
  test('of a repository that is whole finds nothing', async () => {
    const { world } = await newWorld()
    await world.newHome().session(async (repository) => {
      const report = await repository.check({ read: { percent: 100 } })
      // Two folders, two files.
      expect(report).toMatchObject({ snapshots: 1, packs: 2, blobs: 4, packsRead: 2, problems: 0 })
      expect(report.bytesRead).toBeGreaterThan(4500)
    })
  })

  test('reads as many packs as are wanted, the same for the same seed', async () => {
    const world = await newRepository()
    const home = world.newHome()
    for (let time = 0; time < 10; time += 1) {
      await home.session((repository) => saveFolder(repository, { file: random.bytes(2000) }))
    }
    await home.session(async (repository) => {
      const readBy = async (read: CheckOptions['read'], seed: string) => {
        const { packsRead, bytesRead } = await repository.check({ read, seed })
        return { packsRead, bytesRead }
      }
      expect(await readBy({ percent: 0 }, 'a')).toEqual({ packsRead: 0, bytesRead: 0 })
      expect((await readBy({ percent: 100 }, 'a')).packsRead).toBe(20)
      expect((await readBy({ bytes: 1 }, 'a')).packsRead).toBe(1)
      const some = await readBy({ percent: 30 }, 'a')
      expect(some.packsRead).toBeGreaterThan(2)
      expect(some.packsRead).toBeLessThan(14)
      expect(await readBy({ percent: 30 }, 'a')).toEqual(some)
    })
  })

  test('says which snapshot and which file a damaged blob hits', async () => {
    const { world, snapshot } = await newWorld()
    world.grid.damage(isDataPack, (bytes) => bytes.fill(0, 2100, 2200))
    expect(await problemsOf(world)).toEqual([])
    const [problem, ...others] = await problemsOf(world, { read: { percent: 100 } })
    expect(others).toEqual([])
    expect(problem).toMatchObject({ kind: 'damaged-blob', snapshotId: snapshot.id })
    expect(['/top', '/below/inner']).toContain(textOf(problem?.path))
  })

  test('says what a pack hits that cannot be read', async () => {
    const { world, snapshot } = await newWorld()
    world.grid.loseFile(isDataPack)
    const [problem, ...others] = await problemsOf(world)
    expect(others).toEqual([])
    expect(problem).toMatchObject({ kind: 'unreadable-pack', snapshotId: snapshot.id })
    expect(['/top', '/below/inner']).toContain(textOf(problem?.path))
  })

  test('says where a folder cannot be read', async () => {
    const { world, snapshot } = await newWorld()
    world.grid.loseFile(isTreePack)
    const problems = await problemsOf(world)
    expect(problems.map(({ kind }) => kind).sort()).toEqual(['damaged-tree', 'unreadable-pack'])
    expect(problems.find(({ kind }) => kind === 'damaged-tree')).toMatchObject({ snapshotId: snapshot.id })
  })

  test('says what nobody has', async () => {
    const { world, snapshot } = await newWorld()
    const data = world.dataKey()
    const packs = [...world.grid.directory(data).children.values()].filter(({ name, capability }) => {
      return (
        name.endsWith('.pack') && capability.kind === 'file' && isDataPack(world.grid.bytesOf(capability))
      )
    })
    expect(packs).toHaveLength(1)
    const removals = packs.map(({ name }) => ({ kind: 'remove', name, ifMissing: 'refuse' }) as const)
    world.grid.edit(data, removals, new Map())
    const problems = await problemsOf(world)
    expect(problems.map(({ kind }) => kind)).toEqual(['missing-blob', 'missing-blob'])
    expect(problems.map(({ path }) => textOf(path)).sort()).toEqual(['/below/inner', '/top'])
    expect(new Set(problems.map(({ snapshotId }) => snapshotId))).toEqual(new Set([snapshot.id]))
  })

  test('says that index files and snapshots cannot be read', async () => {
    const { world, snapshot } = await newWorld()
    const isIndex = (bytes: Uint8Array) => Buffer.from(bytes.subarray(0, 8)).toString() === 'cairnix1'
    expect(world.grid.loseFile(isIndex)).toBe(1)
    const problems = await problemsOf(world)
    // The file, and the two packs that it told of.
    expect(problems.map(({ kind }) => kind)).toEqual(Array(3).fill('unreadable-index'))
    expect(world.grid.loseFile((bytes) => Buffer.from(bytes).includes('unmodified'))).toBe(1)
    expect(await problemsOf(world)).toContainEqual(
      expect.objectContaining({ kind: 'unreadable-snapshot', snapshotId: snapshot.id }),
    )
  })

  test('says that a pack is not what it is called', async () => {
    const { world } = await newWorld()
    world.grid.damage(isPack, (bytes) => bytes.fill(0, -PACK_FOOTER_SIZE_BYTES))
    const problems = await problemsOf(world, { read: { percent: 100 } })
    expect(problems.map(({ kind }) => kind)).toEqual(['unreadable-pack', 'unreadable-pack'])
  })
})
