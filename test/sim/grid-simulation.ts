/**
 * A whole grid in one process, from one seed: many servers, a few clients, and faults while they work.
 *
 * Fault budget: at any time at most n - k servers are without power, cut off, or hold a rotten share that no repair
 * has seen yet. Within it, a healthy grid must never return wrong bytes, never lose what a put has promised, and keep
 * every promise once the faults are over. Some servers are too small, and fill up. Slots are changed and read all the
 * while, also beyond what their quorums bear: then an update may fail, and nothing reported as written may get lost.
 */
import { createHash } from 'node:crypto'
import {
  equalBytes,
  type FileReadCapability,
  GridError,
  LAYOUT,
  MATRIX,
  openCodec,
  type StorageIndex,
  TAGS,
  taggedHash,
  toBase32,
  toVerifyCapability,
  utf8,
} from '#crypto'
import { checkFile, downloadFile, type Grid, type GridServer, happiness, repairFile, uploadFile } from '#node'
import { nativeBulkCrypto } from '../../node/platform/bulk-crypto.ts'
import { silentLog } from '../../node/platform/log.ts'
import { SlotsSeen } from '../../node/slots/seen.ts'
import { SimClock } from './sim-clock.ts'
import { SimWorld } from './sim-network.ts'
import { SimRandom } from './sim-random.ts'
import { remoteOf, SimServer } from './sim-server.ts'
import { SimSlots } from './sim-slots.ts'

export interface SimulationOptions {
  readonly seed: number
  readonly serverCount: number
  readonly rounds: number
}

export interface SimulationReport {
  readonly seed: number
  /** Hash over everything that happened and when: equal seeds give equal traces. */
  readonly trace: string
  readonly simulatedSeconds: number
  readonly counts: Readonly<Record<string, number>>
}

const ENCODING = {
  neededShares: 3,
  totalShares: 10,
  matrix: MATRIX.vandermonde,
  layout: LAYOUT.bits,
  segmentSizeBytes: 16 * 1024,
}
const HAPPY_SERVERS = 7
const FAULTS_MAX = ENCODING.totalShares - ENCODING.neededShares
const FILE_SIZE_MAX_BYTES = 80_000
const CLIENT_COUNT = 3
/** Stands in every plaintext; must stand nowhere else. */
const MARKER = utf8('this is plaintext that no server may ever see')
/** Bytes that stand unread in one channel: the window of the simulated network and one message. */
const CHANNEL_BYTES_MAX = 8 * 1024 * 1024

/** @throws Error naming the seed and what was broken */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  // Compiled outside of virtual time: compilation ends when the machine likes.
  await openCodec(ENCODING)
  const clock = new SimClock()
  const simulation = new Simulation(options, clock)
  try {
    return await clock.run(() => simulation.run())
  } catch (cause) {
    const { seed, serverCount, rounds } = options
    const replay = `npm run sim -- --seed ${seed} --servers ${serverCount} --rounds ${rounds}`
    throw new Error(
      `seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}; replay: ${replay}`,
      {
        cause,
      },
    )
  }
}

interface StoredFile {
  readonly capability: FileReadCapability
  readonly content: Uint8Array
}

class Simulation {
  readonly #options: SimulationOptions
  readonly #clock: SimClock
  readonly #random: SimRandom
  readonly #world: SimWorld
  readonly #trace = createHash('sha256')
  readonly #counts = new Map<string, number>()
  readonly #files: StoredFile[] = []
  /** Servers with a fault now, and what ends it. */
  readonly #faulty = new Map<SimServer, () => Promise<void>>()
  readonly #slots: SimSlots
  #servers: readonly SimServer[] = []
  #clients: readonly Grid[] = []

