import { describe, expect, test } from 'vitest'
import {
  contentRange,
  formatRangeHeader,
  parseInclusiveRange,
  parseRangeHeader,
} from '../../gateway/range.ts'

describe('ranges', () => {
  test('count both ends in, as HTTP does', () => {
    expect(parseInclusiveRange('0-1023')).toEqual({ start: 0, end: 1024 })
    expect(parseInclusiveRange('7-7')).toEqual({ start: 7, end: 8 })
    expect(parseInclusiveRange('1024-')).toEqual({ start: 1024 })
    expect(contentRange({ start: 0, end: 1024 }, 5000)).toBe('bytes 0-1023/5000')
  })

  test.each(['', '-', '-500', '5-4', 'a-b', '1-2,4-5', '0x1-2', '1', '99999999999999999-'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseInclusiveRange(text)).toThrow('a range such as')
    },
  )

  test('come back from their header', () => {
    for (const range of [{ start: 3, end: 9 }, { start: 0 }]) {
      expect(parseRangeHeader(formatRangeHeader(range))).toEqual(range)
    }
    expect(parseRangeHeader(undefined)).toBeUndefined()
    expect(parseRangeHeader('lines=1-2')).toBeUndefined()
  })
})
