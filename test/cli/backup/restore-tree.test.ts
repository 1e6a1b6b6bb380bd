/** Trees of files into a repository and back, judged by find(1), getfattr(1) and sha256sum(1). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Content, EMPTY_CONTENT, type TreeEntry } from '#crypto'
import { MemoryDisk, UnreachableError } from '#node'
import { type LocalSystem, openLocalSystem } from '../../../cli/backup/local/local-system.ts'
import { DRAFT_PREFIX } from '../../../cli/backup/local/target-folder.ts'
import { createRepository, openRepository } from '../../../cli/backup/repository/open-repository.ts'
import { type RestoreOptions, type RestoreReport, restoreTree } from '../../../cli/backup/restore-tree.ts'
import { type SavedTree, type SaveOptions, saveTree } from '../../../cli/backup/save-tree.ts'
import { localStage } from '../../support/grid-stages.ts'
import { MemoryRepository } from '../../support/memory-repository.ts'
import {
  IS_ROOT,
  type ListedEntry,
  listAttributes,
  listDigests,
  listTree,
  makeOddFiles,
  noise,
  removeTree,
} from '../../support/odd-files.ts'

let place: string
let source: string
let target: string
let repository: MemoryRepository
const machine = await openLocalSystem()
/** A restore that waits for the disk each time would make these tests wait for all that others write to it. */
const system: LocalSystem = {
  ...machine,
  native: machine.native && { ...machine.native, syncFileSystem: async () => undefined },
}
const problems: string[] = []

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'cairn-restore-'))
  chmodSync(place, 0o777)
  source = join(place, 'source')
  target = join(place, 'target')
  repository = new MemoryRepository()
  problems.length = 0
})
afterEach(() => removeTree(place))

const onProblem: SaveOptions['onProblem'] = ({ path, error }) => {
  problems.push(`${Buffer.from(path)}: ${error instanceof Error ? error.message : error}`)
}

async function save(options: Partial<SaveOptions> = {}): Promise<SavedTree> {
  return saveTree(repository, { paths: [Buffer.from(source)], system, onProblem, ...options })
}

/** What lies in `source`, as a tree of its own. */
async function treeOf(root: Content): Promise<Content> {
  let tree = root
  for (const name of source.split('/').slice(1)) {
    const entry = (await entriesOf(tree)).find((one) => Buffer.from(one.name).toString() === name)
    tree = entry?.content ?? EMPTY_CONTENT
  }
  return tree
}

async function entriesOf(tree: Content): Promise<readonly TreeEntry[]> {
  const entries: TreeEntry[] = []
  for await (const entry of repository.readTree(tree)) entries.push(entry)
  return entries
}

async function restore(root: Content, options: Partial<RestoreOptions> = {}): Promise<RestoreReport> {
  const to = { target: Buffer.from(target), system, onProblem, ...options }
  return restoreTree(repository, root, to)
}

/** Back up `source` and restore what is in it. */
async function roundTrip(options: Partial<RestoreOptions> = {}): Promise<RestoreReport> {
  const { root } = await save(options.system === undefined ? {} : { system: options.system })
  return restore(await treeOf(root), options)
}

/** As somebody who is not root, if we are. */
async function asUser<Result>(work: (system: LocalSystem) => Promise<Result>): Promise<Result> {
  if (!IS_ROOT) return work(system)
  process.setegid?.(54_321)
  process.seteuid?.(54_321)
  try {
    return await work({ ...system, userId: 54_321 })
  } finally {
    process.seteuid?.(0)
    process.setegid?.(0)
  }
}

