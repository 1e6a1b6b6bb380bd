/**
 * `npm run sim`: simulated grids from seeds. Without options some over hours, in which faults come thick, some of members
 * who join and are expelled, and the runs of seeds.ts, over years; with a seed that one, exactly as it was.
 *
 *     npm run sim -- --seed 41 [--servers 200] [--days 365]
 *     npm run sim -- --seed 41 --members 10 [--rounds 8]
 *     npm run sim -- --seed 41 --rounds 40 [--servers 100]      hours
 */
import { parseArgs } from 'node:util'
import { FaultTable } from '../support/fault-table.ts'
import { simulate } from './grid-simulation.ts'
import { type MembersOptions, simulateMembers } from './members/members-simulation.ts'
import { SEEDS } from './seeds.ts'
import { brokenBy, DAYS_DEFAULT, describeYears, SERVERS_DEFAULT } from './years/years-outcome.ts'
import { simulateYears, type YearsOptions } from './years/years-simulation.ts'

const HOURS_SEEDS = [1, 2, 3]
const HOURS_SERVERS_DEFAULT = 100
const HOURS_ROUNDS_DEFAULT = 30
/** Faults of a grid over hours, as the others call them. */
const HOURS_FAULTS = new Map([
  ['fault: power lost', 'power lost, unsynced writes too'],
  ['fault: cut off', 'cut off from the others'],
  ['fault: bit rot', 'a bit of a share turned over'],
])
const MEMBERS_SEEDS = [1, 2, 3]
const MEMBERS_DEFAULT = 10
const MEMBERS_ROUNDS_DEFAULT = 8

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    servers: { type: 'string' },
    days: { type: 'string' },
    rounds: { type: 'string' },
    members: { type: 'string' },
  },
})
const seed = values.seed === undefined ? undefined : Number(values.seed)
const servers = values.servers === undefined ? undefined : Number(values.servers)
const table = new FaultTable()
let failed = 0

async function playYears(options: YearsOptions): Promise<void> {
  const startedAt = performance.now()
  const report = await simulateYears(options)
  console.log(describeYears(options, report, performance.now() - startedAt))
  table.add(report.faults, brokenBy(report.broken))
  if (report.broken === undefined) return
  failed += 1
  console.error(report.broken)
}

async function playHours(hoursSeed: number, rounds: number): Promise<void> {
  const startedAt = performance.now()
  try {
    const serverCount = servers ?? HOURS_SERVERS_DEFAULT
    const report = await simulate({ seed: hoursSeed, serverCount, rounds })
    const took = ((performance.now() - startedAt) / 1000).toFixed(1)
    console.log(`hours, seed ${hoursSeed}: ${report.simulatedSeconds} s in ${took} s, trace ${report.trace}`)
    const counts = Object.entries(report.counts).map(([what, count]) => `${what} ${count}`)
    console.log(`  ${counts.join(', ')}`)
    const faults = Object.entries(report.counts).flatMap(([what, count]) => {
      const kind = HOURS_FAULTS.get(what)
      return kind === undefined ? [] : [[kind, count] as const]
    })
    table.add(new Map(faults), brokenBy(undefined))
  } catch (error) {
    failed += 1
    console.error(error)
  }
}

async function playMembers(options: MembersOptions): Promise<void> {
  const startedAt = performance.now()
  const report = await simulateMembers(options)
  const took = ((performance.now() - startedAt) / 1000).toFixed(1)
  const counts = [...report.counts].map(([what, count]) => `${what} ${count}`)
  const { seed: ofMembers, memberCount, rounds } = options
  console.log(`members, seed ${ofMembers}: ${memberCount} at first, in ${took} s, trace ${report.trace}`)
  console.log(`  ${counts.join(', ')}`)
  console.log(`  replay: npm run sim -- --seed ${ofMembers} --members ${memberCount} --rounds ${rounds}`)
  table.add(report.faults, brokenBy(report.broken))
  if (report.broken === undefined) return
  failed += 1
  console.error(report.broken)
}

const memberCount = Number(values.members ?? MEMBERS_DEFAULT)
const memberRounds = Number(values.rounds ?? MEMBERS_ROUNDS_DEFAULT)
if (seed !== undefined && values.members !== undefined) {
  await playMembers({ seed, memberCount, rounds: memberRounds })
} else if (seed !== undefined && values.rounds !== undefined) await playHours(seed, Number(values.rounds))
else if (seed !== undefined) {
  const days = Number(values.days ?? DAYS_DEFAULT)
  await playYears({ seed, serverCount: servers ?? SERVERS_DEFAULT, days })
} else {
  for (const hoursSeed of HOURS_SEEDS) await playHours(hoursSeed, HOURS_ROUNDS_DEFAULT)
  for (const ofMembers of MEMBERS_SEEDS)
    await playMembers({ seed: ofMembers, memberCount, rounds: memberRounds })
  for (const { name, ...options } of SEEDS) {
    console.log(`\n${name}`)
    await playYears(options)
  }
}
console.log(`\n${table}`)
console.log(failed === 0 ? 'everything held' : `${failed} runs failed`)
process.exitCode = failed === 0 ? 0 : 1
