/** What a repository promises, over histories from seeds: test/support/backup-history.ts, `npm run sim:backup`. */
import { describe, expect, test } from 'vitest'
import { BackupHistory } from '../../../support/backup-history.ts'

/** More of them run in test/sim/backup.ts. */
const SEEDS = Array.from({ length: 8 }, (_, place) => place + 1)

describe('a repository that hosts back up to, forget and prune at once, while processes die', () => {
  test.each(SEEDS)('keeps every snapshot that was published and not forgotten: seed %i', async (seed) => {
    const history = await BackupHistory.open({ seed, actionsEach: 7, restoreOneIn: 80 })
    await history.run()
    expect(history.counts.backups).toBeGreaterThan(0)
    expect(history.counts.restores).toBeGreaterThan(1)
  })

  test('is the same from the same seed', async () => {
    const counts = []
    for (let times = 0; times < 2; times += 1) {
      const history = await BackupHistory.open({ seed: 99, actionsEach: 4, restoreOneIn: 80 })
      await history.run()
      counts.push(history.counts)
    }
    expect(counts[0]).toEqual(counts[1])
  })
})
