import { beforeEach, describe, expect, test } from 'vitest'
import { type DirectoryWriteCapability, formatCapability } from '#crypto'
import type { GridFiles } from '#gateway'
import { UnhappyError } from '#node'
import { mv } from '../../cli/commands/mv.ts'
import { Home } from '../../cli/home.ts'
import { Output } from '../../cli/output.ts'
import { Roots } from '../../cli/roots.ts'
import { collect, localStage } from '../support/grid-stages.ts'

const { files } = await localStage(5)
let root: DirectoryWriteCapability
let at: (path: string) => string

const set = (name: string, capability: DirectoryWriteCapability) =>
  ({ kind: 'set', name, capability, metadata: {}, ifExists: 'refuse' }) as const

beforeEach(async () => {
  root = await files.makeDirectory()
  const [left, right, thing] = [
    await files.makeDirectory(),
    await files.makeDirectory(),
    await files.makeDirectory(),
  ]
  await files.edit(left, [set('thing', thing)])
  await files.edit(root, [set('left', left), set('right', right)])
  at = (path) => `${formatCapability(root)}/${path}`
})

/** @returns every list of changes that was asked for */
async function move(from: string, to: string, failing: (edit: number) => boolean = () => false) {
  const edits: string[][] = []
  const watched = new Proxy(files, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name)
      if (name !== 'edit') return typeof value === 'function' ? value.bind(target) : value
      return (...args: Parameters<GridFiles['edit']>) => {
        edits.push(args[1].map(({ kind }) => kind))
        if (failing(edits.length)) throw new UnhappyError('too few servers')
        return files.edit(...args)
      }
    },
  })
  const home = new Home('/nowhere')
  const context = {
    output: new Output({ json: false, quiet: true }),
    signal: new AbortController().signal,
    home,
    roots: new Roots(home),
    acceptRollback: false,
    openFiles: async () => watched,
  }
  const common = { home: undefined, json: false, quiet: true, acceptRollback: false }
  await mv({ verb: 'mv', ...common, sources: [at(from)], target: at(to) }, context)
  return edits
}

const names = async () => (await collect(files.walk(root))).map(({ path }) => path.join('/')).sort()

describe('mv', () => {
  test('within a directory is one edit, of one change', async () => {
    expect(await move('left/thing', 'left/other')).toEqual([['rename']])
    expect(await names()).toEqual(['left', 'left/other', 'right'])
  })

  test('between directories links before it unlinks, and loses nothing if it dies between', async () => {
    await expect(move('left/thing', 'right', (edit) => edit === 1)).rejects.toThrow('too few')
    expect(await names()).toEqual(['left', 'left/thing', 'right'])
    await expect(move('left/thing', 'right', (edit) => edit === 2)).rejects.toThrow('too few')
    expect(await names()).toEqual(['left', 'left/thing', 'right', 'right/thing'])
    const { capability: one } = await files.find(root, ['left', 'thing'])
    const { capability: two } = await files.find(root, ['right', 'thing'])
    expect(formatCapability(two)).toBe(formatCapability(one))
    expect(await move('left/thing', 'right/again')).toEqual([['set'], ['remove']])
    expect(await names()).toEqual(['left', 'right', 'right/again', 'right/thing'])
  })

  test('refuses to move a directory into itself, or onto anything', async () => {
    await expect(move('left', 'left/thing')).rejects.toThrow('into itself')
    await expect(move('left', 'left/thing/new')).rejects.toThrow('into itself')
    await move('left/thing', 'right')
    await files.edit(root, [set('thing', await files.makeDirectory())])
    await expect(move('thing', 'right')).rejects.toThrow('there already')
    expect(await names()).toEqual(['left', 'right', 'right/thing', 'thing'])
  })

  test('to where it is already does nothing', async () => {
    expect(await move('left/thing', 'left')).toEqual([])
  })
})
