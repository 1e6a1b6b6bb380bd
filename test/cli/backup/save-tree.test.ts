/** What a backup takes of a disk, what it takes over unread, and what becomes of files that change under it. */
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Content, TreeEntry } from '#crypto'
import { NoSpaceError } from '#node'
import { openLocalSystem } from '../../../cli/backup/local/local-system.ts'
import { scan, scanAhead } from '../../../cli/backup/local/scan.ts'
import type { PutBlobOptions, PutContent } from '../../../cli/backup/repository/types.ts'
import { type SavedTree, type SaveOptions, saveTree } from '../../../cli/backup/save-tree.ts'
import { MemoryRepository } from '../../support/memory-repository.ts'
import { IS_ROOT, makeOddFiles, noise, removeTree } from '../../support/odd-files.ts'

let source: string
let repository: MemoryRepository
const system = await openLocalSystem()
const problems: string[] = []

beforeEach(() => {
  source = mkdtempSync(join(tmpdir(), 'cairn-save-'))
  repository = new MemoryRepository()
  problems.length = 0
})
afterEach(() => removeTree(source))

function put(name: string, content: string | Uint8Array = name): void {
  writeFileSync(join(source, name), content)
}

async function save(options: Partial<SaveOptions> = {}): Promise<SavedTree> {
  return saveTree(repository, {
    paths: [Buffer.from(source)],
    system,
    onProblem: ({ path, error }) => {
      problems.push(`${Buffer.from(path)}: ${error instanceof Error ? error.message : error}`)
    },
    ...options,
  })
}

/** Every entry of a tree by its path. */
async function listed(root: Content, from: MemoryRepository = repository): Promise<Map<string, TreeEntry>> {
  const all = new Map<string, TreeEntry>()
  const walk = async (tree: Content, above: string): Promise<void> => {
    for await (const entry of from.readTree(tree)) {
      const path = `${above}/${Buffer.from(entry.name)}`
      all.set(path, entry)
      if (entry.kind === 'folder' && entry.content !== undefined) await walk(entry.content, path)
    }
  }
  await walk(root, '')
  return all
}

/** Of what was backed up alone: the folders above it change as other tests come and go. */
async function treeOf(
  { root }: SavedTree,
  from: MemoryRepository = repository,
): Promise<Content | undefined> {
  return (await listed(root, from)).get(source)?.content
}

/** Trees of folders above what was backed up: those are put each time. */
const TREES_ABOVE = tmpdir().split('/').length

/** Paths below what was backed up. */
async function below(root: Content): Promise<readonly string[]> {
  const paths = [...(await listed(root)).keys()]
  return paths.filter((path) => path.startsWith(`${source}/`)).map((path) => path.slice(source.length + 1))
}

async function textOf(root: Content, name: string): Promise<string | undefined> {
  const content = (await listed(root)).get(join(source, name))?.content
  if (content === undefined) return undefined
  const parts: Uint8Array[] = []
  for await (const bytes of repository.readContent(content)) parts.push(bytes)
  return Buffer.concat(parts).toString()
}