  constructor(options: SimulationOptions, clock: SimClock) {
    this.#options = options
    this.#clock = clock
    this.#random = new SimRandom(options.seed)
    this.#slots = new SimSlots(this.#random.fork())
    this.#world = new SimWorld({
      clock,
      random: new SimRandom(this.#random.u32()),
      // Home lines, so that work lasts long enough for faults to meet it.
      latencyMilliseconds: { least: 5, most: 60 },
      bytesPerSecond: 500_000,
    })
  }

  async run(): Promise<SimulationReport> {
    this.#servers = await Promise.all(
      Array.from({ length: this.#options.serverCount }, () =>
        // Every fifth server is so small that it fills up.
        SimServer.open(this.#world, {
          capacityBytes: this.#random.below(5) === 0 ? 60_000 : 1e9,
          seed: this.#random.u32(),
        }),
      ),
    )
    this.#clients = Array.from({ length: CLIENT_COUNT }, () => this.#client())
    for (let round = 0; round < this.#options.rounds; round += 1) {
      await this.#round()
      this.#checkBounds()
    }
    await this.#endFaults()
    await this.#keepPromises()
    this.#searchDisks()
    for (const server of this.#servers) await server.close()
    return {
      seed: this.#options.seed,
      trace: this.#trace.digest('hex').slice(0, 16),
      simulatedSeconds: Math.round(this.#clock.elapsed() / 1000),
      counts: Object.fromEntries([...this.#counts].sort()),
    }
  }

  /** Each client does something, while faults come and go. */
  async #round(): Promise<void> {
    const work = this.#clients.map(async (grid) => {
      await this.#clock.sleep(this.#random.below(500))
      const dice = this.#random.below(14)
      if (dice >= 12) return this.#withSlots('slot read', () => this.#slots.read(grid))
      if (dice >= 10) return this.#withSlots('slot update', () => this.#slots.update(grid))
      if (dice < 4 || this.#files.length === 0) return this.#put(grid)
      if (dice < 8) return this.#get(grid, this.#anyFile())
      return dice === 8 ? this.#check(grid, this.#anyFile()) : this.#repair(grid, this.#anyFile())
    })
    const faults = this.#changeFaults()
    await Promise.all([...work, faults])
    await this.#clock.sleep(this.#random.below(5000))
  }

  async #put(grid: Grid): Promise<void> {
    const content = this.#content()
    const source = { sizeBytes: content.length, rereadable: true, open: () => runsOf(content) }
    try {
      const { capability, placements } = await uploadFile(grid, source, {
        encoding: ENCODING,
        happyServers: HAPPY_SERVERS,
      })
      if (capability.kind !== 'file') throw new Error('a file capability is expected')
      const held = this.#held(toVerifyCapability(capability).storageIndex)
      must(happiness(held) >= HAPPY_SERVERS, `a put returned with ${happiness(held)} happy servers`)
      must(happiness(placements) >= HAPPY_SERVERS, 'a put named fewer placements than happy servers')
      this.#files.push({ capability, content })
      this.#note('put', content.length)
    } catch (error) {
      this.#noteFailure('put', error)
    }
  }

  async #get(grid: Grid, file: StoredFile): Promise<void> {
    const start = this.#random.below(file.content.length)
    const end = start + this.#random.below(file.content.length - start) + 1
    try {
      await this.#read(grid, file, { start, end })
      this.#note('get', end - start)
    } catch (error) {
      this.#noteFailure('get', error)
    }
  }

  async #read(grid: Grid, file: StoredFile, range: { start: number; end: number }): Promise<void> {
    const download = await downloadFile(grid, file.capability, { range })
    let offset = range.start
    for await (const bytes of download.content) {
      const right = file.content.subarray(offset, offset + bytes.length)
      must(equalBytes(bytes, right), 'a get returned wrong bytes')
      offset += bytes.length
    }
    must(offset === range.end, 'a get returned too few bytes')
  }

  async #withSlots(what: string, work: () => Promise<number>): Promise<void> {
    try {
      this.#note(what, await work())
    } catch (error) {
      this.#noteFailure(what, error)
    }
  }

  async #check(grid: Grid, file: StoredFile): Promise<void> {
    const report = await checkFile(grid, toVerifyCapability(file.capability))
    this.#note('check', report.foundCount)
  }

  async #repair(grid: Grid, file: StoredFile): Promise<void> {
    try {
      const { made } = await repairFile(grid, toVerifyCapability(file.capability))
      this.#note('repair', made.length)
    } catch (error) {
      this.#noteFailure('repair', error)
    }
  }

  /** End some faults, and begin others within the budget. */
  async #changeFaults(): Promise<void> {
    for (const [server, end] of [...this.#faulty]) {
      if (this.#random.below(4) > 0) continue
      this.#faulty.delete(server)
      await end()
    }
    while (this.#faulty.size < FAULTS_MAX && this.#random.below(8) > 0) {
      const server = this.#servers[this.#random.below(this.#servers.length)]
      if (server === undefined || this.#faulty.has(server)) continue
      await this.#clock.sleep(this.#random.below(300))
      this.#faulty.set(server, await this.#beginFault(server))
    }
  }

  async #beginFault(server: SimServer): Promise<() => Promise<void>> {
    const kind = this.#random.below(3)
    if (kind === 0) {
      this.#note('fault: power lost', 0)
      await server.losePower()
      return () => server.restart()
    }
    if (kind === 1) {
      this.#note('fault: cut off', 0)
      const cutOff = [...this.#faulty.keys()].filter((other) => other.isRunning)
      this.#world.partition([[], [server, ...cutOff].map(({ id }) => id)])
      return async () => this.#world.heal()
    }
    const path = await server.rot()
    this.#note('fault: bit rot', path === undefined ? 0 : 1)
    return async () => {
      if (path !== undefined) await this.#repairShareAt(path)
    }
  }

  /** The owner of a rotten share repairs the file it belongs to. */
  async #repairShareAt(path: string): Promise<void> {
    const file = this.#files.find(({ capability }) =>
      path.includes(toBase32(toVerifyCapability(capability).storageIndex)),
    )
    const [grid] = this.#clients
    if (file !== undefined && grid !== undefined) await this.#repair(grid, file)
  }

  async #endFaults(): Promise<void> {
    this.#world.heal()
    for (const [server, end] of [...this.#faulty]) {
      this.#faulty.delete(server)
      await end()
    }
    await this.#clock.sleep(60_000)
  }

  /** With the faults over, everything that was promised is there, whole, and can be made healthy. */
  async #keepPromises(): Promise<void> {
    const [grid] = this.#clients
    if (grid === undefined) return
    for (const file of this.#files) {
      await this.#read(grid, file, { start: 0, end: file.content.length })
      const verify = toVerifyCapability(file.capability)
      const { after } = await repairFile(grid, verify)
      must(after.isHealthy, `a repair without faults left shares ${after.missing} missing`)
      const held = happiness(this.#held(verify.storageIndex))
      must(held >= HAPPY_SERVERS, `after a repair ${held} servers are happy`)
      this.#note('kept', file.content.length)
    }
    this.#note('kept slots', await this.#slots.keepPromises(grid))
  }

  /** No plaintext and no key on any disk. */
  #searchDisks(): void {
    const keys = this.#files.map(({ capability }) => Buffer.from(capability.readKey.reveal()))
    for (const { name, bytes } of this.#servers.flatMap((server) => server.contents())) {
      const content = Buffer.from(bytes)
      must(!content.includes(MARKER), `plaintext stands in ${name}`)
      must(!keys.some((key) => content.includes(key)), `a read key stands in ${name}`)
    }
  }

  #checkBounds(): void {
    must(
      this.#world.peakChannelBytes < CHANNEL_BYTES_MAX,
      `${this.#world.peakChannelBytes} bytes stood in a channel`,
    )
    const idle = this.#servers.filter(({ inFlightBytes }) => inFlightBytes > CHANNEL_BYTES_MAX)
    must(idle.length === 0, 'a server holds more requests than it may')
  }

  #held(storageIndex: StorageIndex): { serverId: string; shareNumber: number }[] {
    return this.#servers.flatMap((server) =>
      server.sharesOf(storageIndex).map((shareNumber) => ({ serverId: server.id, shareNumber })),
    )
  }

  #client(): Grid {
    const network = this.#world.node({ listens: false })
    const platform = { network, clock: this.#clock }
    const servers = this.#servers.map((server) => remoteOf(server, platform))
    const random = new SimRandom(this.#random.u32())
    const ring = (storageIndex: StorageIndex): readonly GridServer[] =>
      servers
        .map((server) => ({
          server,
          place: toBase32(taggedHash(TAGS.ring, storageIndex, utf8(server.serverId))),
        }))
        .sort((left, right) => (left.place < right.place ? -1 : 1))
        .map(({ server }) => server)
    const slotsSeen = new SlotsSeen()
    return { clock: this.#clock, random, log: silentLog, bulk: nativeBulkCrypto, ring, slotsSeen }
  }

  #content(): Uint8Array {
    const content = this.#random.bytes(MARKER.length + 100 + this.#random.below(FILE_SIZE_MAX_BYTES))
    content.set(MARKER)
    return content
  }

  #anyFile(): StoredFile {
    const file = this.#files[this.#random.below(this.#files.length)]
    if (file === undefined) throw new Error('there are no files yet')
    return file
  }

  #note(what: string, value: number): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
    this.#trace.update(`${what} ${value} ${this.#clock.elapsed().toFixed(3)}\n`)
  }

  /** Under faults work may fail, but only in ways that have a name. */
  #noteFailure(what: string, error: unknown): void {
    if (!(error instanceof GridError)) throw error
    this.#note(`${what}: ${error.code}`, 0)
  }
}

function must(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken)
}

async function* runsOf(content: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let start = 0; start < content.length; start += 10_000) yield content.slice(start, start + 10_000)
}
