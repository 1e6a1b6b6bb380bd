/** The copies of `cairn cp` over a grid in memory, and what they make of hostile directories and disks. */
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type DirectoryWriteCapability, formatCapability } from '#crypto'
import type { GridFiles } from '#gateway'
import { type NamedChild, UnhappyError } from '#node'
import { CopyReport } from '../../cli/copy/copy-report.ts'
import { DownloadTree } from '../../cli/copy/download-tree.ts'
import { LinkTree } from '../../cli/copy/link-tree.ts'
import { type CopyParts, CopyTargets } from '../../cli/copy/target-directory.ts'
import { UploadTree } from '../../cli/copy/upload-tree.ts'
import { Output } from '../../cli/output.ts'
import { collect, localStage } from '../support/grid-stages.ts'

let grid: GridFiles
let folder: string
let root: DirectoryWriteCapability

beforeAll(async () => {
  grid = (await localStage(5)).files
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-copy-'))
  root = await grid.makeDirectory()
})
afterEach(() => rm(folder, { recursive: true }))

function partsOf(files: GridFiles = grid, signal = new AbortController().signal): CopyParts {
  const report = new CopyReport(new Output({ json: true, quiet: true }), signal)
  return { files, report, signal, acceptRollback: false, onWarning: () => undefined }
}

const UPLOAD = { jobs: 4, force: false, follow: false }

/** As `cp -r path/. root`. */
async function upload(path: string, options = UPLOAD, parts = partsOf()): Promise<CopyReport['counts']> {
  const targets = new CopyTargets(parts)
  const tree = new UploadTree(targets, options)
  const target = targets.existing(root, '')
  try {
    await tree.addContents(path, target)
    await tree.drain()
    await target.finish()
    targets.check()
  } finally {
    await tree.settle()
    await targets.flush()
  }
  return parts.report.counts
}

async function download(
  path: string,
  { parts = partsOf(), force = false } = {},
): Promise<CopyReport['counts']> {
  const tree = new DownloadTree(parts, { jobs: 4, force, umask: 0o022, platform: 'linux' })
  await mkdir(path, { recursive: true })
  await tree.addContents(root, { path, label: 'copy' })
  await tree.drain()
  return parts.report.counts
}

/** Every path below the root. */
async function paths(): Promise<readonly string[]> {
  return (await collect(grid.walk(root))).map(({ path }) => path.join('/'))
}

async function writeTree(path: string): Promise<void> {
  await mkdir(join(path, 'sub', 'deep'), { recursive: true })
  await mkdir(join(path, 'empty'))
  for (let number = 0; number < 30; number += 1) await writeFile(join(path, `f${number}`), `file ${number}`)
  await writeFile(join(path, 'sub', 'large'), Buffer.alloc(200_000, 'large'))
  await writeFile(join(path, 'sub', 'deep', 'run'), '#!/bin/sh', { mode: 0o755 })
  await utimes(join(path, 'f1'), 1_000_000_000.5, 1_000_000_000.5)
}