describe('a backup', () => {
  test('has the names of the root folder, and the metadata of the folders above', async () => {
    mkdirSync(join(source, 'a/b'), { recursive: true, mode: 0o750 })
    put('a/b/file')
    const { root, totals } = await save({ paths: [Buffer.from(join(source, 'a//./b/'))] })
    const entries = await listed(root)
    expect([...entries.keys()].at(-1)).toBe(`${source}/a/b/file`)
    expect(entries.get(source)?.mode).toBe(statSync(source).mode & 0o7777)
    expect(entries.get(join(source, 'a'))?.mode).toBe(0o750)
    expect(totals).toMatchObject({ files: 1, newFiles: 1, bytes: 8, unreadableFiles: 0 })
    expect(totals.folders).toBe(source.split('/').length + 1)
  })

  test('of several paths takes each thing once', async () => {
    for (const name of ['a', 'b', 'c']) {
      mkdirSync(join(source, name))
      put(`${name}/file`)
    }
    const paths = ['a', 'c/file', 'a/file', 'a'].map((name) => Buffer.from(join(source, name)))
    const { root, totals } = await save({ paths })
    expect(await below(root)).toEqual(['a', 'a/file', 'c', 'c/file'])
    expect(totals.files).toBe(2)
  })

  test('goes through symlinks to what was named, and keeps a symlink that was named', async () => {
    mkdirSync(join(source, 'real'))
    put('real/file')
    symlinkSync('real', join(source, 'link'))
    const through = await listed((await save({ paths: [Buffer.from(join(source, 'link/file'))] })).root)
    expect(through.get(join(source, 'link'))?.kind).toBe('folder')
    expect(through.get(join(source, 'link/file'))?.kind).toBe('file')
    const itself = await listed((await save({ paths: [Buffer.from(join(source, 'link'))] })).root)
    expect(itself.get(join(source, 'link'))).toMatchObject({
      kind: 'symlink',
      target: Uint8Array.from(Buffer.from('real')),
    })
  })

  test('tells of a path that is not there, and fails if none is', async () => {
    put('there')
    const gone = Buffer.from(join(source, 'gone'))
    const { root } = await save({ paths: [gone, Buffer.from(join(source, 'there'))] })
    expect(await below(root)).toEqual(['there'])
    expect(problems).toEqual([expect.stringMatching(/gone: no such file or directory \(ENOENT\)$/)])
    await expect(save({ paths: [gone] })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    await expect(save({ paths: [] })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    await expect(save({ paths: [Buffer.from('relative')] })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    await expect(save({ paths: [Buffer.from('/a/../b')] })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  })

  test('puts a folder of very many names as it walks it, in order', async () => {
    const names = Array.from({ length: 9000 }, (_, number) => `${(number * 7919) % 9000}`)
    for (const name of names) put(name, '')
    const first = await save()
    expect(await below(first.root)).toEqual([...names].sort())
    const { contentsPut } = repository
    const again = await save({ parentRoot: first.root })
    expect(await treeOf(again)).toEqual(await treeOf(first))
    expect(again.totals).toMatchObject({ unmodifiedFiles: 9000, newFiles: 0, changedFiles: 0 })
    expect(repository.contentsPut).toBe(contentsPut)
  })

  test('stores a file of many names once, whatever they are', async () => {
    put('one', noise(300_000))
    for (const name of ['three', 'two']) linkSync(join(source, 'one'), join(source, name))
    const { root, totals } = await save()
    expect(repository.contentsPut).toBe(1)
    expect(totals).toMatchObject({ files: 3, newFiles: 3, bytes: 900_000 })
    const entries = await listed(root)
    const [one, two] = [entries.get(join(source, 'one')), entries.get(join(source, 'two'))]
    expect(one?.linkCount).toBe(3)
    expect({ ...one, name: undefined }).toEqual({ ...two, name: undefined })
  })

  test('of a dry run is what the real one comes to, and puts nothing', async () => {
    makeOddFiles(join(source, 'odd'), system)
    const dry = await save({ dryRun: true })
    const fresh = new MemoryRepository()
    expect(await repository.hasContent(dry.root)).toBe(false)
    repository = fresh
    const real = await save()
    const of = ({ totals: { milliseconds, ...totals } }: SavedTree) => totals
    expect(of(dry)).toEqual(of(real))
  })
})

describe('with the snapshot before', () => {
  test('an unchanged tree is not read, and puts nothing, though everything in it is odd', async () => {
    makeOddFiles(join(source, 'odd'), system)
    const first = await save()
    const { contentsPut, treesPut } = repository
    const again = await save({ parentRoot: first.root })
    expect(await treeOf(again)).toEqual(await treeOf(first))
    expect(again.totals).toMatchObject({
      files: first.totals.files,
      unmodifiedFiles: first.totals.files,
      bytes: first.totals.bytes,
    })
    expect(repository.contentsPut).toBe(contentsPut)
    expect(repository.treesPut).toBeLessThanOrEqual(treesPut + TREES_ABOVE)
    expect(problems).toEqual([])
  })

  test('reads what differs in size, time, mode, owner or inode, and nothing else', async () => {
    for (const name of ['same', 'size', 'time', 'mode', 'inode', 'gone']) put(name, 'x')
    mkdirSync(join(source, 'folder'))
    put('folder/same')
    const { root } = await save()
    const { contentsPut } = repository
    put('size', 'xx')
    utimesSync(join(source, 'time'), 1, 1)
    chmodSync(join(source, 'mode'), 0o600)
    put('other', 'y')
    renameSync(join(source, 'other'), join(source, 'inode'))
    rmSync(join(source, 'gone'))
    put('new')
    const again = await save({ parentRoot: root })
    expect(again.totals).toMatchObject({ newFiles: 1, changedFiles: 4, unmodifiedFiles: 2, files: 7 })
    expect(repository.contentsPut).toBe(contentsPut + 5)
    expect((await listed(again.root)).get(join(source, 'mode'))?.mode).toBe(0o600)
    expect(await below(again.root)).not.toContain('gone')
  })

  test('reads a file again whose blobs are not there any more', async () => {
    put('lost', noise(1000))
    put('kept', 'x')
    const first = await save()
    const lost = (await listed(first.root)).get(join(source, 'lost'))?.content
    if (lost !== undefined) repository.lose(lost)
    const { contentsPut } = repository
    const again = await save({ parentRoot: first.root })
    expect(again.totals.unmodifiedFiles).toBe(2)
    expect(repository.contentsPut).toBe(contentsPut + 1)
    expect(await treeOf(again)).toEqual(await treeOf(first))
    expect(await repository.hasContent(lost ?? first.root)).toBe(true)
  })

  test('puts a tree again that is not there any more', async () => {
    mkdirSync(join(source, 'folder'))
    put('folder/file')
    const first = await save()
    const tree = (await treeOf(first)) ?? first.root
    repository.lose(tree)
    const again = await save({ parentRoot: first.root })
    expect(await treeOf(again)).toEqual(tree)
    expect(again.totals.unmodifiedFiles).toBe(0)
    expect(await below(again.root)).toEqual(['folder', 'folder/file'])
  })

  test('reads everything if it is told to, and stores nothing twice', async () => {
    put('file', noise(1000))
    const first = await save()
    const { contentsPut } = repository
    const again = await save({ parentRoot: first.root, force: true })
    expect(repository.contentsPut).toBe(contentsPut + 1)
    expect(again.totals.unmodifiedFiles).toBe(1)
    expect(await treeOf(again)).toEqual(await treeOf(first))
  })

  test('reads a file again that changed while the snapshot before was made, for its time may have stood still', async () => {
    put('file', 'x')
    const { root } = await save()
    const { contentsPut } = repository
    await save({ parentRoot: root, parentTakenAtMilliseconds: Date.now() + 60_000 })
    expect(repository.contentsPut).toBe(contentsPut)
    await save({ parentRoot: root, parentTakenAtMilliseconds: statSync(join(source, 'file')).ctimeMs })
    expect(repository.contentsPut).toBe(contentsPut + 1)
  })

  test('gives the same tree as a backup that reads everything, whatever was done to the disk', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd/a', 'd/b', 'd/e/a', 'd/e/f')
    const edit = fc.oneof(
      fc.record({ do: fc.constant('write' as const), name, size: fc.nat(500) }),
      fc.record({
        do: fc.constantFrom('remove' as const, 'touch' as const, 'mode' as const),
        name,
        size: fc.nat(400),
      }),
      fc.record({ do: fc.constant('move' as const), name, to: name, size: fc.nat(1) }),
    )
    let round = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(edit, { maxLength: 6 }), { minLength: 2, maxLength: 4 }),
        async (histories) => {
          round += 1
          const folder = join(source, `${round}`)
          mkdirSync(join(folder, 'd/e'), { recursive: true })
          let parentRoot: Content | undefined
          for (const edits of histories) {
            for (const one of edits) {
              const path = join(folder, one.name)
              try {
                if (one.do === 'write') writeFileSync(path, noise(one.size + round))
                else if (one.do === 'remove') rmSync(path)
                else if (one.do === 'touch') utimesSync(path, one.size, one.size)
                else if (one.do === 'mode') chmodSync(path, 0o200 + one.size)
                else renameSync(path, join(folder, 'to' in one ? one.to : one.name))
              } catch {
                // There is nothing of that name: then nothing is done.
              }
            }
            const paths = [Buffer.from(folder)]
            const reading = new MemoryRepository()
            const slow = await listed((await saveTree(reading, { paths, system })).root, reading)
            const fast: SavedTree = await save({ paths, parentRoot })
            expect((await listed(fast.root)).get(folder)).toEqual(slow.get(folder))
            parentRoot = fast.root
          }
          removeTree(folder)
        },
      ),
      { numRuns: 25 },
    )
  })
})

