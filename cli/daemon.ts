/** The daemon of a home: the node with what it lends, and the HTTP server that commands of this machine use. */
import { type Gateway, type Monitored, openGateway, openMonitor } from '#gateway'
import {
  ClosingSteps,
  type Config,
  ConflictError,
  jsonLog,
  type KeyValueIndex,
  type Log,
  type Metrics,
  type Node,
  nodeDisk,
  openMetrics,
  type PeerId,
  STOP_SECONDS,
  systemClock,
  systemRandom,
} from '#node'
import { readDaemonFile, removeDaemonFile, writeDaemonFile } from './daemon-file.ts'
import type { Home } from './home.ts'
import { localFiles, openNode } from './session.ts'
import { VERSION } from './version.ts'

export class Daemon implements AsyncDisposable {
  readonly peerId: PeerId
  readonly addresses: readonly string[]
  /** Undefined if the configuration wants no gateway. */
  readonly port: number | undefined
  /** Undefined if the configuration has no address for it. */
  readonly metricsPort: number | undefined
  readonly #running: RunningParts
  readonly #log: Log
  readonly #parts: ClosingSteps

  private constructor(running: RunningParts, log: Log, parts: ClosingSteps) {
    const { node, gateway, metricsPort } = running
    this.peerId = node.peerId
    this.addresses = node.addresses()
    this.port = gateway?.port
    this.metricsPort = metricsPort
    this.#running = running
    this.#log = log
    this.#parts = parts
  }

  /**
   * @throws ConflictError if another daemon has the home, or another process a port; InvalidInputError for a broken
   *   configuration
   */
  static async open(home: Home, signal: AbortSignal): Promise<Daemon> {
    const config = await home.readConfig()
    const metrics = await openMetrics({ version: VERSION })
    const log = metrics.counting(jsonLog({ level: config.log.level, clock: systemClock }))
    const lock = await holdHome(home)
    const parts = new ClosingSteps()
    parts.add(() => lock.close())
    try {
      return await Daemon.#start(home, config, { log, signal, parts, metrics })
    } catch (error) {
      await parts[Symbol.asyncDispose]()
      throw error
    }
  }

  static async #start(
    home: Home,
    config: Config,
    options: DaemonParts & { readonly signal: AbortSignal },
  ): Promise<Daemon> {
    const { log, signal, parts, metrics } = options
    const node = parts.addResource(await openNode(home, config, { lends: true, log, signal, meter: metrics }))
    metrics.watch(() => node.figures())
    const monitored = { metrics, health: () => node.health() }
    const { listen } = config.metrics
    const monitor = listen === undefined ? undefined : parts.addResource(await openMonitor(monitored, listen))
    const gateway = config.gateway.enabled
      ? await serveCommands(home, config, { ...options, node, monitored })
      : undefined
    const ports = { gatewayPort: gateway?.port, metricsPort: monitor?.port }
    log.info('ready', { peerId: node.peerId, addresses: node.addresses(), ...ports })
    return new Daemon({ node, gateway, metricsPort: monitor?.port }, log, parts)
  }

  /** Take nothing new, and give what runs STOP_SECONDS to finish. Disposing of the daemon then breaks off the rest. */
  async drain(): Promise<void> {
    const { node, gateway } = this.#running
    const deadline = systemClock.deadline(STOP_SECONDS * 1000, { what: 'what still ran when told to stop' })
    this.#log.info('stopping')
    try {
      await Promise.all([gateway?.drain(deadline.signal), node.drain(deadline.signal)])
    } catch (error) {
      if (!deadline.signal.aborted) throw error
      this.#log.warn('what still runs is broken off', { afterSeconds: STOP_SECONDS })
    } finally {
      deadline[Symbol.dispose]()
    }
  }

  /** In order: no more commands, then no more peers, then the storage. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts[Symbol.asyncDispose]()
  }
}

interface RunningParts {
  readonly node: Node
  readonly gateway: Gateway | undefined
  readonly metricsPort: number | undefined
}

interface DaemonParts {
  readonly log: Log
  readonly metrics: Metrics
  readonly parts: ClosingSteps
}

async function serveCommands(
  home: Home,
  config: Config,
  { node, log, parts, monitored }: DaemonParts & { readonly node: Node; readonly monitored: Monitored },
): Promise<Gateway> {
  const gateway = parts.addResource(
    await openGateway({
      files: localFiles(home, config, node),
      log,
      random: systemRandom,
      port: config.gateway.port,
      hostNames: config.gateway.names,
      spool: { disk: nodeDisk, folder: home.spoolFolder },
      monitored,
    }),
  )
  parts.add(() => removeDaemonFile(home))
  await writeDaemonFile(home, { port: gateway.port, token: gateway.token, pid: process.pid })
  return gateway
}

/** The kernel frees the lock of a process that is gone, so a crash leaves nothing to clean up. */
export async function holdHome(home: Home): Promise<KeyValueIndex> {
  try {
    return await nodeDisk.openIndex(home.lockFolder)
  } catch (cause) {
    if (!(cause instanceof ConflictError)) throw cause
    const pid = (await readDaemonFile(home))?.pid
    const who = pid === undefined ? '' : ` (process ${pid})`
    throw new ConflictError(
      `another daemon runs on ${home.folder}${who}`,
      { hint: 'Commands with the same --home use it; stop it before you start another.' },
      { cause },
    )
  }
}
