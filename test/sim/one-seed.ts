/** One seed, for `npm run sim:long`: `node one-seed.ts SEED SERVERS DAYS`, whose outcome goes to the parent process. */
import { brokenBy } from './years/years-outcome.ts'
import { simulateYears } from './years/years-simulation.ts'

const [seed = 0, servers = 0, days = 0] = process.argv.slice(2).map(Number)
const { trace, faults, broken } = await simulateYears({ seed, serverCount: servers, days })
const outcome = {
  seed,
  servers,
  days,
  trace,
  faults: Object.fromEntries(faults),
  ...brokenBy(broken),
  broken: broken?.stack,
}
process.send?.(outcome, () => process.exit())