describe('a copy of a folder', () => {
  test('comes back with its bytes, times and modes, and is not sent twice', async () => {
    const from = join(folder, 'from')
    await writeTree(from)
    expect(await upload(from)).toMatchObject({ files: 32, directories: 3, failed: 0, unchanged: 0 })
    expect(await upload(from)).toMatchObject({ files: 0, bytes: 0, directories: 0, unchanged: 32 })
    const to = join(folder, 'to')
    expect(await download(to)).toMatchObject({ files: 32, directories: 3, failed: 0 })
    expect(await download(to)).toMatchObject({ files: 0, unchanged: 32 })
    for (const path of ['f0', 'f1', 'sub/large', 'sub/deep/run']) {
      const [before, after] = [await stat(join(from, path)), await stat(join(to, path))]
      expect(await readFile(join(to, path))).toEqual(await readFile(join(from, path)))
      expect(after.mode & 0o777).toBe(before.mode & 0o755)
      // To the millisecond; Node 22 sets a little less.
      expect(Math.abs(after.mtimeMs - Math.floor(before.mtimeMs))).toBeLessThan(0.01)
    }
    expect(await readdir(join(to, 'empty'))).toEqual([])
  })

  test('is brought up to date: what changed is replaced, and --force sends all', async () => {
    await writeTree(folder)
    await upload(folder)
    await writeFile(join(folder, 'f3'), 'another')
    expect(await upload(folder)).toMatchObject({ files: 1, unchanged: 31 })
    expect(await upload(folder, { ...UPLOAD, force: true })).toMatchObject({ files: 32, unchanged: 0 })
  })

  test('of a thousand files into one directory takes a handful of edits', async () => {
    for (let number = 0; number < 1000; number += 1) await writeFile(join(folder, `${number}`), 'x')
    let edits = 0
    const counting = new Proxy(grid, {
      get: (files, name) => {
        if (name === 'edit') edits += 1
        const value: unknown = Reflect.get(files, name)
        return typeof value === 'function' ? value.bind(files) : value
      },
    })
    expect(await upload(folder, UPLOAD, partsOf(counting))).toMatchObject({ files: 1000, failed: 0 })
    expect(edits).toBeLessThanOrEqual(8)
    expect((await paths()).length).toBe(1000)
  })

  test('leaves links and pipes out, follows links when told to, and does not run in circles', async () => {
    await mkdir(join(folder, 'sub'))
    await writeFile(join(folder, 'sub', 'file'), 'content of the file')
    await symlink('sub/file', join(folder, 'link'))
    await symlink('..', join(folder, 'sub', 'up'))
    await symlink('nowhere', join(folder, 'dangling'))
    expect(await upload(folder)).toMatchObject({ files: 1, skipped: 3, failed: 0 })
    // The circle and the link that leads nowhere.
    expect(await upload(folder, { ...UPLOAD, follow: true })).toMatchObject({ files: 1, failed: 2 })
    expect(await paths()).toContain('link')
  })

  test('goes on past what cannot be read, and says how much it was', async () => {
    await writeTree(folder)
    // Reading it at its start fails with EIO.
    await symlink('/proc/self/mem', join(folder, 'unreadable'))
    expect(await upload(folder, { ...UPLOAD, follow: true })).toMatchObject({ files: 32, failed: 1 })
  })

  test('tells of a file that changes while it is read, and takes it for another the next time', async () => {
    const growing = join(folder, 'growing')
    await writeFile(growing, Buffer.alloc(1000, 'a'))
    const touching = new Proxy(grid, {
      get: (files, name) => {
        if (name !== 'put') return bound(files, name)
        return async (...args: Parameters<GridFiles['put']>) => {
          const outcome = await files.put(...args)
          await writeFile(growing, Buffer.alloc(2000, 'b'))
          return outcome
        }
      },
    })
    expect(await upload(folder, UPLOAD, partsOf(touching))).toMatchObject({ files: 1, failed: 1 })
    expect(await upload(folder)).toMatchObject({ files: 1, failed: 0 })
    await download(join(folder, 'to'))
    expect((await readFile(join(folder, 'to', 'growing'))).equals(Buffer.alloc(2000, 'b'))).toBe(true)
  })

  test('a file that has gone when its turn comes is told of', async () => {
    const parts = partsOf()
    const targets = new CopyTargets(parts)
    const tree = new UploadTree(targets, UPLOAD)
    const target = targets.existing(root, '')
    await tree.add(join(folder, 'gone'), 'gone', { target, existing: undefined })
    await tree.drain()
    await target.finish()
    expect(parts.report.counts).toMatchObject({ files: 0, failed: 1 })
  })

  test('two names that are the same in normal form do not silently become one', async () => {
    await writeFile(join(folder, 'caf\u00e9'), 'one')
    await writeFile(join(folder, 'cafe\u0301'), 'two')
    expect(await upload(folder)).toMatchObject({ files: 1, failed: 1 })
  })

  test('a mutable file keeps its capability and gets the content', async () => {
    const source = {
      sizeBytes: 3,
      rereadable: true,
      open: async function* () {
        yield Buffer.from('old')
      },
    }
    const slot = await grid.putSlot(undefined, source)
    await grid.edit(root, [
      { kind: 'set', name: 'notes', capability: slot, metadata: {}, ifExists: 'refuse' },
    ])
    await writeFile(join(folder, 'notes'), 'the new content')
    expect(await upload(folder)).toMatchObject({ files: 1 })
    const { capability } = await grid.find(root, ['notes'])
    expect(formatCapability(capability)).toBe(formatCapability(slot))
    const to = join(folder, 'to')
    await download(to)
    expect(await readFile(join(to, 'notes'), 'utf8')).toBe('the new content')
  })

  test('an interruption keeps what is linked, and the next copy sends the rest alone', async () => {
    for (let number = 0; number < 60; number += 1)
      await writeFile(join(folder, `${number}`), `${'x'.repeat(100)}${number}`)
    const interrupted = new AbortController()
    let puts = 0
    const counting = new Proxy(grid, {
      get: (files, name) => {
        if (name === 'put') {
          puts += 1
          if (puts === 30) interrupted.abort(new Error('interrupted'))
        }
        return bound(files, name)
      },
    })
    await expect(upload(folder, UPLOAD, partsOf(counting, interrupted.signal))).rejects.toThrow('interrupted')
    const linked = (await paths()).length
    expect(linked).toBeGreaterThan(15)
    expect(linked).toBeLessThan(31)
    expect(await upload(folder)).toMatchObject({ files: 60 - linked, unchanged: linked, failed: 0 })
  })

  test('a grid that takes nothing ends it instead of failing for every file', async () => {
    for (let number = 0; number < 100; number += 1)
      await writeFile(join(folder, `${number}`), `${'x'.repeat(100)}${number}`)
    const full = new Proxy(grid, {
      get: (files, name) =>
        name === 'put' ? () => Promise.reject(new UnhappyError('too few servers')) : bound(files, name),
    })
    const parts = partsOf(full)
    await expect(upload(folder, UPLOAD, parts)).rejects.toThrow('too few servers')
    expect(parts.report.counts.failed).toBeLessThan(30)
  })
})

