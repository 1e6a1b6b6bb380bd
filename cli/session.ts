/** The grid as a command uses it: through the daemon of the home if one runs, else by a node in this process. */
import { asConvergenceSecret, Secret } from '#crypto'
import { type GridFiles, LocalFiles, RemoteFiles } from '#gateway'
import {
  type Config,
  createNode,
  findNodeKey,
  type Log,
  loadOrCreateNodeKey,
  type Meter,
  type Node,
  silentLog,
  systemPlatform,
  systemRandom,
  UnreachableError,
  whileOpen,
} from '#node'
import { readDaemonFile } from './daemon-file.ts'
import type { Home } from './home.ts'
import { VERSION } from './version.ts'

/** @throws NotFoundError if there is no such home, InvalidInputError if its configuration is broken */
export async function openFiles(home: Home, signal: AbortSignal): Promise<GridFiles> {
  const place = await readDaemonFile(home)
  if (place !== undefined) {
    try {
      return await RemoteFiles.open(place, systemRandom)
    } catch (error) {
      // A daemon that was killed leaves its file behind.
      if (!(error instanceof UnreachableError)) throw error
    }
  }
  const config = await home.readConfig()
  // What is lent belongs to the daemon; a command is a client.
  const node = await openNode(home, config, { lends: false, log: silentLog, signal })
  return localFiles(home, config, node)
}

export async function openNode(
  home: Home,
  config: Config,
  options: {
    readonly lends: boolean
    readonly log: Log
    readonly signal: AbortSignal
    readonly meter?: Meter | undefined
  },
): Promise<Node> {
  return createNode(config, systemPlatform(options.log), {
    home: home.folder,
    key: await loadOrCreateNodeKey(home.keyFile),
    version: VERSION,
    lends: options.lends,
    founderKey: await findNodeKey(home.founderKeyFile),
    signal: options.signal,
    meter: options.meter,
  })
}

export function localFiles(home: Home, config: Config, node: Node): LocalFiles {
  return new LocalFiles({
    node,
    numbers: config.encoding,
    convergenceSecret: async () =>
      new Secret(asConvergenceSecret((await loadOrCreateNodeKey(home.convergenceFile)).reveal())),
  })
}

/** Wait until a client home knows so many servers, and has written them down for the commands to come. */
export async function waitForServers(home: Home, count: number, signal: AbortSignal): Promise<void> {
  const node = await openNode(home, await home.readConfig(), { lends: false, log: silentLog, signal })
  await whileOpen(node, () => node.waitForServers(count, { signal }))
}
