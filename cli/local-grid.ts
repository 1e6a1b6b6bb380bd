/** A grid on this machine: its folder, and a process for each server. */
import { ClosingSteps } from '#node'
import { isFirstRun } from './code-cache.ts'
import { type GridChoices, GridFolder } from './grid-folder.ts'
import type { Home } from './home.ts'
import { ServerProcess } from './server-process.ts'

export class LocalGrid implements AsyncDisposable {
  readonly client: Home
  readonly servers: readonly ServerProcess[]
  readonly #closing: ClosingSteps
  #isStopping = false

  private constructor(client: Home, servers: readonly ServerProcess[], closing: ClosingSteps) {
    this.client = client
    this.servers = servers
    this.#closing = closing
  }

  /** All servers are ready, or none runs. @throws as GridFolder.open; what a server ended with */
  static async open(dir: string, choices: GridChoices): Promise<LocalGrid> {
    const closing = new ClosingSteps()
    try {
      const folder = closing.addResource(await GridFolder.open(dir, choices))
      const started = await startAll(folder.servers)
      const servers = started.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
      closing.add(async () => void (await Promise.all(servers.map((server) => server.stop()))))
      for (const start of started) if (start.status === 'rejected') throw start.reason
      return new LocalGrid(folder.client, servers, closing)
    } catch (error) {
      await closing[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Tell of servers that end before the grid is stopped. */
  watch(onEnd: (server: ServerProcess, how: string) => void): void {
    for (const server of this.servers) {
      void server.exited.then((how) => {
        if (!this.#isStopping) onEnd(server, how)
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true
    await this.#closing[Symbol.asyncDispose]()
  }
}

/** All at once; but what nobody has compiled yet, the first compiles for the others. */
async function startAll(homes: readonly Home[]): Promise<readonly PromiseSettledResult<ServerProcess>[]> {
  const starts = homes.map((home) => () => ServerProcess.start(home.folder))
  const first = isFirstRun() ? starts.splice(0, 1) : []
  const before = await Promise.allSettled(first.map((start) => start()))
  return [...before, ...(await Promise.allSettled(starts.map((start) => start())))]
}
