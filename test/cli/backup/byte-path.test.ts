import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { utf8 } from '#crypto'
import {
  joinPath,
  namesOfPath,
  pathJson,
  printableBytes,
  printablePath,
  ROOT_PATH,
  readPath,
} from '../../../cli/backup/byte-path.ts'

/** Bytes as a system allows them in a name. */
const name = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map((bytes) => bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x2e : byte)))
  .filter((bytes) => !/^\.\.?$/.test(Buffer.from(bytes).toString('latin1')))
/** Mixed of pieces that are hard to tell apart. */
const oddName = fc
  .array(
    fc.constantFrom<readonly number[]>(
      [0xff],
      [0xc3, 0xbc],
      [0xc3],
      [0x5c],
      [0x78],
      [0x38],
      [0x35],
      [0x85],
      [0xc2, 0x85],
      [0x1b],
      [0xe2, 0x80, 0xae],
      [0xe2, 0x80],
      [0xef, 0xbb, 0xbf],
      [0x75, 0x30],
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((parts) => Uint8Array.from(parts.flat()))
const names = fc.array(fc.oneof(name, oddName), { maxLength: 5 })
const pathOf = (list: readonly Uint8Array[]) => list.reduce(joinPath, ROOT_PATH)

describe('paths of a snapshot', () => {
  test('names and paths lead to each other', () => {
    fc.assert(
      fc.property(names, (list) => {
        expect(namesOfPath(pathOf(list))).toEqual(list)
      }),
    )
    expect(printablePath(ROOT_PATH)).toBe('/')
    expect(namesOfPath(utf8('//a///b/'))).toEqual([utf8('a'), utf8('b')])
  })

  test.each([
    ['caf\u00e9', utf8('caf\u00e9'), 'caf\u00e9'],
    ['latin1', Uint8Array.of(0x63, 0xe9, 0x21), 'c\\xe9!'],
    ['a control', utf8('a\x1b[2J'), 'a\\x1b[2J'],
    ['a control of two bytes', utf8('\u0085'), '\\u0085'],
    ['the byte of that control', Uint8Array.of(0x85), '\\x85'],
    ['a character cut short', Uint8Array.of(0xe2, 0x80, 0x41), '\\xe2\\x80A'],
    ['a backslash', utf8('a\\b'), 'a\\\\b'],
  ])('prints %s', (_what, bytes, shown) => expect(printableBytes(bytes)).toBe(shown))

  test('what is printed acts on no terminal, looks like no other, and is read back', () => {
    fc.assert(
      fc.property(names, names, (one, other) => {
        const shown = printablePath(pathOf(one))
        expect(shown).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u)
        const isSame = Buffer.compare(pathOf(one), pathOf(other)) === 0
        expect(shown === printablePath(pathOf(other))).toBe(isSame)
        expect(readPath(shown).at(-1)).toEqual(one.map((bytes) => Uint8Array.from(bytes)))
      }),
      { numRuns: 500 },
    )
  })

  test('for programs, the path is whole', () => {
    fc.assert(
      fc.property(names, (list) => {
        const { path, pathBytes } = pathJson(pathOf(list))
        const whole = pathBytes === undefined ? Buffer.from(path) : Buffer.from(pathBytes, 'base64')
        expect(namesOfPath(Uint8Array.from(whole))).toEqual(list)
      }),
    )
    expect(pathJson(Uint8Array.of(0x2f, 0xff))).toEqual({ path: '/\ufffd', pathBytes: 'L/8=' })
  })

  test('a path is read as it is, and as it may have been printed', () => {
    expect(readPath('/a/./b//')).toEqual([[utf8('a'), utf8('b')]])
    expect(readPath('/')).toEqual([[]])
    expect(readPath('a\\xff')).toEqual([[utf8('a\\xff')], [Uint8Array.of(0x61, 0xff)]])
    expect(() => readPath('/a/../b')).toThrow('neither .. nor NUL')
    expect(() => readPath('/a/\\x2e./b')).toThrow('neither .. nor NUL')
  })
})
