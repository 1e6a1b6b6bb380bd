/** One grid of daemons through many rounds: clients work, processes are killed, everything acknowledged is read back. */
import { formatCapability, parseCapability } from '#crypto'
import { type GridFiles, requireDirectoryWrite } from '#gateway'
import { openFiles } from '../../../cli/session.ts'
import { SimRandom } from '../../sim/sim-random.ts'
import type { FaultTable } from '../../support/fault-table.ts'
import { Acknowledged } from './acknowledged.ts'
import { ClientProcess } from './client-process.ts'
import { DaemonGrid } from './grid-of-daemons.ts'
import { Judge, judgeStorage } from './judge.ts'
import type { Told } from './told.ts'

const DAEMONS = ['ann', 'bob', 'carol', 'dan', 'eve']
/** Two with nodes of their own, and one that works through a daemon which may be killed under it. */
const CLIENTS = [
  { name: 'una', home: 'una', viaDaemon: false },
  { name: 'duo', home: 'duo', viaDaemon: false },
  { name: 'via', home: 'bob', viaDaemon: true },
] as const
const JUDGE = 'judge'
/** Every so often all daemons are killed at once, and each disk is looked at alone. */
const ALL_EVERY_ROUNDS = 6
const KILL_AFTER_MILLISECONDS_MAX = 700
const STARTUP_MILLISECONDS_MAX = 1200

export class CrashRounds implements AsyncDisposable {
  readonly acknowledged = new Acknowledged()
  readonly #grid: DaemonGrid
  readonly #files: GridFiles
  readonly #judge: Judge
  readonly #directories: Readonly<Record<string, string>>
  readonly #random: SimRandom
  readonly #table: FaultTable
  readonly #clients = new Map<string, ClientProcess>()
  readonly #broken: (Told & { kind: 'broken' })[] = []
  #injected = new Map<string, number>()
  #round = 0

  private constructor(parts: {
    readonly grid: DaemonGrid
    readonly files: GridFiles
    readonly directories: Readonly<Record<string, string>>
    readonly seed: number
    readonly table: FaultTable
  }) {
    this.#grid = parts.grid
    this.#files = parts.files
    this.#directories = parts.directories
    this.#random = new SimRandom(parts.seed)
    this.#table = parts.table
    const opened = Object.entries(parts.directories).map(
      ([name, text]) => [name, requireDirectoryWrite(parseCapability(text))] as const,
    )
    this.#judge = new Judge(parts.files, Object.fromEntries(opened))
  }

  static async open(folder: string, seed: number, table: FaultTable): Promise<CrashRounds> {
    const clients = [...CLIENTS.filter(({ viaDaemon }) => !viaDaemon).map(({ home }) => home), JUDGE]
    const grid = await DaemonGrid.make(folder, { daemons: DAEMONS, clients })
    const files = await openFiles(grid.home(JUDGE), new AbortController().signal)
    const directories: Record<string, string> = {}
    for (const name of ['shared', 'other']) {
      directories[name] = formatCapability(await files.makeDirectory())
    }
    return new CrashRounds({ grid, files, directories, seed, table })
  }

  /** @returns what was broken in it, in words */
  async play(): Promise<readonly string[]> {
    this.#round += 1
    this.#injected = new Map()
    for (const client of CLIENTS) {
      if (!this.#clients.has(client.name)) this.#startClient(client)
    }
    await Promise.all([...this.#clients.values()].map((client) => client.waitForWork(2)))
    const losses: string[] = []
    if (this.#round % ALL_EVERY_ROUNDS === 0) losses.push(...(await this.#killEverything()))
    else await this.#killSome()
    await this.#quiet()
    await this.#judge.waitForServers(DAEMONS.length)
    const found = await this.#judge.compare(this.acknowledged)
    losses.push(...found.losses)
    const wrongBytes = [...found.wrongBytes]
    for (const { what, message } of this.#broken.splice(0)) {
      if (what === 'wrong bytes') wrongBytes.push(message)
      else losses.push(message)
    }
    this.#table.add(this.#injected, { losses: losses.length, wrongBytes: wrongBytes.length })
    for (const client of this.#clients.values()) client.resume()
    return [...losses, ...wrongBytes]
  }

  /** One or two daemons, perhaps again while they start; perhaps a client. */
  async #killSome(): Promise<void> {
    await this.#pass(KILL_AFTER_MILLISECONDS_MAX)
    const victims = this.#draw(DAEMONS, 1 + this.#random.below(2))
    await Promise.all(victims.map((name) => this.#kill(name, 'daemon killed while clients write')))
    if (this.#random.below(2) === 0) await this.#pass(KILL_AFTER_MILLISECONDS_MAX)
    for (const name of victims) {
      while (this.#random.below(3) === 0) {
        this.#grid.begin(name)
        await this.#pass(STARTUP_MILLISECONDS_MAX)
        await this.#kill(name, 'daemon killed while it starts or recovers')
      }
    }
    await Promise.all(victims.map((name) => this.#grid.start(name)))
    await this.#pass(KILL_AFTER_MILLISECONDS_MAX)
    for (const [name, client] of this.#clients) {
      if (this.#random.below(3) > 0) continue
      this.#note('client killed while it writes')
      this.#clients.delete(name)
      await client.kill()
    }
  }

  /** As when the lights go out, but for the disks' caches. */
  async #killEverything(): Promise<readonly string[]> {
    await this.#pass(KILL_AFTER_MILLISECONDS_MAX)
    this.#note('all daemons and clients killed at once')
    const clients = [...this.#clients.values()]
    this.#clients.clear()
    await Promise.all([
      ...DAEMONS.map((name) => this.#grid.kill(name)),
      ...clients.map((client) => client.kill()),
    ])
    const problems = await Promise.all(
      DAEMONS.map((name) => judgeStorage(this.#grid.home(name).storageFolder)),
    )
    await Promise.all(DAEMONS.map((name) => this.#grid.start(name)))
    return problems.flat()
  }

  async #kill(name: string, kind: string): Promise<void> {
    this.#note(kind)
    await this.#grid.kill(name)
  }

  /** Nobody writes any more. */
  async #quiet(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.pause()))
  }

  #startClient({ name, home, viaDaemon }: (typeof CLIENTS)[number]): void {
    const work = {
      name,
      home: this.#grid.home(home).folder,
      viaDaemon,
      seed: this.#random.u32(),
      directories: this.#directories,
    }
    const onTold = (told: Told) => {
      if (told.kind === 'broken') this.#broken.push(told)
      this.acknowledged.heed(told)
    }
    this.#clients.set(name, new ClientProcess(work, onTold))
  }

  /** Let a seeded time pass: what happens in it is up to the machine. */
  async #pass(millisecondsMax: number): Promise<void> {
    const milliseconds = this.#random.below(millisecondsMax)
    await new Promise((resolve) => setTimeout(resolve, milliseconds))
  }

  #draw(names: readonly string[], count: number): readonly string[] {
    const left = [...names]
    return Array.from({ length: count }, () => left.splice(this.#random.below(left.length), 1)).flat()
  }

  #note(kind: string): void {
    this.#injected.set(kind, (this.#injected.get(kind) ?? 0) + 1)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients.values()) await client.kill()
    await this.#files[Symbol.asyncDispose]()
    await this.#grid[Symbol.asyncDispose]()
  }
}
