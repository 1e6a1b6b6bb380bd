import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FolderPool, type LocalFolder } from '../../../../cli/backup/local/folder.ts'
import { removeTree } from '../../../support/odd-files.ts'

let root: string
let pool: FolderPool
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cairn-folder-'))
  pool = new FolderPool()
})
afterEach(() => {
  pool[Symbol.dispose]()
  removeTree(root)
})

const named = (name: string): Buffer => Buffer.from(name)
/** Of folders below the root of a test. */
const openHandles = (): number =>
  readdirSync('/proc/self/fd').filter((handle) => {
    try {
      return readlinkSync(`/proc/self/fd/${handle}`).startsWith(root)
    } catch (error) {
      // Its path is too long to tell; or it was the handle of the listing itself.
      return error instanceof Error && 'code' in error && error.code === 'ENAMETOOLONG'
    }
  }).length

describe('LocalFolder', () => {
  test('is the same folder whatever becomes of the path that led there', () => {
    mkdirSync(join(root, 'a/b'), { recursive: true })
    const inner = pool.openPath(named(root)).enter(named('a')).enter(named('b'))
    renameSync(join(root, 'a'), join(root, 'moved'))
    symlinkSync('/etc', join(root, 'a'))
    writeFileSync(inner.at(named('file')), 'x')
    expect(readdirSync(join(root, 'moved/b'))).toEqual(['file'])
    expect(inner.pathOf(named('file')).toString()).toBe(`${root}/a/b/file`)
  })

  test('is no symlink, unless that is asked for', () => {
    mkdirSync(join(root, 'real'))
    symlinkSync('real', join(root, 'link'))
    writeFileSync(join(root, 'file'), 'x')
    const folder = pool.openPath(named(root))
    expect(() => folder.enter(named('link'))).toThrow(/ENOTDIR/)
    expect(() => folder.enter(named('file'))).toThrow(/ENOTDIR/)
    expect(() => folder.enter(named('gone'))).toThrow(/ENOENT/)
    const { dev, ino } = folder.enter(named('link'), { follow: true }).identity
    expect({ dev, ino }).toEqual(folder.enter(named('real')).identity)
  })

  test('lies as deep as it may, and few handles are open all the same', () => {
    const folders: LocalFolder[] = [pool.openPath(named(root))]
    for (let depth = 0; depth < 600; depth += 1) {
      const above = folders.at(-1)
      const name = named(`${depth} `.padEnd(200, 'x'))
      if (above === undefined) break
      mkdirSync(above.at(name))
      folders.push(above.enter(name))
    }
    expect(openHandles()).toBeGreaterThan(100)
    expect(openHandles()).toBeLessThan(150)
    // Those that were closed long ago, and the deepest by way of them.
    for (const folder of [folders[1], folders[300], folders.at(-1)]) {
      expect(readdirSync(folder?.at(Buffer.alloc(0)) ?? '').length).toBe(folder === folders.at(-1) ? 0 : 1)
    }
    expect(folders.at(-1)?.path.length).toBeGreaterThan(120_000)
    pool[Symbol.dispose]()
    expect(openHandles()).toBe(0)
  })

  test('that was closed is not taken for another that has its place by then', () => {
    mkdirSync(join(root, 'a'))
    const folder = pool.openPath(named(root)).enter(named('a'))
    expect(readdirSync(folder.at(Buffer.alloc(0)))).toEqual([])
    pool.close(folder)
    mkdirSync(join(root, 'b'))
    rmdirSync(join(root, 'a'))
    renameSync(join(root, 'b'), join(root, 'a'))
    expect(() => folder.at(named('x'))).toThrow(/ESTALE/)
  })

  test('stays open while it is held, however many others are opened', () => {
    mkdirSync(join(root, 'held'))
    const top = pool.openPath(named(root))
    const held = top.enter(named('held'))
    held.hold()
    const path = held.at(named('file'))
    for (let number = 0; number < 300; number += 1) {
      mkdirSync(join(root, `${number}`))
      top.enter(named(`${number}`))
    }
    writeFileSync(path, 'x')
    expect(readdirSync(join(root, 'held'))).toEqual(['file'])
    held.release()
  })
})
