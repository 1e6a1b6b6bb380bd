/** The daemon of a home: the node with what it lends, and the HTTP server that commands of this machine use. */
import { type Gateway, openGateway } from '#gateway'
import {
  ClosingSteps,
  type Config,
  ConflictError,
  jsonLog,
  type KeyValueIndex,
  type Log,
  type Node,
  nodeDisk,
  type PeerId,
  systemClock,
  systemRandom,
} from '#node'
import { readDaemonFile, removeDaemonFile, writeDaemonFile } from './daemon-file.ts'
import type { Home } from './home.ts'
import { localFiles, openNode } from './session.ts'

export class Daemon implements AsyncDisposable {
  readonly peerId: PeerId
  readonly addresses: readonly string[]
  /** Undefined if the configuration wants no gateway. */
  readonly port: number | undefined
  readonly #parts: ClosingSteps

  private constructor(node: Node, gateway: Gateway | undefined, parts: ClosingSteps) {
    this.peerId = node.peerId
    this.addresses = node.addresses()
    this.port = gateway?.port
    this.#parts = parts
  }

  /**
   * @throws ConflictError if another daemon has the home, or another process a port; InvalidInputError for a broken
   *   configuration
   */
  static async open(home: Home, signal: AbortSignal): Promise<Daemon> {
    const config = await home.readConfig()
    const log = jsonLog({ level: config.log.level, clock: systemClock })
    const lock = await holdHome(home)
    const parts = new ClosingSteps()
    parts.add(() => lock.close())
    try {
      return await Daemon.#start(home, config, { log, signal, parts })
    } catch (error) {
      await parts[Symbol.asyncDispose]()
      throw error
    }
  }

  static async #start(
    home: Home,
    config: Config,
    options: { readonly log: Log; readonly signal: AbortSignal; readonly parts: ClosingSteps },
  ): Promise<Daemon> {
    const { log, signal, parts } = options
    const node = parts.addResource(await openNode(home, config, { lends: true, log, signal }))
    const gateway = config.gateway.enabled
      ? await serveCommands(home, config, { node, log, parts })
      : undefined
    log.info('ready', { peerId: node.peerId, addresses: node.addresses(), gatewayPort: gateway?.port })
    return new Daemon(node, gateway, parts)
  }

  /** In order: no more commands, then no more peers, then the storage. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts[Symbol.asyncDispose]()
  }
}

async function serveCommands(
  home: Home,
  config: Config,
  { node, log, parts }: { readonly node: Node; readonly log: Log; readonly parts: ClosingSteps },
): Promise<Gateway> {
  const gateway = parts.addResource(
    await openGateway({
      files: localFiles(home, config, node),
      log,
      random: systemRandom,
      port: config.gateway.port,
      spool: { disk: nodeDisk, folder: home.spoolFolder },
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
