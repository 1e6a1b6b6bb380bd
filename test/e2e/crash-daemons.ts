/**
 * Real daemons under SIGKILL while clients write: `npm run crash:daemons [-- --rounds 200 --seed 1]`.
 *
 * A closed grid of five, three clients that put files and change two directories and some slots. In each round daemons
 * are killed at seeded moments, perhaps again while they start, or clients, or all of them at once. After each, every
 * change that was acknowledged is found again, every file whole, and nothing that nobody wrote.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { FaultTable } from '../support/fault-table.ts'
import { CrashRounds } from './crash/rounds.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } },
})
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130))
const roundCount = Number(values.rounds)
const folder = await mkdtemp(join(tmpdir(), 'cairn-crash-daemons-'))
const table = new FaultTable()
const rounds = await CrashRounds.open(folder, Number(values.seed), table)
const startedAt = performance.now()
let problemCount = 0
for (let round = 1; round <= roundCount; round += 1) {
  const problems = await rounds.play()
  problemCount += problems.length
  for (const problem of problems) console.error(`round ${round} of seed ${values.seed}: ${problem}`)
}
await rounds[Symbol.asyncDispose]()
const { count, readCount, failedCount, promises, files } = rounds.acknowledged
const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
console.log(
  `${roundCount} rounds in ${seconds} s: ${count} operations acknowledged, ${failedCount} failed,` +
    ` ${readCount} gets under fire; ${files.length} files, ${promises.things.length} names and slots read back,` +
    ` ${promises.cameBackCount} removed names came back out of a fork`,
)
console.log(table.toString())
if (problemCount === 0) await rm(folder, { recursive: true, force: true })
else console.error(`${problemCount} promises broken; the homes are kept in ${folder}`)
process.exitCode = problemCount === 0 ? 0 : 1
