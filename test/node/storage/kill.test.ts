/** I2 in a real process on a real disk; many more rounds: `npm run crash`. */
import { expect, test } from 'vitest'
import { crashFolder, crashRound } from '../../e2e/crash-rounds.ts'

test('a process killed at many points of its writes leaves whole shares, its slot, and every acknowledged one', async () => {
  await using place = await crashFolder()
  let acknowledged = 0
  for (const [round, killAtStep] of [9, 31, 61, 150, 240].entries()) {
    acknowledged += (await crashRound(place.folder, { round, killAtStep })).acknowledged
  }
  acknowledged += (await crashRound(place.folder, { round: 100, killAfterMilliseconds: 20 })).acknowledged
  expect(acknowledged).toBeGreaterThan(20)
  // Six processes start, on a machine that may have much else to do.
}, 120_000)
