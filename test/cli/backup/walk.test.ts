import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TreeEntry } from '#crypto'
import { NotFoundError } from '#node'
import { printablePath, readPath } from '../../../cli/backup/byte-path.ts'
import { type Change, DiffTally, diffTrees } from '../../../cli/backup/diff.ts'
import { isSameContent, spotAt, walkTree } from '../../../cli/backup/walk.ts'
import { collect } from '../../support/grid-stages.ts'
import { Made, MemoryTrees, type Shape } from '../../support/memory-trees.ts'

const SHAPE: Shape = {
  home: { ann: { 'letter.txt': 'dear', photos: { 'a.jpg': 'A', 'b.jpg': 'B' } }, empty: {} },
  etc: { hosts: 'localhost', link: new Made({ kind: 'symlink', target: Buffer.from('hosts') }) },
  'odd\xff': 'odd',
}

const shape = fc.letrec<{ shape: Shape; value: string | Shape }>((tie) => ({
  shape: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd\xff'), tie('value'), { maxKeys: 4 }),
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, fc.constantFrom('', 'x', 'y'), tie('shape')),
})).shape

async function pathsOf(trees: MemoryTrees, root: ReturnType<MemoryTrees['put']>) {
  return (await collect(walkTree(trees, root))).map(({ path }) => printablePath(path))
}

/** All paths and what is there. */
function flat(value: Shape, prefix = ''): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(value).flatMap(([name, below]): readonly (readonly [string, string])[] => {
      const path = `${prefix}/${name.replaceAll('\xff', '\\xff')}`
      if (typeof below === 'string') return [[path, `file ${below}`]]
      if (below instanceof Uint8Array || below instanceof Made) return []
      return [[path, 'folder'], ...flat(below, path)]
    }),
  )
}

describe('walkTree', () => {
  test('goes through all, folders before what is in them', async () => {
    const trees = new MemoryTrees()
    expect(await pathsOf(trees, trees.put(SHAPE))).toEqual([
      '/etc',
      '/etc/hosts',
      '/etc/link',
      '/home',
      '/home/ann',
      '/home/ann/letter.txt',
      '/home/ann/photos',
      '/home/ann/photos/a.jpg',
      '/home/ann/photos/b.jpg',
      '/home/empty',
      '/odd\\xff',
    ])
  })

  test('goes through any tree', async () => {
    await fc.assert(
      fc.asyncProperty(shape, async (value) => {
        const trees = new MemoryTrees()
        expect((await pathsOf(trees, trees.put(value))).sort()).toEqual([...flat(value).keys()].sort())
      }),
    )
  })

  test('enters only what it is let into, and closes what it has opened', async () => {
    const trees = new MemoryTrees()
    const root = trees.put(SHAPE)
    const enter = ({ path }: { path: Uint8Array }) => printablePath(path) !== '/home'
    const paths = (await collect(walkTree(trees, root, { enter }))).map(({ path }) => printablePath(path))
    expect(paths).toEqual(['/etc', '/etc/hosts', '/etc/link', '/home', '/odd\\xff'])
    let closed = 0
    const counting = {
      async *readTree(content: Parameters<MemoryTrees['readTree']>[0]): AsyncGenerator<TreeEntry> {
        try {
          yield* trees.readTree(content)
        } finally {
          closed += 1
        }
      },
    }
    for await (const { path } of walkTree(counting, root))
      if (printablePath(path) === '/home/ann/photos/a.jpg') break
    expect(closed).toBe(5)
  })
})

describe('spotAt', () => {
  const trees = new MemoryTrees()
  const root = trees.put(SHAPE)
  const at = (path: string) => spotAt(trees, root, { readings: readPath(path) })

  test('finds files, folders and the root, also by bytes as they are printed', async () => {
    expect((await at('/home/ann/letter.txt')).entry?.content?.sizeBytes).toBe(4)
    expect((await at('home')).entry?.kind).toBe('folder')
    expect(isSameContent((await at('/')).content, root)).toBe(true)
    expect((await at('/odd\\xff')).entry?.kind).toBe('file')
  })

  test.each([
    ['/home/bob/x', 'the snapshot has no /home/bob'],
    ['/etc/hosts/x', '/etc/hosts of the snapshot is no folder'],
    ['/etc/link/x', '/etc/link of the snapshot is no folder'],
  ])('says how far %s led', async (path, message) => {
    const failure = at(path)
    await expect(failure).rejects.toThrow(NotFoundError)
    await expect(failure).rejects.toThrow(message)
  })
})

describe('diffTrees', () => {
  const changesOf = async (trees: MemoryTrees, before: Shape, after: Shape): Promise<readonly Change[]> =>
    collect(diffTrees(trees, { before: trees.put(before), after: trees.put(after) }))
  const textOf = ({ difference, path }: Change) => `${difference} ${printablePath(path)}`

  test('tells what was added, removed and changed, and how', async () => {
    const newer = {
      modifiedAtNanoseconds: 1_500_000_000_000_000_000n,
      content: new MemoryTrees().putFile(Buffer.from('x')),
    }
    const before: Shape = {
      a: 'same',
      b: 'old',
      c: { d: '1', e: '2' },
      f: 'x',
      link: new Made({ kind: 'symlink', target: Buffer.from('a') }),
    }
    const after: Shape = {
      a: 'same',
      b: 'new!',
      c: 'a file now',
      f: new Made(newer),
      g: { h: '3' },
      link: new Made({ kind: 'symlink', target: Buffer.from('b') }),
    }
    const changes = await changesOf(new MemoryTrees(), before, after)
    expect(changes.map(textOf)).toEqual([
      'content /b',
      'kind /c',
      'removed /c/d',
      'removed /c/e',
      'metadata /f',
      'added /g',
      'added /g/h',
      'content /link',
    ])
    const tally = new DiffTally()
    for (const change of changes) tally.add(change)
    expect(tally.totals).toEqual({
      counts: { added: 2, removed: 2, content: 2, metadata: 1, kind: 1 },
      addedBytes: 4 + 10 + 1,
      removedBytes: 3 + 1 + 1,
    })
  })

  test('agrees with a comparison of all paths, for any two trees', async () => {
    await fc.assert(
      fc.asyncProperty(shape, shape, async (before, after) => {
        const [left, right] = [flat(before), flat(after)]
        const expected = [...new Set([...left.keys(), ...right.keys()])].flatMap((path) => {
          const [one, other] = [left.get(path), right.get(path)]
          if (one === other) return []
          if (one === undefined) return [`added ${path}`]
          if (other === undefined) return [`removed ${path}`]
          return [`${one.startsWith('file') && other.startsWith('file') ? 'content' : 'kind'} ${path}`]
        })
        const found = (await changesOf(new MemoryTrees(), before, after)).map(textOf)
        expect([...found].sort()).toEqual(expected.sort())
      }),
      { numRuns: 200 },
    )
  })

  test('does not read folders that are the same', async () => {
    const trees = new MemoryTrees()
    const large = { x: { y: { z: '1' } } }
    const before = trees.put({ large, small: 'a' })
    const after = trees.put({ large, small: 'b' })
    await collect(diffTrees(trees, { before, after }))
    expect(trees.read.length).toBe(2)
    expect(await collect(diffTrees(trees, { before, after: before }))).toEqual([])
    expect(trees.read.length).toBe(2)
  })
})
