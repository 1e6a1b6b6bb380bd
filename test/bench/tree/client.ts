/** The client node of the bench, its grid watched. */
import { ENCODING_DEFAULT } from '#crypto'
import {
  type Config,
  createNode,
  type DirectoryOptions,
  type Grid,
  loadOrCreateNodeKey,
  type Node,
  silentLog,
  systemPlatform,
} from '#node'
import type { Home } from '../../../cli/home.ts'
import { VERSION } from '../../../cli/version.ts'
import { cpuSecondsOf } from '../machine.ts'
import { type Rounds, type Timing, timed } from '../timing.ts'
import type { Cost } from './row.ts'
import { Traffic, watchedGrid, watchedPlatform } from './traffic.ts'

export class BenchClient implements AsyncDisposable {
  readonly grid: Grid
  readonly options: DirectoryOptions
  readonly #node: Node
  readonly #traffic: Traffic
  readonly #serverPids: readonly number[]

  private constructor(
    node: Node,
    config: Config,
    parts: { readonly traffic: Traffic; readonly serverPids: readonly number[] },
  ) {
    const { traffic, serverPids } = parts
    this.#node = node
    this.#traffic = traffic
    this.#serverPids = serverPids
    this.grid = watchedGrid(node.grid, traffic)
    const { neededShares, happyServers, totalShares } = config.encoding
    this.options = {
      encoding: { ...ENCODING_DEFAULT, neededShares, totalShares },
      happyServers,
      replicas: totalShares,
    }
  }

  static async open(home: Home, serverPids: readonly number[]): Promise<BenchClient> {
    const config = await home.readConfig()
    const traffic = new Traffic()
    const node = await createNode(config, watchedPlatform(systemPlatform(silentLog), traffic), {
      home: home.folder,
      key: await loadOrCreateNodeKey(home.keyFile),
      version: VERSION,
      lends: false,
    })
    return new BenchClient(node, config, { traffic, serverPids })
  }

  /** A client that remembers nothing of any directory, as a command that has just begun. */
  otherGrid(): Grid {
    return { ...this.grid }
  }

  /** Times, and what it took of the wire and of the processors. */
  async measure(rounds: Rounds, work: (run: number) => Promise<void>): Promise<Timing & Cost> {
    this.#traffic.take()
    const ownBefore = process.cpuUsage()
    const serversBefore = cpuSecondsOf(this.#serverPids)
    const timing = await timed(rounds, async (run) => {
      this.#traffic.begin()
      await work(run)
      this.#traffic.end()
    })
    const own = process.cpuUsage(ownBefore)
    const servers = cpuSecondsOf(this.#serverPids) - serversBefore
    const { calls, callsInARow, ...bytes } = this.#traffic.take()
    return {
      ...timing,
      ...bytes,
      clientCpuMilliseconds: (own.user + own.system) / 1000 / rounds.count,
      serversCpuMilliseconds: (servers * 1000) / rounds.count,
      // Of operations that overlap nobody knows which one a call was for.
      ...(rounds.atOnce === 1 ? { calls, callsInARow } : {}),
    }
  }

  /** Bytes on all servers together. */
  async storedBytes(): Promise<number> {
    const { servers } = await this.#node.status()
    let sum = 0
    for (const { status } of servers) sum += status?.usedBytes ?? 0
    return sum
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node[Symbol.asyncDispose]()
  }
}
