import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromByteText, joinPath, matchText, namesOf, toByteText } from '../../../../cli/backup/local/paths.ts'

describe('matchText', () => {
  test('is the text of what is UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(matchText(Buffer.from(text))).toBe(text)
      }),
    )
  })

  test('is another text for other bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.string().map((text) => Uint8Array.from(Buffer.from(text))),
    )
    fc.assert(
      fc.property(bytes, bytes, (left, right) => {
        expect(matchText(left) === matchText(right)).toBe(Buffer.compare(left, right) === 0)
      }),
      { numRuns: 2000 },
    )
  })

  test('has one character for each byte that is no text', () => {
    expect([...matchText(Buffer.from([0x61, 0xff, 0xc3, 0xa9, 0xe9]))]).toEqual([
      'a',
      '\udcff',
      'é',
      '\udce9',
    ])
  })
})

test('byte text is in the order of the bytes', () => {
  const name = fc.uint8Array({ maxLength: 5 })
  fc.assert(
    fc.property(name, name, (left, right) => {
      const [one, other] = [toByteText(left), toByteText(right)]
      expect(Math.sign(one < other ? -1 : Number(one > other))).toBe(Buffer.compare(left, right))
      expect(Uint8Array.from(fromByteText(one))).toEqual(left)
    }),
  )
})

test('namesOf takes a path apart, and refuses what is no path from the root', () => {
  expect(namesOf(Buffer.from('//a/./b//')).map(String)).toEqual(['a', 'b'])
  expect(namesOf(Buffer.from('/'))).toEqual([])
  for (const path of ['', 'a', './a', '/a/../b', '/..', '/a\0b']) {
    expect(() => namesOf(Buffer.from(path)), path).toThrow()
  }
})

test('joinPath puts one slash between', () => {
  expect(joinPath(Buffer.from('/'), Buffer.from('a')).toString()).toBe('/a')
  expect(joinPath(Buffer.from('/a'), Buffer.from('b')).toString()).toBe('/a/b')
})