describe('a tree of everything odd', () => {
  test('comes back equal in all that is kept', async () => {
    makeOddFiles(source, system)
    const report = await roundTrip({ system: machine })
    expect(problems).toEqual([])
    expect(report.files).toBeGreaterThan(40)
    expect(report.ownersNotKept).toBe(0)
    expect(listTree(target)).toEqual(listTree(source))
    expect(listDigests(target)).toBe(listDigests(source))
    expect(listAttributes(join(target, 'attributes'))).toBe(listAttributes(join(source, 'attributes')))
  })

  test('is left alone by a second restore, which compares every byte when it verifies', async () => {
    makeOddFiles(source, system)
    const { root } = await save()
    const tree = await treeOf(root)
    const first = await restore(tree, { verify: true })
    expect(first.verified).toBe(first.files)
    const before = listTree(target)
    const again = await restore(tree, { verify: true })
    expect(again).toMatchObject({ files: 0, folders: 0, others: 0, hardLinks: 0, bytes: 0, problems: 0 })
    expect(again.unchanged).toBe(first.files + first.others + first.hardLinks)
    expect(again.verified).toBe(first.verified)
    expect(listTree(target)).toEqual(before)
  })

  test('gives holes back as holes', async () => {
    makeOddFiles(source, system)
    await roundTrip()
    for (const name of ['all hole', 'hole first', 'hole in the middle', 'hole last']) {
      const { blocks } = statSync(join(target, 'sparse', name))
      expect(blocks * 512, name).toBeLessThanOrEqual(
        statSync(join(source, 'sparse', name)).blocks * 512 + 65_536,
      )
    }
    expect(statSync(join(target, 'sparse/no hole, only zeros')).blocks * 512).toBeGreaterThanOrEqual(98_304)
  })

  test('comes back without native calls too, but for what is told of', async () => {
    const bare = await openLocalSystem({ native: false })
    expect(bare.notKept).toContain('koffi')
    makeOddFiles(source, bare)
    const report = await roundTrip({ system: bare })
    expect(problems).toEqual([])
    expect(report.notKept).toBe(bare.notKept)
    const [found, wanted] = [listTree(target), listTree(source)]
    const timeless = (entry: ListedEntry) => ({ ...entry, modifiedAt: '' })
    expect(found.map(timeless)).toEqual(wanted.map(timeless))
    // Node sets times to the microsecond; here they are compared as numbers, which are no more exact.
    for (const [index, { modifiedAt, path }] of found.entries()) {
      const apart = Math.abs(Number(modifiedAt) - Number(wanted[index]?.modifiedAt))
      expect(apart, path).toBeLessThan(3e-6)
    }
    expect(listDigests(target)).toBe(listDigests(source))
    const again = await restore(await treeOf((await save({ system: bare })).root), { system: bare })
    expect(again).toMatchObject({ files: 0, folders: 0 })
  })

  test('comes back for who is not root, read-only folders and all, but for owners', async () => {
    const report = await asUser(async (user) => {
      mkdirSync(source)
      mkdirSync(join(source, 'read-only/inside'), { recursive: true })
      writeFileSync(join(source, 'read-only/inside/file'), 'x')
      writeFileSync(join(source, 'nobody reads'), 'x', { mode: 0o200 })
      user.native?.setAttribute(
        Buffer.from(join(source, 'read-only/inside/file')),
        Buffer.from('user.a'),
        Buffer.from('b'),
      )
      chmodSync(join(source, 'read-only/inside/file'), 0o400)
      chmodSync(join(source, 'nobody reads'), 0o000)
      chmodSync(join(source, 'read-only/inside'), 0o555)
      chmodSync(join(source, 'read-only'), 0o500)
      const { root, totals } = await save({ system: user })
      expect(totals.unreadableFiles).toBe(1)
      expect(problems.splice(0)).toEqual([
        expect.stringContaining('nobody reads: permission denied (EACCES)'),
      ])
      const tree = await treeOf(root)
      await restore(tree, { system: user })
      rmSync(join(source, 'nobody reads'), { force: true })
      expect(listTree(target)).toEqual(listTree(source))
      // Once more into the read-only folders: one file is missing now, one is another.
      chmodSync(join(target, 'read-only/inside'), 0o755)
      writeFileSync(join(target, 'read-only/inside/mine'), 'stays')
      rmSync(join(target, 'read-only/inside/file'), { force: true })
      chmodSync(join(target, 'read-only/inside'), 0o555)
      return restore(tree, { system: user })
    })
    expect(problems).toEqual([])
    expect(report).toMatchObject({ files: 1, folders: 0 })
    expect(statSync(join(target, 'read-only/inside')).mode & 0o777).toBe(0o555)
    expect(readFileSync(join(target, 'read-only/inside/mine'), 'utf8')).toBe('stays')
  })

  test.runIf(IS_ROOT)('of others is restored by a user as their own, and runs as nobody else', async () => {
    mkdirSync(source)
    writeFileSync(join(source, 'set-uid'), 'x')
    chmodSync(join(source, 'set-uid'), 0o4755)
    const { root } = await save()
    const report = await asUser(async (user) => restore(await treeOf(root), { system: user }))
    expect(report).toMatchObject({ files: 1, ownersNotKept: 1, problems: 0 })
    const { uid, mode } = statSync(join(target, 'set-uid'))
    expect(uid).toBe(54_321)
    expect(mode & 0o7777).toBe(0o755)
  })
})