describe('a copy from a hostile directory', () => {
  /** What a directory could say if its parser let it. */
  function lying(children: readonly NamedChild[]): GridFiles {
    return new Proxy(grid, {
      get: (files, name) => {
        if (name !== 'list') return bound(files, name)
        return async function* () {
          yield* children
        }
      },
    })
  }
  const source = (text: string) => ({
    sizeBytes: text.length,
    rereadable: true,
    open: async function* () {
      yield Buffer.from(text)
    },
  })

  test('writes nothing outside of its folder, whatever the names', async () => {
    const { capability } = await grid.put(source('evil'))
    const names = ['..', '.', '', '../evil', '/tmp/evil', 'a/../../evil', 'nul\0', '../../etc/passwd']
    const children = names.map((name) => ({ name, capability, metadata: {} }))
    const to = join(folder, 'a', 'to')
    expect(await download(to, { parts: partsOf(lying(children)) })).toMatchObject({
      files: 0,
      failed: names.length,
    })
    expect(await readdir(folder)).toEqual(['a'])
    expect(await readdir(join(folder, 'a'))).toEqual(['to'])
    expect(await readdir(to)).toEqual([])
  })

  test('does not go through a link that lies there, and replaces one by the file', async () => {
    const inner = await grid.makeDirectory()
    const { capability } = await grid.put(source('from the grid'))
    const set = (name: string, child: NamedChild['capability']) =>
      ({ kind: 'set', name, capability: child, metadata: {}, ifExists: 'refuse' }) as const
    await grid.edit(inner, [set('victim', capability)])
    await grid.edit(root, [set('through', inner), set('file', capability)])
    const outside = join(folder, 'outside')
    const to = join(folder, 'to')
    await mkdir(outside)
    await mkdir(to)
    await writeFile(join(outside, 'victim'), 'precious')
    await symlink(outside, join(to, 'through'))
    await symlink(join(outside, 'victim'), join(to, 'file'))
    expect(await download(to)).toMatchObject({ files: 1, failed: 1 })
    expect(await readFile(join(outside, 'victim'), 'utf8')).toBe('precious')
    expect((await lstat(join(to, 'file'))).isFile()).toBe(true)
  })

  test('ends when the directory lies in itself', async () => {
    const { capability } = await grid.put(source('x'))
    await grid.edit(root, [
      { kind: 'set', name: 'again', capability: root, metadata: {}, ifExists: 'refuse' },
      { kind: 'set', name: 'file', capability, metadata: {}, ifExists: 'refuse' },
    ])
    expect(await download(join(folder, 'to'))).toMatchObject({ files: 1, failed: 1 })
  })

  test('sets no permission that a file of this user would not have, and no time that is none', async () => {
    const { capability } = await grid.put(source('x'))
    const metadata = { modifiedAtMilliseconds: 2 ** 53 - 1, user: { mode: 0o106777 } }
    await grid.edit(root, [{ kind: 'set', name: 'file', capability, metadata, ifExists: 'refuse' }])
    expect(await download(join(folder, 'to'))).toMatchObject({ files: 1, failed: 0 })
    expect((await stat(join(folder, 'to', 'file'))).mode & 0o7777).toBe(0o755)
  })

  test('takes names as long as the system allows', async () => {
    const { capability } = await grid.put(source('x'))
    const names = ['n'.repeat(255), '名'.repeat(85), '😀'.repeat(63)]
    await grid.edit(
      root,
      names.map((name) => ({ kind: 'set', name, capability, metadata: {}, ifExists: 'refuse' }) as const),
    )
    expect(await download(join(folder, 'to'))).toMatchObject({ files: 3, failed: 0 })
    expect((await readdir(join(folder, 'to'))).sort()).toEqual([...names].sort())
  })

  test('a folder that may not be written is told of, and the rest comes', async () => {
    if (process.getuid?.() === 0) return
    await writeTree(join(folder, 'from'))
    await upload(join(folder, 'from'))
    const to = join(folder, 'to')
    await mkdir(join(to, 'sub'), { recursive: true })
    await chmod(join(to, 'sub'), 0o555)
    expect((await download(to)).failed).toBeGreaterThan(0)
  })
})

