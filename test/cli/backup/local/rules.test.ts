/** Rules of what is left out, against git, which they are after. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PathSelection } from '../../../../cli/backup/local/path-selection.ts'
import { matchText } from '../../../../cli/backup/local/paths.ts'
import { PathRules, patternsIn, RULES_MAX } from '../../../../cli/backup/local/rules.ts'

const matches = (patterns: readonly string[], path: string, isFolder = false): boolean =>
  PathRules.parse(patterns).matches(path, { isFolder })

describe('PathRules', () => {
  test.each([
    ['*.o', '/a/b.o', true],
    ['*.o', '/a/b.o/c', false],
    ['*', '/a/.hidden', true],
    ['/a/*', '/a/b', true],
    ['/a/*', '/a/b/c', false],
    ['a/b', '/x/a/b', true],
    ['/a/b', '/x/a/b', false],
    ['/a/**/b', '/a/b', true],
    ['/a/**/b', '/a/x/y/b', true],
    ['/a/**', '/a', false],
    ['/a/**', '/a/b/c', true],
    ['a?c', '/abc', true],
    ['a?c', '/aéc', true],
    ['a?c', '/a/c', false],
    ['[a-c]x', '/bx', true],
    ['[!a-c]x', '/bx', false],
    ['report (1).txt', '/report (1).txt', true],
    ['{a,b}', '/{a,b}', true],
    ['+(a)', '/+(a)', true],
    ['@(a)', '/a', false],
    ['\\*', '/*', true],
    ['\\*', '/a', false],
    ['\\!a', '/!a', true],
    ['#a', '/#a', true],
    ['new*line', '/new\nline', true],
  ])('%j and %j: %s', (pattern, path, expected) => {
    expect(matches([pattern], path)).toBe(expected)
  })

  test('match a folder alone if they end in a slash', () => {
    expect(matches(['build/'], '/a/build', true)).toBe(true)
    expect(matches(['build/'], '/a/build', false)).toBe(false)
  })

  test('are overruled by later ones', () => {
    expect(matches(['*.o', '!keep.o'], '/keep.o')).toBe(false)
    expect(matches(['*.o', '!keep.o'], '/other.o')).toBe(true)
    expect(matches(['!keep.o', '*.o'], '/keep.o')).toBe(true)
  })

  test('match names that are not UTF-8 by what is around', () => {
    const name = `/${matchText(Buffer.from([0x61, 0xff, 0x2e, 0x6f]))}`
    expect(matches(['*.o'], name)).toBe(true)
    expect(matches(['a?.o'], name)).toBe(true)
    expect(matches(['a.o'], name)).toBe(false)
  })

  test('refuse what is no pattern, or too much', () => {
    for (const pattern of ['', '/', '!', '!/', 'x'.repeat(32_769)]) {
      expect(() => PathRules.parse([pattern]), pattern).toThrow(/pattern/)
    }
    expect(() => PathRules.parse(Array.from({ length: RULES_MAX + 1 }, () => 'a'))).toThrow(/at most/)
  })
})

describe('patternsIn', () => {
  test('takes a line for a pattern, without comments, empty lines and spaces at the end', () => {
    const text = '# why\n\n*.o  \r\n\\#not a comment\n!keep.o\nspace\\ \n  leading\n \ntab\t\nback\\\\  '
    expect(patternsIn(text)).toEqual([
      '*.o',
      '\\#not a comment',
      '!keep.o',
      'space\\ ',
      '  leading',
      'tab',
      'back\\\\',
    ])
  })
})

