import fc from 'fast-check'
import { expect, test } from 'vitest'
import { printablePath } from '../../../cli/backup/byte-path.ts'
import { Finder } from '../../../cli/backup/find.ts'
import { matchText } from '../../../cli/backup/local/paths.ts'
import { PathRules } from '../../../cli/backup/local/rules.ts'
import { walkTree } from '../../../cli/backup/walk.ts'
import { collect } from '../../support/grid-stages.ts'
import { MemoryTrees, type Shape } from '../../support/memory-trees.ts'

const SHAPE: Shape = {
  home: { ann: { 'A.jpg': '1', photos: { 'a.jpg': '2', 'b.png': '3' } }, bob: { 'a.jpg': '4' } },
  'odd\xff.jpg': '5',
}

async function found(patterns: readonly string[], value: Shape = SHAPE, ignoreCase = false) {
  const trees = new MemoryTrees()
  const finder = new Finder(trees, PathRules.parse(patterns, { ignoreCase }))
  return (await collect(finder.find(trees.put(value)))).map(({ path }) => printablePath(path))
}

test('finds names anywhere, and paths from the root', async () => {
  expect(await found(['a.jpg'])).toEqual(['/home/ann/photos/a.jpg', '/home/bob/a.jpg'])
  expect(await found(['a.jpg'], SHAPE, true)).toEqual([
    '/home/ann/A.jpg',
    '/home/ann/photos/a.jpg',
    '/home/bob/a.jpg',
  ])
  expect(await found(['/home/*/a.jpg'])).toEqual(['/home/bob/a.jpg'])
  expect(await found(['/home/**/*.jpg'])).toEqual([
    '/home/ann/A.jpg',
    '/home/ann/photos/a.jpg',
    '/home/bob/a.jpg',
  ])
  expect(await found(['photos', '*\u{dcff}*'])).toEqual(['/home/ann/photos', '/odd\\xff.jpg'])
})

test('does not enter where nothing can be, or where nothing was at the same place before', async () => {
  const trees = new MemoryTrees()
  const root = trees.put(SHAPE)
  const finder = new Finder(trees, PathRules.parse(['/home/bob/*']))
  expect((await collect(finder.find(root))).length).toBe(1)
  expect(trees.read.length).toBe(3)
  const names = new Finder(trees, PathRules.parse(['b.png']))
  await collect(names.find(root))
  const before = trees.read.length
  const later = trees.put({ ...SHAPE, new: 'x' })
  expect((await collect(names.find(later))).length).toBe(1)
  // The root, home, ann and photos; bob had nothing.
  expect(trees.read.length - before).toBe(4)
})

test('finds what a look at every path finds, in one tree after another', async () => {
  const name = fc.constantFrom('a', 'b', 'c')
  const shapes = fc.letrec<{ shape: Shape; value: string | Shape }>((tie) => ({
    shape: fc.dictionary(name, tie('value'), { maxKeys: 3 }),
    value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, fc.constantFrom('x', 'y'), tie('shape')),
  })).shape
  const pattern = fc.constantFrom('a', '/a', '/a/b', 'a/b', '/*/c', '/b/**', '**/c', '!a', 'b/')
  await fc.assert(
    fc.asyncProperty(
      fc.array(shapes, { maxLength: 3 }),
      fc.array(pattern, { minLength: 1, maxLength: 3 }),
      async (all, patterns) => {
        const trees = new MemoryTrees()
        const rules = PathRules.parse(patterns)
        const finder = new Finder(trees, rules)
        for (const root of all.map((shape) => trees.put(shape))) {
          const expected = (await collect(walkTree(trees, root))).filter(({ path, entry }) =>
            rules.matches(matchText(path), { isFolder: entry.kind === 'folder' }),
          )
          const paths = (await collect(finder.find(root))).map(({ path }) => printablePath(path))
          expect(paths).toEqual(expected.map(({ path }) => printablePath(path)))
        }
      },
    ),
    { numRuns: 200 },
  )
})
