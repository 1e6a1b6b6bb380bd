/**
 * A grid of hundreds of servers over years, from one seed: servers come, go, fail, lie and are restored from old disks;
 * people put, change, forget and repair; every fortnight or so the dust settles and everything promised is looked at.
 *
 * The fault budget is in fault-budget.ts. Within it nothing wrong is ever returned, a put that returns is on h servers,
 * what was promised is there, whole, after each round of repair, no plaintext or key stands on a disk or goes over a wire,
 * nothing stays without a lease, and nothing grows.
 */
import { createHash } from 'node:crypto'
import { openCodec } from '#crypto'
import { SimClock } from '../sim-clock.ts'
import { SimWorld } from '../sim-network.ts'
import { SimRandom } from '../sim-random.ts'
import { FaultBudget } from './fault-budget.ts'
import { ENCODING } from './numbers.ts'
import { Secrets } from './secrets.ts'
import { checkBounds, checkIndex, checkLeases, checkPeaks, searchDisk } from './years-checks.ts'
import { YearsFaults } from './years-faults.ts'
import { YearsClient, YearsGrid } from './years-grid.ts'
import { YearsWork } from './years-work.ts'

export interface YearsOptions {
  readonly seed: number
  readonly serverCount: number
  readonly days: number
}

export interface YearsReport {
  /** Hash over everything that happened and when: equal seeds give equal traces. */
  readonly trace: string
  readonly simulatedDays: number
  /** What was done, and how it went. */
  readonly counts: ReadonlyMap<string, number>
  /** Kinds of faults, and how often each was injected. */
  readonly faults: ReadonlyMap<string, number>
  /** What ended the run early. */
  readonly broken: Error | undefined
}

const CLIENT_COUNT = 3
const OPERATIONS_PER_STEP = 3
const FILES_MAX = 16
const DAY_SECONDS = 24 * 3600
/** A step is up to so long; leases last 31 days and are renewed every 14 at most. */
const STEP_DAYS_MAX = 3
const REPAIR_AFTER_DAYS = 11
const HOURS_TO_COLLECT = 3
const LATENCY_MILLISECONDS = { least: 5, most: 60 }
const BYTES_PER_SECOND = 500_000

/** @returns the report, whatever came */
export async function simulateYears(options: YearsOptions): Promise<YearsReport> {
  // Compiled outside of virtual time: compilation ends when the machine likes.
  await openCodec(ENCODING)
  const clock = new SimClock()
  const simulation = new YearsSimulation(options, clock)
  let broken: Error | undefined
  try {
    await clock.run(() => simulation.run())
  } catch (error) {
    broken = error instanceof Error ? error : new Error(String(error))
  }
  return simulation.report(broken)
}

class YearsSimulation {
  readonly #options: YearsOptions
  readonly #clock: SimClock
  readonly #random: SimRandom
  readonly #secrets = new Secrets()
  readonly #grid: YearsGrid
  readonly #trace = createHash('sha256')
  readonly #counts = new Map<string, number>()
  readonly #faultCounts = new Map<string, number>()
  readonly #clients: readonly YearsClient[]
  readonly #work: YearsWork
  readonly #budget: FaultBudget
  readonly #faults: YearsFaults

  constructor(options: YearsOptions, clock: SimClock) {
    this.#options = options
    this.#clock = clock
    this.#random = new SimRandom(options.seed)
    const random = () => this.#random.fork()
    const world = new SimWorld({
      clock,
      random: random(),
      latencyMilliseconds: LATENCY_MILLISECONDS,
      bytesPerSecond: BYTES_PER_SECOND,
      onBytes: (bytes) => this.#secrets.search(bytes, 'a message'),
    })
    const grid = new YearsGrid(world, random())
    const note = (what: string, value: number) => this.#note(what, value)
    this.#grid = grid
    this.#clients = Array.from({ length: CLIENT_COUNT }, () => new YearsClient(grid, random(), this.#secrets))
    this.#work = new YearsWork({ grid, random: random(), secrets: this.#secrets, filesMax: FILES_MAX, note })
    this.#budget = new FaultBudget(grid, () => this.#work.promised())
    this.#faults = new YearsFaults({
      grid,
      clients: this.#clients,
      budget: this.#budget,
      random: random(),
      serverCount: options.serverCount,
      note: (kind) => this.#noteFault(kind),
    })
  }

  async run(): Promise<void> {
    for (let count = 0; count < this.#options.serverCount; count += 1)
      this.#grid.admit(await this.#grid.prepare())
    await this.#work.begin(this.#clients)
    let repairedAt = 0
    while (this.#days < this.#options.days) {
      await this.#clock.leap((1 + this.#random.below(STEP_DAYS_MAX)) * DAY_SECONDS * 1000)
      await this.#faults.strike()
      await this.#workAndDisturb()
      if (this.#days - repairedAt < REPAIR_AFTER_DAYS) continue
      repairedAt = this.#days
      await this.#settle()
    }
    await this.#settle()
    for (const server of this.#grid.servers) await checkIndex(server)
    await this.#work.keepPromises(this.#repairer.grid)
    for (const server of this.#grid.servers) await server.close()
  }

  report(broken: Error | undefined): YearsReport {
    return {
      trace: this.#trace.digest('hex').slice(0, 16),
      simulatedDays: Math.round(this.#days),
      counts: new Map([...this.#counts].sort()),
      faults: this.#faultCounts,
      broken,
    }
  }

  async #workAndDisturb(): Promise<void> {
    const work = this.#clients.map(async (client, place) => {
      for (let count = 0; count < OPERATIONS_PER_STEP; count += 1) {
        await this.#clock.sleep(this.#random.below(400))
        await this.#work.operate(client, place)
        checkPeaks(this.#grid)
      }
    })
    await Promise.all([...work, this.#faults.disturb()])
    for (const client of this.#clients) client.hangUp()
    for (const { network } of this.#clients) this.#grid.world.bringUp(network.localId)
  }

  /** Faults that pass are over: repair, then everything must be as promised. */
  async #settle(): Promise<void> {
    await this.#faults.calm()
    await this.#work.repairAll(this.#repairer.grid)
    this.#budget.renew()
    await this.#work.keepPromises(this.#repairer.grid)
    for (const client of this.#clients) client.hangUp()
    await this.#clock.leap(HOURS_TO_COLLECT * 3600 * 1000)
    // What woke up has done its work.
    await this.#clock.sleep(10_000)
    checkBounds(this.#grid)
    for (const server of this.#grid.servers) {
      checkLeases(server, Math.floor(this.#clock.now() / 1000))
      searchDisk(server, this.#secrets)
    }
    this.#note('settled', this.#grid.servers.length)
  }

  /** One of the clients, while none works. */
  get #repairer(): YearsClient {
    const [first] = this.#clients
    if (first === undefined) throw new Error('there are no clients')
    return first
  }

  get #days(): number {
    return this.#clock.elapsed() / 1000 / DAY_SECONDS
  }

  #note(what: string, value: number): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
    this.#trace.update(`${what} ${value} ${this.#clock.elapsed().toFixed(3)}\n`)
  }

  #noteFault(kind: string): void {
    this.#faultCounts.set(kind, (this.#faultCounts.get(kind) ?? 0) + 1)
    this.#trace.update(`fault ${kind} ${this.#clock.elapsed().toFixed(3)}\n`)
  }
}
