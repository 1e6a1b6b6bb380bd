/**
 * Histories of a repository of backups, from seeds, until one does not keep what is promised.
 *
 *     npm run sim:backup -- [--seed N] [--count N] [--actions N]
 */
import { parseArgs } from 'node:util'
import { BackupHistory } from '../support/backup-history.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
    actions: { type: 'string', default: '12' },
  },
})
const first = Number(values.seed)
const count = Number(values.count)
for (let seed = first; seed < first + count; seed += 1) {
  const history = await BackupHistory.open({ seed, actionsEach: Number(values.actions), restoreOneIn: 60 })
  try {
    await history.run()
  } catch (error) {
    console.error(
      `seed ${seed}: replay with npm run sim:backup -- --seed ${seed} --actions ${values.actions}`,
    )
    throw error
  }
  console.log(`seed ${seed}: ${JSON.stringify(history.counts)}`)
}