describe('a copy within the grid', () => {
  async function link(into: DirectoryWriteCapability, from: DirectoryWriteCapability) {
    const parts = partsOf()
    const targets = new CopyTargets(parts)
    const tree = new LinkTree(targets, { jobs: 4, into })
    const target = targets.existing(into, '')
    await tree.addContents(from, target)
    await tree.drain()
    await target.finish()
    targets.check()
    return parts.report.counts
  }

  test('links files, makes directories anew, and sends nothing', async () => {
    await writeTree(folder)
    await upload(folder)
    const into = await grid.makeDirectory()
    expect(await link(into, root)).toMatchObject({ files: 32, bytes: 0, directories: 3, failed: 0 })
    const [before, after] = [await collect(grid.walk(root)), await collect(grid.walk(into))]
    expect(after.map(({ path }) => path)).toEqual(before.map(({ path }) => path))
    const [one, two] = [await grid.find(root, ['f1']), await grid.find(into, ['f1'])]
    expect(formatCapability(two.capability)).toBe(formatCapability(one.capability))
    expect(two.metadata).toEqual(one.metadata)
    const [sub, copied] = [await grid.find(root, ['sub']), await grid.find(into, ['sub'])]
    expect(formatCapability(copied.capability)).not.toBe(formatCapability(sub.capability))
    expect(await link(into, root)).toMatchObject({ files: 0, unchanged: 32 })
  })

  test('into itself ends', async () => {
    await writeTree(folder)
    await upload(folder)
    const { capability } = await grid.find(root, ['sub'])
    if (capability.kind !== 'dir') throw new Error('a directory wanted')
    const counts = await link(capability, root)
    expect(counts).toMatchObject({ failed: 1 })
    expect(counts.files).toBe(30)
  })
})

function bound(files: GridFiles, name: string | symbol): unknown {
  const value: unknown = Reflect.get(files, name)
  return typeof value === 'function' ? value.bind(files) : value
}
