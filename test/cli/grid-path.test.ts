import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asSlotSeed, formatCapability, GridError, slotWriteCapability } from '#crypto'
import { checkedAlias, describePlace, parsePlace, placeBelow, requireGrid } from '../../cli/grid-path.ts'

const directory = slotWriteCapability('dir', asSlotSeed(new Uint8Array(32).fill(7)))
const text = formatCapability(directory)

describe('parsePlace', () => {
  test.each([
    ['home:', { root: { kind: 'alias', name: 'home' }, path: [], isFolder: false }],
    ['home:a/b', { root: { kind: 'alias', name: 'home' }, path: ['a', 'b'], isFolder: false }],
    ['home:/a//b/./c/', { root: { kind: 'alias', name: 'home' }, path: ['a', 'b', 'c'], isFolder: true }],
    ['home:a/.', { root: { kind: 'alias', name: 'home' }, path: ['a'], isFolder: true }],
    ['home:a:b', { root: { kind: 'alias', name: 'home' }, path: ['a:b'], isFolder: false }],
    ['fotos-2.neu:x', { root: { kind: 'alias', name: 'fotos-2.neu' }, path: ['x'] }],
    ['cafe\u0301:cafe\u0301', { root: { kind: 'alias', name: 'caf\u00e9' }, path: ['caf\u00e9'] }],
    ['@cap', { root: { kind: 'file', file: 'cap' }, path: [] }],
    ['@/a/cap:b/c', { root: { kind: 'file', file: '/a/cap' }, path: ['b', 'c'] }],
    ['@-', { root: { kind: 'file', file: '-' }, path: [] }],
  ])('takes %j as one of the grid', (argument, expected) => {
    expect(parsePlace(argument)).toMatchObject({ kind: 'grid', ...expected })
  })

  test.each([
    'a',
    'a/b',
    './home:x',
    '../home:x',
    '/home:x',
    'a/b:c',
    '-',
    ':x',
    '-x:y',
    'two words:x',
    'a\0b:c',
  ])('takes %j as one of this machine', (argument) => {
    expect(parsePlace(argument)).toMatchObject({ kind: 'local', path: argument })
  })

  test('takes a capability, and names below it', () => {
    expect(parsePlace(text)).toMatchObject({ kind: 'grid', path: [], isFolder: false })
    const below = parsePlace(`${text}/a/b:c/`)
    expect(below).toMatchObject({ path: ['a', 'b:c'], isFolder: true })
    const { root } = requireGrid(below)
    expect(root.kind === 'capability' && formatCapability(root.capability)).toBe(text)
  })

  test.each([
    '',
    'cairn:',
    'cairn:dir:x',
    `${text}:a`,
    '@',
    'home:a/../b',
    'home:..',
    `home:${'a'.repeat(256)}`,
  ])('refuses %j', (argument) => {
    expect(() => parsePlace(argument)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  })

  test('refuses whatever is broken with an error of its own, and shows no capability', () => {
    const secret = text.slice(10)
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.string().map((tail) => `${text}${tail}`),
        ),
        (argument) => {
          try {
            const place = parsePlace(argument)
            if (place.kind === 'grid') expect(describePlace(place)).not.toContain(secret)
          } catch (error) {
            if (!(error instanceof GridError)) throw error
            expect(error.message).not.toContain(secret)
          }
        },
      ),
    )
  })

  test('names of a path come back in order, in normal form, and what is printed is read again', () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((some) => !/[/\0]/.test(some) && some !== '.' && some !== '..')
    fc.assert(
      fc.property(fc.array(name, { maxLength: 8 }), (names) => {
        const place = requireGrid(parsePlace(`home:${names.join('/')}`))
        expect(place.path).toEqual(names.map((some) => some.normalize('NFC')))
        expect(requireGrid(parsePlace(describePlace(place))).path).toEqual(place.path)
        expect(placeBelow(place, 'x').path).toEqual([...place.path, 'x'])
      }),
    )
  })
})

test('checkedAlias takes a name with its colon, and not the scheme of capabilities', () => {
  expect(checkedAlias('home:')).toBe('home')
  for (const bad of ['', 'cairn', 'a/b', '.a', '-a', 'a b', 'a:b', 'a\n', 'x'.repeat(65)]) {
    expect(() => checkedAlias(bad), bad).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  }
})