describe('into a folder that has things in it', () => {
  async function savedTree(): Promise<Content> {
    return treeOf((await save()).root)
  }

  function put(name: string, content: string, at: string = source): void {
    writeFileSync(join(at, name), content)
  }

  beforeEach(() => {
    mkdirSync(source)
    mkdirSync(target)
  })

  test('what differs is replaced, what is not in the snapshot stays, and nothing is left over', async () => {
    put('same', 'same')
    put('longer', 'new and longer')
    put('other time', 'new!')
    symlinkSync('new', join(source, 'link'))
    const tree = await savedTree()
    await restore(tree)
    put('longer', 'old', target)
    put('other time', 'old!', target)
    put('mine', 'stays', target)
    rmSync(join(target, 'link'))
    symlinkSync('old', join(target, 'link'))
    const report = await restore(tree)
    expect(report).toMatchObject({ files: 2, others: 1, unchanged: 1, problems: 0 })
    expect(readFileSync(join(target, 'mine'), 'utf8')).toBe('stays')
    rmSync(join(target, 'mine'))
    expect(listTree(target)).toEqual(listTree(source))
    expect(listDigests(target)).toBe(listDigests(source))
  })

  test('modes and owners of what is left alone are those of the snapshot again', async () => {
    put('file', 'x')
    chmodSync(join(source, 'file'), 0o640)
    const tree = await savedTree()
    await restore(tree)
    chmodSync(join(target, 'file'), 0o777)
    expect(await restore(tree)).toMatchObject({ files: 0, unchanged: 1 })
    expect(statSync(join(target, 'file')).mode & 0o7777).toBe(0o640)
  })

  test('bytes that changed under the same size and time are found by verifying, and by nothing less', async () => {
    put('file', 'right')
    const tree = await savedTree()
    await restore(tree)
    const { mtimeNs } = lstatSync(join(target, 'file'), { bigint: true })
    put('file', 'wrong', target)
    system.native?.setModifiedAt(Buffer.from(join(target, 'file')), mtimeNs)
    expect(await restore(tree)).toMatchObject({ unchanged: 1, files: 0 })
    expect(readFileSync(join(target, 'file'), 'utf8')).toBe('wrong')
    expect(await restore(tree, { verify: true })).toMatchObject({ unchanged: 0, files: 1, verified: 1 })
    expect(readFileSync(join(target, 'file'), 'utf8')).toBe('right')
  })

  test('never: everything that is there stays as it is', async () => {
    put('there', 'of the snapshot')
    put('missing', 'comes')
    mkdirSync(join(source, 'folder'), { mode: 0o700 })
    const tree = await savedTree()
    put('there', 'mine', target)
    mkdirSync(join(target, 'folder'), { mode: 0o755 })
    expect(await restore(tree, { overwrite: 'never' })).toMatchObject({ files: 1, skipped: 1, folders: 0 })
    expect(readFileSync(join(target, 'there'), 'utf8')).toBe('mine')
    expect(statSync(join(target, 'folder')).mode & 0o777).toBe(0o755)
  })

  test('always: even what looks the same is written anew', async () => {
    put('file', 'x')
    const tree = await savedTree()
    await restore(tree)
    const { ino } = statSync(join(target, 'file'))
    expect(await restore(tree, { overwrite: 'always' })).toMatchObject({ files: 1, unchanged: 0 })
    expect(statSync(join(target, 'file')).ino).not.toBe(ino)
  })

  test('files that were one and are two become one again', async () => {
    put('one', 'x')
    linkSync(join(source, 'one'), join(source, 'two'))
    const tree = await savedTree()
    await restore(tree)
    rmSync(join(target, 'two'))
    put('two', 'x', target)
    utimesSync(join(target, 'two'), 0, statSync(join(target, 'one')).mtimeMs / 1000)
    expect(await restore(tree)).toMatchObject({ files: 0, unchanged: 1, hardLinks: 1 })
    expect(statSync(join(target, 'one')).ino).toBe(statSync(join(target, 'two')).ino)
  })

  test('a folder is never replaced, nor is anything else by a folder', async () => {
    put('file', 'x')
    mkdirSync(join(source, 'folder'))
    put('folder/inside', 'x')
    const tree = await savedTree()
    mkdirSync(join(target, 'file'))
    put('folder', 'a file', target)
    for (const overwrite of ['changed', 'always'] as const) {
      problems.length = 0
      expect(await restore(tree, { overwrite })).toMatchObject({ files: 0, problems: 2 })
      expect(problems).toEqual([
        expect.stringContaining('a folder has this name'),
        expect.stringContaining('a folder is wanted here'),
      ])
    }
    expect(readFileSync(join(target, 'folder'), 'utf8')).toBe('a file')
  })

  test('drafts of a restore that was killed are taken away, and nothing else', async () => {
    mkdirSync(join(source, 'folder'))
    put('folder/file', 'x')
    mkdirSync(join(target, 'folder'))
    for (const at of [target, join(target, 'folder')]) {
      put('.cairn-restore-0123456789abcdef', 'half', at)
      put('.cairn-other', 'mine', at)
    }
    // Older than the restore by as much as a backup takes.
    await restore(await savedTree())
    expect(readdirSync(target).sort()).toEqual(['.cairn-other', 'folder'])
    expect(readdirSync(join(target, 'folder')).sort()).toEqual(['.cairn-other', 'file'])
  })

  test('a dry run says what would come and writes nothing', async () => {
    put('new', 'x')
    put('there', 'x')
    mkdirSync(join(source, 'folder'))
    put('folder/inside', 'xy')
    const tree = await savedTree()
    put('there', 'else', target)
    const before = listTree(target)
    const expected = { files: 3, folders: 1, bytes: 4, problems: 0 }
    expect(await restore(tree, { dryRun: true })).toMatchObject(expected)
    expect(listTree(target)).toEqual(before)
    expect(await restore(tree)).toMatchObject(expected)
    removeTree(target)
    expect(await restore(tree, { dryRun: true })).toMatchObject({ files: 3 })
    expect(readdirSync(place)).toEqual(['source'])
  })
})

