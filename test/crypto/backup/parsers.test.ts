/** Every parser of FORMAT §18 and §19, as `npm run fuzz` does it at length. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { IntegrityError, InvalidInputError } from '#crypto'
import { backupTargets } from '../../fuzz/backup-targets.ts'

test.each(Object.entries(backupTargets))('%s: other bytes are refused, or are sound', async (_, target) => {
  let refused = 0
  await fc.assert(
    fc.asyncProperty(target.inputs, async (bytes) => {
      try {
        await target.parse(bytes)
      } catch (error) {
        if (!(error instanceof InvalidInputError) && !(error instanceof IntegrityError)) throw error
        refused += 1
      }
    }),
    { numRuns: 150 },
  )
  expect(refused).toBeGreaterThan(50)
})
