import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fittingNumbers, parseSize, survivalOf } from '#node'

describe('fittingNumbers', () => {
  test('keeps the default on ten servers and more', () => {
    const byDefault = { neededShares: 3, happyServers: 7, totalShares: 10 }
    expect(fittingNumbers(10)).toEqual(byDefault)
    expect(fittingNumbers(300)).toEqual(byDefault)
  })

  test('gives one share to each server, in order, and survives a loss from two servers on', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), (serverCount) => {
        const { neededShares, happyServers, totalShares } = fittingNumbers(serverCount)
        expect(totalShares).toBeLessThanOrEqual(serverCount)
        expect(1 <= neededShares && neededShares <= happyServers && happyServers <= totalShares).toBe(true)
        if (serverCount > 1) expect(happyServers).toBeGreaterThan(neededShares)
      }),
    )
  })

  test('says what is survived', () => {
    expect(survivalOf(fittingNumbers(5))).toBe(
      'any 3 of 5 servers may be lost, at 2.5 times the space of the file',
    )
    expect(survivalOf(fittingNumbers(1))).toBe('no server may be lost, at 1.0 times the space of the file')
  })
})

describe('parseSize', () => {
  test.each([
    ['0', 0],
    ['4096', 4096],
    ['1 kB', 1000],
    ['1KiB', 1024],
    ['200 GiB', 200 * 2 ** 30],
    ['1.5 tb', 1.5e12],
  ])('reads %s', (text, sizeBytes) => expect(parseSize(text)).toBe(sizeBytes))

  test.each(['', 'GiB', '-1', '1 gig', '1e9', '99999999 PiB'])('refuses "%s"', (text) => {
    expect(() => parseSize(text)).toThrow('a size such as')
  })
})