describe('part of a tree', () => {
  beforeEach(() => {
    for (const folder of ['a/b/c', 'a/empty', 'other']) mkdirSync(join(source, folder), { recursive: true })
    for (const file of ['a/b/c/one.txt', 'a/b/two.c', 'a/three.txt', 'other/four.txt']) {
      writeFileSync(join(source, file), file)
    }
  })

  async function restored(options: Partial<RestoreOptions>): Promise<readonly string[]> {
    await roundTrip(options)
    expect(problems).toEqual([])
    return listTree(target).map(({ path, kind }) => (kind === 'd' ? `${path}/` : path))
  }

  test('is what a pattern includes, with the folders that lead there', async () => {
    expect(await restored({ include: ['*.txt'] })).toEqual([
      'a/',
      'a/b/',
      'a/b/c/',
      'a/b/c/one.txt',
      'a/three.txt',
      'other/',
      'other/four.txt',
    ])
  })

  test('is all below a folder that is included, less what is excluded', async () => {
    const folders = await restored({ include: ['/a'], exclude: ['c'] })
    expect(folders).toEqual(['a/', 'a/b/', 'a/b/two.c', 'a/empty/', 'a/three.txt'])
  })

  test('reads no tree that a pattern cannot match in', async () => {
    const { root } = await save()
    const tree = await treeOf(root)
    const other = (await entriesOf(tree)).find(({ name }) => Buffer.from(name).toString() === 'other')
    repository.lose(other?.content ?? EMPTY_CONTENT)
    expect(await restore(tree, { include: ['/a/b/two.c'] })).toMatchObject({ files: 1, problems: 0 })
    expect(await restore(tree, { include: ['two.c'] })).toMatchObject({ problems: 1 })
  })

  test('sets metadata on folders that it makes, and leaves those alone that only lead to it', async () => {
    chmodSync(join(source, 'a'), 0o711)
    chmodSync(join(source, 'a/b'), 0o750)
    mkdirSync(join(target, 'a'), { recursive: true, mode: 0o777 })
    chmodSync(join(target, 'a'), 0o777)
    await roundTrip({ include: ['/a/b/two.c'] })
    expect(statSync(join(target, 'a')).mode & 0o777).toBe(0o777)
    expect(statSync(join(target, 'a/b')).mode & 0o777).toBe(0o750)
  })
})