describe('what is left out', () => {
  beforeEach(() => {
    for (const folder of ['src', 'node_modules/x', 'cache', 'keep/node_modules']) {
      mkdirSync(join(source, folder), { recursive: true })
    }
    for (const file of [
      'src/a.ts',
      'src/a.o',
      'node_modules/x/y',
      'cache/CACHEDIR.TAG',
      'cache/big',
      'keep/node_modules/z',
    ]) {
      put(file)
    }
  })

  test('is what rules say, by name anywhere or by path from the root', async () => {
    const { root } = await save({ exclude: ['*.o', 'node_modules', '!keep/node_modules', `${source}/cache`] })
    expect(await below(root)).toEqual(['keep', 'keep/node_modules', 'keep/node_modules/z', 'src', 'src/a.ts'])
  })

  test('is never what was named', async () => {
    const { root } = await save({ exclude: ['*'], paths: [Buffer.from(join(source, 'src'))] })
    expect(await below(root)).toEqual(['src'])
  })

  test('is the content of caches, if that is wanted, and of no folder with a wrong mark', async () => {
    expect(await below((await save({ excludeCaches: true })).root)).toContain('cache/big')
    put('cache/CACHEDIR.TAG', 'Signature: 8a477f597d28d172789f06886806bc55\n# more')
    expect(await below((await save({ excludeCaches: true })).root)).not.toContain('cache/big')
    expect(await below((await save({ excludeCaches: true })).root)).toContain('cache/CACHEDIR.TAG')
    expect(await below((await save()).root)).toContain('cache/big')
  })

  test('is what works for the backup itself, by whatever path it is reached', async () => {
    symlinkSync(join(source, 'cache'), join(source, 'way'))
    const { root } = await save({
      leaveOut: [Buffer.from(join(source, 'way')), Buffer.from('/is/not/there')],
    })
    expect(await below(root)).not.toContain('cache')
    expect(await below(root)).toContain('way')
  })

  test('is what the kernel alone shows as files', async () => {
    const { root, totals } = await save({ paths: [Buffer.from('/proc')] })
    expect([...(await listed(root)).keys()]).toEqual(['/proc'])
    expect(totals).toMatchObject({ files: 0, folders: 1 })
  })

  test.runIf(statSync('/dev').dev !== statSync('/dev/shm').dev)(
    'is what lies on other disks, if that is wanted',
    async () => {
      const mark = mkdtempSync('/dev/shm/cairn-')
      try {
        const paths = [Buffer.from('/dev')]
        expect([...(await listed((await save({ paths })).root)).keys()]).toContain(mark)
        const one = [...(await listed((await save({ paths, oneFileSystem: true })).root)).keys()]
        expect(one).toContain('/dev/shm')
        expect(one).not.toContain(mark)
      } finally {
        rmSync(mark, { recursive: true })
      }
    },
  )
})