describe('against git', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cairn-rules-'))
    execFileSync('git', ['init', '--quiet', folder])
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  /** What git would leave out, of paths from the root of its tree. */
  function ignoredByGit(patterns: readonly string[], paths: readonly string[]): ReadonlySet<string> {
    writeFileSync(join(folder, '.gitignore'), `${patterns.join('\n')}\n`)
    const args = ['-C', folder, 'check-ignore', '--no-index', '--stdin', '-z']
    try {
      const out = execFileSync('git', args, {
        input: paths.map((path) => `${path.slice(1)}\0`).join(''),
        stdio: ['pipe', 'pipe', 'ignore'],
        encoding: 'utf8',
      })
      return new Set(
        out
          .split('\0')
          .filter((path) => path !== '')
          .map((path) => `/${path}`),
      )
    } catch (error) {
      // 1: none of them.
      if (error instanceof Error && 'status' in error && error.status === 1) return new Set()
      throw error
    }
  }

  /** As a walk would: what lies in a folder that is left out is never looked at. */
  function isLeftOut(rules: PathRules, path: string): boolean {
    const names = path.replace(/\/$/, '').split('/').slice(1)
    return names.some((_, index) =>
      rules.matches(`/${names.slice(0, index + 1).join('/')}`, {
        isFolder: index < names.length - 1 || path.endsWith('/'),
      }),
    )
  }

  test('every pattern leaves out the same paths', () => {
    // Only ASCII: to git a ? is a byte, to us a character.
    const letter = fc.constantFrom('a', 'b', 'ab', '.a', 'a.b', '(a)', 'a b')
    const piece = fc.constantFrom(
      'a',
      'b',
      '.',
      '*',
      '?',
      '[ab]',
      '[!a]',
      '[^b]',
      '\\*',
      '(',
      ')',
      '+',
      '{',
      ',',
      '}',
    )
    const name = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''))
    const sound = name.filter((text) => text !== '.' && text !== '..')
    const pattern = fc
      .record({
        isNegated: fc.boolean(),
        // Where in the tree it starts has to be said: see rules.ts.
        start: fc.constantFrom('/', '**/', ''),
        names: fc.array(fc.oneof(sound, letter, fc.constant('**')), { minLength: 1, maxLength: 3 }),
        foldersOnly: fc.boolean(),
      })
      .filter(({ names, start }) => start !== '' || names.length === 1)
      // At the end, git takes the slash of a path that it is asked about for something inside; ** beside another, or at
      // the beginning, is in `start` already.
      .filter(
        ({ names }) =>
          names.at(-1) !== '**' && !names.some((one, index) => one === '**' && names[index + 1] === '**'),
      )
      .filter(({ names, start }) => names[0] !== '**' || start === '/')
      .map(({ isNegated, start, names, foldersOnly }) => {
        return `${isNegated ? '!' : ''}${start}${names.join('/')}${foldersOnly ? '/' : ''}`
      })
    const path = fc
      .record({ names: fc.array(letter, { minLength: 1, maxLength: 4 }), isFolder: fc.boolean() })
      .map(({ names, isFolder }) => `/${names.join('/')}${isFolder ? '/' : ''}`)
    fc.assert(
      fc.property(
        fc.array(pattern, { minLength: 1, maxLength: 4 }),
        fc.array(path, { minLength: 5, maxLength: 25 }),
        (patterns, paths) => {
          const rules = PathRules.parse(patterns)
          const ours = paths.filter((one) => isLeftOut(rules, one))
          const theirs = ignoredByGit(patterns, paths)
          expect(new Set(ours)).toEqual(theirs)
        },
      ),
      { numRuns: 100 },
    )
  })
})

describe('PathSelection', () => {
  const name = fc.constantFrom('a', 'b', 'c.txt')
  const pattern = fc.oneof(
    fc
      .array(fc.oneof(name, fc.constantFrom('*', '**', '*.txt')), { minLength: 1, maxLength: 3 })
      .map((all) => all.join('/')),
    fc
      .array(fc.oneof(name, fc.constant('*')), { minLength: 1, maxLength: 3 })
      .map((all) => `/${all.join('/')}`),
  )

  test('goes into every folder in which something is wanted', () => {
    fc.assert(
      fc.property(
        fc.record({
          include: fc.array(pattern, { maxLength: 2 }),
          exclude: fc.array(pattern, { maxLength: 2 }),
        }),
        fc.array(name, { minLength: 1, maxLength: 4 }),
        (options, names) => {
          const selection = new PathSelection(options)
          // The definition: it or a folder above is included, or nothing needs to be; none of them is excluded.
          const paths = names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`)
          const among = (patterns: readonly string[]): boolean => {
            const rules = PathRules.parse(patterns)
            return paths.some((path, index) => rules.matches(path, { isFolder: index < paths.length - 1 }))
          }
          const isIncluded = options.include.length === 0 || among(options.include)
          const expected = isIncluded && !among(options.exclude)
          let here: ReturnType<PathSelection['below']> = selection.root
          for (const [index, one] of names.entries()) {
            const isFolder = index < names.length - 1
            here = here && selection.below(here, { name: Buffer.from(one), isFolder })
          }
          expect(here?.isWanted === true).toBe(expected)
        },
      ),
    )
  })
})