describe('a hostile tree or disk', () => {
  const entry = (name: string, kind: TreeEntry['kind'], more: Partial<TreeEntry> = {}): TreeEntry => ({
    name: Buffer.from(name),
    kind,
    mode: 0o755,
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    modifiedAtNanoseconds: 0n,
    changedAtNanoseconds: 0n,
    inode: 1n,
    device: 0n,
    linkCount: 1,
    ...more,
  })

  async function contentOf(text: string): Promise<Content> {
    return (await repository.putContent(bytesOf(text))).content
  }
  async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
    yield Buffer.from(text)
  }
  const treeWith = async (...entries: readonly TreeEntry[]): Promise<Content> =>
    (await repository.putTree(entries)).content

  test('goes through no symlink that stands where a folder should', async () => {
    const outside = join(place, 'outside')
    mkdirSync(outside)
    mkdirSync(target)
    symlinkSync(outside, join(target, 'folder'))
    const inner = await treeWith(entry('file', 'file', { content: await contentOf('x') }))
    const tree = await treeWith(entry('folder', 'folder', { content: inner }))
    for (const include of [[], ['file']]) {
      expect(await restore(tree, { include })).toMatchObject({ files: 0, folders: 0, problems: 1 })
    }
    expect(readdirSync(outside)).toEqual([])
    expect(lstatSync(join(target, 'folder')).isSymbolicLink()).toBe(true)
  })

  test('replaces a symlink that stands where a file should, and not what it points to', async () => {
    mkdirSync(target)
    writeFileSync(join(place, 'outside'), 'mine')
    symlinkSync(join(place, 'outside'), join(target, 'file'))
    const tree = await treeWith(entry('file', 'file', { content: await contentOf('x'), mode: 0o600 }))
    expect(await restore(tree)).toMatchObject({ files: 1, problems: 0 })
    expect(readFileSync(join(place, 'outside'), 'utf8')).toBe('mine')
    expect(statSync(join(place, 'outside')).mode & 0o777).toBe(0o644)
    expect(readFileSync(join(target, 'file'), 'utf8')).toBe('x')
  })

  test.each(['..', '.', '', 'a/b', '../outside', '/etc/outside', 'a\0b'])(
    'refuses the name %j',
    async (name) => {
      const content = await contentOf('x')
      const reader: Parameters<typeof restoreTree>[0] = {
        readContent: (of, options) => repository.readContent(of, options),
        // A repository that does not look at what it reads.
        async *readTree() {
          yield entry('before', 'file', { content })
          yield entry(name, 'file', { content })
        },
      }
      const report = await restoreTree(reader, EMPTY_CONTENT, {
        target: Buffer.from(target),
        system,
        onProblem,
      })
      expect(report).toMatchObject({ files: 1, problems: 1 })
      expect(readdirSync(target)).toEqual(['before'])
      expect(readdirSync(place).sort()).toEqual(['target'])
    },
  )

  test('writes a file and then a folder of the same name, and not into what it was', async () => {
    const content = await contentOf('x')
    mkdirSync(join(place, 'outside'))
    const inner = await treeWith(entry('file', 'file', { content }))
    const reader: Parameters<typeof restoreTree>[0] = {
      readContent: (of, options) => repository.readContent(of, options),
      async *readTree(tree) {
        if (tree.sizeBytes > 0) return yield* repository.readTree(tree)
        yield entry('a', 'symlink', { target: Buffer.from(join(place, 'outside')) })
        yield entry('a', 'folder', { content: inner })
      },
    }
    const report = await restoreTree(reader, EMPTY_CONTENT, {
      target: Buffer.from(target),
      system,
      onProblem,
    })
    expect(report).toMatchObject({ others: 1, files: 0, problems: 1 })
    expect(readdirSync(join(place, 'outside'))).toEqual([])
  })

  test('comes back from as deep as it may lie, also alone', async () => {
    let tree = await treeWith(entry('file', 'file', { content: await contentOf('x') }))
    for (let depth = 0; depth < 1200; depth += 1)
      tree = await treeWith(entry('d', 'folder', { content: tree }))
    expect(await restore(tree, { include: ['file'] })).toMatchObject({ files: 1, folders: 1200, problems: 0 })
    expect(await restore(tree)).toMatchObject({ files: 0, folders: 0, unchanged: 1, problems: 0 })
  })

  test('a file whose bytes cannot be had leaves what was there, and the others come', async () => {
    mkdirSync(target)
    writeFileSync(join(target, 'lost'), 'old')
    const lost = await contentOf('lost'.repeat(100_000))
    const tree = await treeWith(
      entry('found', 'file', { content: await contentOf('x') }),
      entry('lost', 'file', { content: lost }),
    )
    repository.lose({ ...lost, ids: lost.ids.slice(1) })
    expect(await restore(tree)).toMatchObject({ files: 1, problems: 1 })
    expect(readFileSync(join(target, 'lost'), 'utf8')).toBe('old')
    expect(readdirSync(target).sort()).toEqual(['found', 'lost'])
  })

  test('a content that is longer or shorter than it says is refused', async () => {
    const content = await contentOf('four')
    const tree = await treeWith(
      entry('long', 'file', { content: { ...content, sizeBytes: 3 } }),
      entry('short', 'file', { content: { ...content, sizeBytes: 5 } }),
    )
    const reader: Parameters<typeof restoreTree>[0] = {
      readContent: (of) => repository.readContent({ ...of, sizeBytes: 4 }),
      readTree: (of, options) => repository.readTree(of, options),
    }
    const report = await restoreTree(reader, tree, { target: Buffer.from(target), system, onProblem })
    expect(report).toMatchObject({ files: 0, problems: 2 })
    expect(readdirSync(target)).toEqual([])
  })
})