/** Does something to the disk when the first content is put, and for each one after it. */
class Meddling extends MemoryRepository {
  readonly #meddle: (contentNumber: number) => void

  constructor(meddle: (contentNumber: number) => void) {
    super()
    this.#meddle = meddle
  }

  override async putContent(
    source: AsyncIterable<Uint8Array>,
    options?: PutBlobOptions,
  ): Promise<PutContent> {
    const meddle = (): void => this.#meddle(this.contentsPut)
    async function* meddled(): AsyncGenerator<Uint8Array> {
      for await (const bytes of source) {
        meddle()
        yield bytes
      }
    }
    return super.putContent(meddled(), options)
  }
}

/** Does something to the disk when it is asked for a content, and does not have it. */
class Forgetful extends MemoryRepository {
  onAsked: () => void = () => undefined

  override async hasContent(): Promise<boolean> {
    this.onAsked()
    return false
  }
}

describe('a file that', () => {
  test('changes while it is read is read again, and is then as it is after that', async () => {
    put('file', 'before')
    repository = new Meddling((number) => {
      if (number === 1) put('file', 'after it')
    })
    const { root, totals } = await save()
    expect(await textOf(root, 'file')).toBe('after it')
    expect(repository.contentsPut).toBe(2)
    expect(totals).toMatchObject({ files: 1, bytes: 8, unreadableFiles: 0 })
    expect(problems).toEqual([])
  })

  test('changes whenever it is read is kept as it was read, and told of', async () => {
    put('log', noise(3_000_000))
    repository = new Meddling(() => appendFileSync(join(source, 'log'), 'more'))
    const { root, totals } = await save()
    const entry = (await listed(root)).get(join(source, 'log'))
    expect(entry?.content?.sizeBytes).toBeGreaterThanOrEqual(3_000_000)
    expect(totals).toMatchObject({ files: 1, unreadableFiles: 1 })
    expect(problems).toEqual([expect.stringContaining('it changed while it was read')])
    // The next backup sees a change.
    repository.contentsPut = 0
    await save({ parentRoot: root })
    expect(repository.contentsPut).toBe(2)
  })

  test('shrinks while it is read is kept as far as it was read', async () => {
    put('file', noise(5_000_000))
    repository = new Meddling(() => truncateSync(join(source, 'file'), 100))
    const { root } = await save()
    expect((await listed(root)).get(join(source, 'file'))?.content?.sizeBytes).toBe(100)
  })

  test('has gone when its turn comes is told of, and the others are taken', async () => {
    for (const name of ['a', 'b', 'c']) put(name, 'x'.repeat(100))
    repository = new Meddling(() => rmSync(join(source, 'b'), { force: true }))
    const { root, totals } = await save()
    expect(await below(root)).toEqual(['a', 'c'])
    expect(totals).toMatchObject({ files: 2, unreadableFiles: 1 })
    expect(problems).toEqual([expect.stringMatching(/b: no such file or directory/)])
  })

  test.each([
    ['gone', () => undefined, /file: no such file or directory/],
    ['a symlink', (path: string) => symlinkSync('/etc/passwd', path), /file: .*ELOOP/],
    ['a folder', (path: string) => mkdirSync(path), /file: a file was found here/],
    ['a fifo', (path: string) => execFileSync('mkfifo', [path]), /file: a file was found here/],
  ])('has become %s when it is opened is told of', async (_, become, message) => {
    put('file')
    const forgetful = new Forgetful()
    repository = forgetful
    const { root } = await save()
    forgetful.onAsked = () => {
      rmSync(join(source, 'file'), { recursive: true, force: true })
      become(join(source, 'file'))
    }
    const again = await save({ parentRoot: root })
    expect(await below(again.root)).toEqual([])
    expect(problems).toEqual([expect.stringMatching(message)])
  })

  test('may not be read is told of, and so is a folder, of which the rest is kept', async () => {
    put('secret')
    put('open')
    mkdirSync(join(source, 'closed'))
    put('closed/inside')
    for (const name of ['secret', 'closed']) chmodSync(join(source, name), 0o000)
    chmodSync(source, 0o777)
    if (IS_ROOT) process.seteuid?.(54_321)
    try {
      const { root, totals } = await save({ system: await openLocalSystem() })
      expect(await below(root)).toEqual(['closed', 'open'])
      expect(totals).toMatchObject({ files: 1, unreadableFiles: 2 })
      expect(problems).toEqual([
        expect.stringMatching(/closed: permission denied \(EACCES\)$/),
        expect.stringMatching(/secret: permission denied \(EACCES\)$/),
      ])
    } finally {
      if (IS_ROOT) process.seteuid?.(0)
    }
  })
})

