import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Content } from '#crypto'
import { printablePath } from '../../../cli/backup/byte-path.ts'
import { chooseFiles, drill } from '../../../cli/backup/drill.ts'
import { saveTree } from '../../../cli/backup/save-tree.ts'
import { MemoryRepository } from '../../support/memory-repository.ts'

const ODD = Buffer.from('odd \xff [x]*?\\!\n', 'latin1')
const SLASH = Buffer.from('/')
const SIZE = { seed: 'seed', files: 100, sizeMaxBytes: 1e6 }

let place: string
let source: string
let target: string
let repository: MemoryRepository
let problems: string[]

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'cairn-drill-test-'))
  source = join(place, 'source')
  target = join(place, 'target')
  await mkdir(join(source, 'below'), { recursive: true })
  for (let number = 0; number < 20; number += 1) await writeFile(join(source, `${number}`), `file ${number}`)
  await writeFile(join(source, 'below', 'large'), Buffer.alloc(100_000, 7))
  await writeFile(Buffer.concat([Buffer.from(`${source}/`), ODD]), 'odd')
  repository = new MemoryRepository()
  problems = []
})
afterEach(() => rm(place, { recursive: true }))

async function save(): Promise<{ root: Content }> {
  return saveTree(repository, { paths: [Buffer.from(source)] })
}

/** In latin1. Node's own way to read folders in folders fails at the first, if the path is of bytes. */
async function filesBelow(folder: Buffer): Promise<string[]> {
  const files: string[] = []
  for (const entry of await readdir(folder, { encoding: 'buffer', withFileTypes: true })) {
    const name = entry.name.toString('latin1')
    if (!entry.isDirectory()) files.push(name)
    else
      for (const below of await filesBelow(Buffer.concat([folder, SLASH, entry.name])))
        files.push(`${name}/${below}`)
  }
  return files
}

async function run(snapshot: { root: Content }, files = 100) {
  const { chosen } = await chooseFiles(repository, snapshot, { ...SIZE, files })
  const report = await drill(repository, snapshot, {
    chosen,
    target,
    onProgress: () => undefined,
    onProblem: ({ path, error }) => problems.push(`${printablePath(path)}: ${error}`),
  })
  return { chosen, report }
}

describe('a drill', () => {
  test('restores all that was chosen and nothing else, and finds it right', async () => {
    const { chosen, report } = await run(await save(), 21)
    expect(report).toMatchObject({ right: 21, same: 21, notCompared: 0, problems: 0 })
    const restored = await filesBelow(Buffer.from(join(target, source)))
    const names = chosen.map(({ path }) =>
      Buffer.from(path)
        .toString('latin1')
        .slice(source.length + 1),
    )
    expect(restored.sort()).toEqual(names.sort())
  })

  test('takes names with anything in them as they are', async () => {
    const { chosen, report } = await run(await save())
    expect(chosen.length).toBe(22)
    expect(report).toMatchObject({ right: 22, same: 22, problems: 0 })
  })

  test('leaves files alone that have changed since, or have gone', async () => {
    const snapshot = await save()
    await writeFile(join(source, '0'), 'changed')
    await rm(join(source, '1'))
    // Touched, and set back: only the time of change tells.
    await utimes(join(source, '2'), 1, 1)
    expect((await run(snapshot)).report).toMatchObject({ right: 22, same: 19, notCompared: 3, problems: 0 })
  })

  test('fails for what the repository has lost or holds otherwise, and goes on with the rest', async () => {
    const snapshot = await save()
    const { chosen } = await chooseFiles(repository, snapshot, SIZE)
    const [lost, false_] = chosen.filter(({ sizeBytes }) => sizeBytes > 0)
    if (lost?.entry.content === undefined || false_?.entry.content === undefined)
      throw new Error('two files wanted')
    repository.lose(lost.entry.content)
    repository.falsify(false_.entry.content)
    const { report } = await run(snapshot)
    expect(report).toMatchObject({ problems: 2, same: 20 })
    const wrong = printablePath(false_.path)
    expect(problems.sort()).toEqual([
      expect.stringMatching(/^.*: IntegrityError: this machine has other bytes/),
      expect.stringContaining(`${join(target, printablePath(lost.path))}: NotFoundError`),
    ])
    expect(problems[0]).toContain(wrong)
  })

  test('of nothing is done at once', async () => {
    const empty = { root: (await repository.putTree([])).content }
    expect((await run(empty)).report).toMatchObject({ right: 0, problems: 0 })
  })
})

describe('chooseFiles', () => {
  test('takes what there is room for', async () => {
    const snapshot = await save()
    const small = await chooseFiles(repository, snapshot, { ...SIZE, sizeMaxBytes: 20 })
    expect(small.files).toBe(22)
    expect(small.chosen.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBeLessThanOrEqual(20)
    expect(small.leftOut).toBe(22 - small.chosen.length)
    expect((await chooseFiles(repository, snapshot, { ...SIZE, files: 7 })).chosen.length).toBe(7)
  })

  test('takes the same for the same seed', async () => {
    const snapshot = await save()
    const pathsOf = async (seed: string) =>
      (await chooseFiles(repository, snapshot, { ...SIZE, seed, files: 5 })).chosen.map(({ path }) =>
        printablePath(path),
      )
    expect(await pathsOf('a')).toEqual(await pathsOf('a'))
    expect(await pathsOf('a')).not.toEqual(await pathsOf('b'))
  })
})