test('a grid that gives no more ends a restore after some files, not after all', async () => {
  mkdirSync(source)
  for (let number = 0; number < 100; number += 1) writeFileSync(join(source, `${number}`), `${number}`)
  const { root } = await save()
  const failure = new UnreachableError('nobody answers')
  const reader: Parameters<typeof restoreTree>[0] = {
    // biome-ignore lint/correctness/useYield: it fails before it has anything.
    async *readContent() {
      throw failure
    },
    readTree: (of, options) => repository.readTree(of, options),
  }
  const to = { target: Buffer.from(target), system, onProblem }
  await expect(restoreTree(reader, await treeOf(root), to)).rejects.toBe(failure)
  expect(problems.length).toBeGreaterThanOrEqual(16)
  expect(problems.length).toBeLessThan(50)
  expect(readdirSync(target)).toEqual([])
})

test('a tree goes through a repository of a grid and comes back the same', async () => {
  makeOddFiles(source, system)
  const { files } = await localStage(5)
  const { capability } = await createRepository(files)
  const disk = () => ({ folder: 'backup', disk: new MemoryDisk({ capacityBytes: 1e9 }) })
  const session = await openRepository(files, capability, { place: disk() })
  const paths = [Buffer.from(source)]
  const first = await saveTree(session, { paths, system, onProblem })
  const again = await saveTree(session, { paths, system, onProblem, parentRoot: first.root })
  expect(again.totals).toMatchObject({ files: first.totals.files, unmodifiedFiles: first.totals.files })
  const about = { takenAtMilliseconds: 0, host: 'here', paths: [source], tags: [] }
  const { root } = await session.publish({ ...about, root: again.root, totals: again.totals })
  await session[Symbol.asyncDispose]()
  // Another home, which knows nothing.
  const reader = await openRepository(files, capability, { place: disk() })
  const report = await restoreTree(reader, root, {
    target: Buffer.from(target),
    system,
    onProblem,
    verify: true,
  })
  await reader[Symbol.asyncDispose]()
  expect(report.verified).toBe(report.files)
  expect(problems).toEqual([])
  expect(listTree(join(target, source))).toEqual(listTree(source))
  expect(listDigests(join(target, source))).toBe(listDigests(source))
})

