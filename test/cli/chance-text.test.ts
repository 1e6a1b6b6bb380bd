import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CLAIM_LEAST } from '#node'
import { stateBound } from '../../cli/chance-text.ts'

describe('stateBound', () => {
  test.each([
    [0, 'below 1 in 1,000,000'],
    [1e-12, 'below 1 in 1,000,000'],
    [1e-6, 'below 1 in 1,000,000'],
    [1 / 43_210, 'below 1 in 40,000'],
    [0.001, 'below 1 in 1,000'],
    [0.0999, 'below 1 in 10'],
    [0.11, 'up to 20 %'],
    [0.5, 'up to 50 %'],
    [0.51, 'more likely than not, as far as can be told'],
  ])('%s is %s', (chance, text) => expect(stateBound(chance)).toBe(text))

  test('never claims less than the chance', () => {
    fc.assert(
      fc.property(fc.double({ min: CLAIM_LEAST, max: 0.1, noNaN: true }), (chance) => {
        const odds = Number(stateBound(chance).replace('below 1 in ', '').replaceAll(',', ''))
        expect(1 / odds).toBeGreaterThanOrEqual(chance * (1 - 1e-8))
      }),
    )
  })
})
