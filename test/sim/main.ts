/**
 * `npm run sim`: simulate a grid for a set of seeds, or replay one.
 *
 *     npm run sim -- --seed 41
 *     npm run sim -- --seeds 20 --servers 100 --rounds 60
 */
import { parseArgs } from 'node:util'
import { simulate } from './grid-simulation.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '6' },
    servers: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '40' },
  },
})
const seeds =
  values.seed === undefined
    ? Array.from({ length: Number(values.seeds) }, (_, index) => index + 1)
    : [Number(values.seed)]
let failed = 0
for (const seed of seeds) {
  const started = performance.now()
  try {
    const report = await simulate({
      seed,
      serverCount: Number(values.servers),
      rounds: Number(values.rounds),
    })
    const took = ((performance.now() - started) / 1000).toFixed(1)
    const counts = Object.entries(report.counts).map(([what, count]) => `${what} ${count}`)
    console.log(`seed ${seed}: ${report.simulatedSeconds} s simulated in ${took} s, trace ${report.trace}`)
    console.log(`  ${counts.join(', ')}`)
  } catch (error) {
    failed += 1
    console.error(error)
  }
}
console.log(`${seeds.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
