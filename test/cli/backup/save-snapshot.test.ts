import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { InvalidInputError, type SnapshotContent } from '#crypto'
import { ConflictError } from '#node'
import { planBackup } from '../../../cli/backup/backup-plan.ts'
import type { BackupArgs } from '../../../cli/backup/invocation.ts'
import { Problems } from '../../../cli/backup/problems.ts'
import type { ParentSnapshot, RepositoryWriter } from '../../../cli/backup/repository/types.ts'
import { saveSnapshot } from '../../../cli/backup/save-snapshot.ts'
import type { CommandContext } from '../../../cli/context.ts'
import { Home } from '../../../cli/home.ts'
import { Output } from '../../../cli/output.ts'
import { Roots } from '../../../cli/roots.ts'
import { MemoryRepository } from '../../support/memory-repository.ts'

const ARGS = {
  verb: 'backup',
  home: undefined,
  json: false,
  quiet: true,
  acceptRollback: false,
  repository: undefined,
  paths: ['.'],
  excludes: [],
  excludeFiles: [],
  excludeCaches: false,
  oneFileSystem: false,
  tags: [],
  host: undefined,
  dryRun: false,
  force: false,
  create: false,
  progress: false,
  timer: undefined,
} as const

/** A repository with snapshots, whose prunes come in between as often as they are told to. */
function writerOf(options: { parent?: ParentSnapshot; refusals?: number } = {}) {
  const published: SnapshotContent[] = []
  let refusals = options.refusals ?? 0
  const repository = new MemoryRepository()
  const { blobs, traffic } = repository
  const writer: RepositoryWriter = {
    blobs,
    traffic,
    putContent: (source, more) => repository.putContent(source, more),
    putTree: (entries, more) => repository.putTree(entries, more),
    hasContent: (content) => repository.hasContent(content),
    readTree: (content, more) => repository.readTree(content, more),
    parentOf: async () => options.parent,
    publish: async (snapshot) => {
      if (refusals > 0) {
        refusals -= 1
        throw new ConflictError('a prune took something')
      }
      published.push(snapshot)
      return { ...snapshot, id: 'k3f7qxma' }
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
  return { writer, published, repository }
}

let folder: string
let home: Home
let context: CommandContext
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-save-'))
  home = new Home(join(folder, 'home'))
  await writeFile(join(folder, 'file'), 'content')
  context = {
    output: new Output({ json: false, quiet: true }),
    signal: new AbortController().signal,
    home,
    roots: new Roots(home),
    acceptRollback: false,
    openFiles: () => Promise.reject(new Error('no grid here')),
  }
})
afterEach(() => rm(folder, { recursive: true }))

const save = async (writer: RepositoryWriter, args: Partial<BackupArgs> = {}) => {
  const whole = { ...ARGS, paths: [folder], ...args }
  const problems = new Problems(context.output)
  return saveSnapshot(writer, await planBackup(whole, home), { args: whole, problems, context })
}

describe('saveSnapshot', () => {
  test('publishes what was saved, and says since when', async () => {
    const first = writerOf()
    const saved = await save(first.writer, { tags: ['a'], host: 'h' })
    expect(saved.snapshot?.id).toBe('k3f7qxma')
    expect(first.published).toMatchObject([
      { host: 'h', tags: ['a'], paths: [folder], totals: { files: 1, newFiles: 1 } },
    ])
    expect(first.published[0]?.parent).toBeUndefined()
    const [before] = first.published
    if (before === undefined) throw new Error('a snapshot wanted')
    const second = writerOf({ parent: { id: 'before', takenAtMilliseconds: Date.now(), root: before.root } })
    await save(second.writer)
    expect(second.published).toMatchObject([{ parent: 'before' }])
  })

  test('begins again when a prune has come in between, and gives up in the end', async () => {
    const twice = writerOf({ refusals: 2 })
    expect((await save(twice.writer)).snapshot).toBeDefined()
    expect(twice.published.length).toBe(1)
    await expect(save(writerOf({ refusals: 3 }).writer)).rejects.toThrow('a prune took something')
  })

  test('publishes nothing in a dry run', async () => {
    const { writer, published } = writerOf()
    const { snapshot, totals } = await save(writer, { dryRun: true })
    expect(snapshot).toBeUndefined()
    expect(totals).toMatchObject({ files: 1, newFiles: 1, addedBytes: expect.any(Number) })
    expect(published).toEqual([])
  })
})

describe('planBackup', () => {
  test('makes paths absolute, each once, and takes the name of the machine', async () => {
    const plan = await planBackup({ ...ARGS, paths: ['/b/../a', '/b', '/a'] }, home)
    expect(plan).toMatchObject({ host: hostname(), paths: ['/a', '/b'] })
  })

  test('gathers rules, and leaves out what is of the home alone', async () => {
    const file = join(folder, 'rules')
    await writeFile(file, '# for the backup\n*.tmp\n\n!keep.tmp\n')
    const plan = await planBackup({ ...ARGS, excludeFiles: [file], excludes: ['/proc'] }, home)
    expect(plan.exclude).toEqual(['*.tmp', '!keep.tmp', '/proc'])
    expect(plan.leaveOut.map((path) => Buffer.from(path).toString().slice(home.folder.length))).toEqual([
      '/spool',
      '/backup',
      '/storage',
    ])
  })

  test.each([
    ['a host without a name', { host: '' }],
    ['a host of a very long name', { host: 'h'.repeat(256) }],
    ['a very long tag', { tags: ['t'.repeat(256)] }],
    ['very many tags', { tags: Array.from({ length: 65 }, (_, index) => `${index}`) }],
    ['a path that is too long', { paths: [`/${'p'.repeat(4096)}`] }],
    ['very many paths', { paths: Array.from({ length: 4097 }, (_, index) => `/${index}`) }],
    ['an empty pattern', { excludes: ['/'] }],
    ['a file of patterns that is not there', { excludeFiles: ['/nowhere/rules'] }],
  ])('refuses %s before anything is read', async (_what, args) => {
    await expect(planBackup({ ...ARGS, ...args }, home)).rejects.toThrow(InvalidInputError)
  })
})
