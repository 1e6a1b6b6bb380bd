import { describe, expect, test } from 'vitest'
import { InvalidInputError } from '#crypto'
import { dateText, parseDuration, parseEnd } from '../../cli/when.ts'

const NOW = Date.UTC(2026, 10, 28, 12)

describe('times as people type them', () => {
  test.each([
    ['90s', 90],
    ['5m', 300],
    ['12h', 43_200],
    ['30d', 2_592_000],
    ['2w', 1_209_600],
    ['1y', 31_536_000],
  ])('%s is %i s', (text, seconds) => {
    expect(parseDuration(text, '--within')).toBe(seconds)
    expect(parseEnd(text, '--expires', NOW)).toBe(NOW / 1000 + seconds)
  })

  test.each(['', '0d', 'd', '5', '5 d', '-5d', '1e3s', '1234567s', '5x', 'tomorrow'])(
    '%j is none',
    (text) => {
      expect(() => parseDuration(text, '--within')).toThrow('--within')
      expect(() => parseEnd(text, '--expires', NOW)).toThrow(InvalidInputError)
    },
  )

  test('a date is its first moment, and must be one', () => {
    expect(parseEnd('2027-06-30', '--expires', NOW)).toBe(Date.UTC(2027, 5, 30) / 1000)
    expect(dateText(Date.UTC(2027, 5, 30) / 1000)).toBe('2027-06-30')
    for (const text of ['2027-02-30', '2027-13-01', '2027-00-01']) {
      expect(() => parseEnd(text, '--expires', NOW)).toThrow('no such date')
    }
    expect(dateText(1e15)).toBe('no date')
  })
})