describe('a restore that is killed', () => {
  const CHILD = fileURLToPath(new URL('../../support/restore-child.ts', import.meta.url))
  /** As restore-child.ts makes them. */
  const isWhole = (content: Buffer): boolean => content.every((byte) => byte === content[0])

  test('leaves of each file what was there or what is to be there, and the next one cleans up', async () => {
    mkdirSync(target)
    let rounds = 0
    for (const killAfterFiles of [1, 20, 60]) {
      rounds += 1
      const child = spawn(process.execPath, [CHILD, target, `${rounds}`], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      for await (const line of createInterface({ input: child.stdout })) {
        if (Number(line) < killAfterFiles) continue
        child.kill('SIGKILL')
        break
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      expect(child.signalCode).toBe('SIGKILL')
      const names = readdirSync(target).filter((name) => !name.startsWith(DRAFT_PREFIX))
      expect(names.length).toBeGreaterThanOrEqual(Math.min(killAfterFiles, 80))
      for (const name of names) {
        const content = readFileSync(join(target, name))
        expect(content.length, name).toBe(300_000)
        expect(isWhole(content), name).toBe(true)
      }
    }
    await restore(EMPTY_CONTENT)
    expect(readdirSync(target).filter((name) => name.startsWith(DRAFT_PREFIX))).toEqual([])
  })
})

test('an interruption ends a restore, and leaves whole files and no drafts', async () => {
  mkdirSync(source)
  for (let number = 0; number < 30; number += 1) writeFileSync(join(source, `${number}`), noise(2_000_000))
  const { root } = await save()
  const interruption = new AbortController()
  const reason = new Error('enough')
  let contents = 0
  const reader: Parameters<typeof restoreTree>[0] = {
    readContent: (of, options) => {
      contents += 1
      if (contents === 20) interruption.abort(reason)
      return repository.readContent(of, options)
    },
    readTree: (of, options) => repository.readTree(of, options),
  }
  const { signal } = interruption
  const running = restoreTree(reader, await treeOf(root), { target: Buffer.from(target), system, signal })
  await expect(running).rejects.toBe(reason)
  const names = readdirSync(target)
  // Sixteen are fetched at a time.
  expect(names.length).toBeGreaterThanOrEqual(4)
  expect(names.length).toBeLessThan(30)
  for (const name of names) expect(statSync(join(target, name)).size, name).toBe(2_000_000)
})

test('totals are known while a restore runs, and are those of the end', async () => {
  mkdirSync(source)
  for (let number = 0; number < 50; number += 1) writeFileSync(join(source, `${number}`), noise(10_000))
  const { root } = await save()
  const seen: (number | undefined)[] = []
  await restore(await treeOf(root), {
    onProgress: ({ filesTotal, bytesTotal, filesDone, bytesDone, currentPath }) => {
      seen.push(filesTotal)
      if (currentPath === undefined) {
        expect({ filesTotal, bytesTotal, filesDone, bytesDone }).toEqual({
          filesTotal: 50,
          bytesTotal: 500_000,
          filesDone: 50,
          bytesDone: 500_000,
        })
      }
    },
  })
  expect(seen.at(-1)).toBe(50)
})