describe('a backup ends with', () => {
  test('what the repository throws, however much is under way', async () => {
    for (let number = 0; number < 200; number += 1) put(`${number}`, `${number}`)
    mkdirSync(join(source, 'folder'))
    const failure = new NoSpaceError('the grid is full')
    repository = new Meddling((number) => {
      if (number >= 20) throw failure
    })
    await expect(save()).rejects.toBe(failure)
    class Full extends MemoryRepository {
      override async putTree(): Promise<never> {
        throw failure
      }
    }
    repository = new Full()
    await expect(save()).rejects.toBe(failure)
    expect(problems).toEqual([])
  })

  test('the reason of its signal', async () => {
    for (let number = 0; number < 50; number += 1) put(`${number}`, noise(100_000))
    const interruption = new AbortController()
    const reason = new Error('enough')
    repository = new Meddling((number) => {
      if (number >= 20) interruption.abort(reason)
    })
    await expect(save({ signal: interruption.signal })).rejects.toBe(reason)
    expect(repository.contentsPut).toBeLessThan(50)
  })
})

describe('the scan ahead', () => {
  test('counts what the backup counts, on a thread of its own', async () => {
    makeOddFiles(join(source, 'odd'), system)
    mkdirSync(join(source, 'skipped'))
    put('skipped/file')
    const options = {
      paths: [Buffer.from(source)],
      exclude: ['skipped'],
      leaveOut: [],
      excludeCaches: false,
      oneFileSystem: false,
    }
    const { totals } = await save({ exclude: ['skipped'] })
    const expected = { files: totals.files, bytes: totals.bytes }
    expect(scan(options)).toEqual(expected)
    const found = Promise.withResolvers<unknown>()
    const scanning = scanAhead(options, found.resolve)
    expect(await found.promise).toEqual(expected)
    await scanning.close()
  })

  test('is stopped when the backup has ended first', async () => {
    put('file')
    let last: unknown
    await save({
      onProgress: (progress) => {
        last = progress
      },
    })
    expect(last).toMatchObject({ filesDone: 1, bytesDone: 4, problems: 0, currentPath: undefined })
    expect(readdirSync(source)).toEqual(['file'])
  })
})
