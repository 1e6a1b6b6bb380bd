/**
 * `npm run sim:long`: hundreds of grids over years, on all cores. Each seed is a process of its own; what it found goes
 * into a file as it ends, so that a run that was stopped goes on where it was.
 *
 *     npm run sim:long -- --count 200 [--from 1000] [--servers 200] [--days 365] [--out FILE] [--jobs 2]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, readFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { FaultTable } from '../support/fault-table.ts'
import { DAYS_DEFAULT, SERVERS_DEFAULT } from './years/years-outcome.ts'

const ONE_SEED = fileURLToPath(new URL('one-seed.ts', import.meta.url))

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100' },
    from: { type: 'string', default: '1000' },
    servers: { type: 'string', default: String(SERVERS_DEFAULT) },
    days: { type: 'string', default: String(DAYS_DEFAULT) },
    out: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism()) },
  },
})
const outcomeLine = z.strictObject({
  seed: z.number(),
  servers: z.number(),
  days: z.number(),
  trace: z.string(),
  faults: z.record(z.string(), z.number()),
  losses: z.number(),
  wrongBytes: z.number(),
  broken: z.string().optional(),
})
type Outcome = z.output<typeof outcomeLine>

const servers = Number(values.servers)
const days = Number(values.days)
const out = values.out ?? join(tmpdir(), `cairn-sim-${servers}-servers-${days}-days.jsonl`)
const outcomes = new Map((await readOutcomes()).map((outcome) => [outcome.seed, outcome]))
const seeds = Array.from({ length: Number(values.count) }, (_, index) => Number(values.from) + index)
const left = seeds.filter((seed) => !outcomes.has(seed))
console.log(`${seeds.length} seeds, ${left.length} to play; outcomes in ${out}`)
const queue = left[Symbol.iterator]()
await Promise.all(
  Array.from({ length: Number(values.jobs) }, async () => {
    for (const seed of queue) {
      const outcome = await play(seed)
      outcomes.set(seed, outcome)
      await appendFile(out, `${JSON.stringify(outcome)}\n`)
      if (outcome.broken !== undefined) console.error(`seed ${seed}: ${outcome.broken}`)
    }
  }),
)

const table = new FaultTable()
const played = seeds.flatMap((seed) => outcomes.get(seed) ?? [])
for (const { faults, losses, wrongBytes } of played) {
  table.add(new Map(Object.entries(faults)), { losses, wrongBytes })
}
console.log(`\n${table}`)
const failed = played.filter(({ broken }) => broken !== undefined)
console.log(`${played.length} runs of ${servers} servers over ${days} days, ${failed.length} failed`)
for (const { seed, broken } of failed) {
  console.log(`npm run sim -- --seed ${seed} --servers ${servers} --days ${days}    ${broken}`)
}
process.exitCode = failed.length === 0 ? 0 : 1

async function play(seed: number): Promise<Outcome> {
  const child = fork(ONE_SEED, [String(seed), String(servers), String(days)])
  const [outcome] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the process of seed ${seed} ended with ${code} and said nothing`)
    }),
  ])
  return outcomeLine.parse(outcome)
}

async function readOutcomes(): Promise<readonly Outcome[]> {
  const text = await readFile(out, 'utf8').catch(() => '')
  // The last line is whole, or its seed is played again.
  const lines = text.split('\n').slice(0, -1)
  const all = lines.map((line) => outcomeLine.parse(JSON.parse(line)))
  return all.filter((outcome) => outcome.servers === servers && outcome.days === days)
}
