/** A grid on this machine: its folder, and a process for each server. */
import { ClosingSteps } from '#node'
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
      const started = await Promise.allSettled(folder.servers.map((home) => ServerProcess.start(home.folder)))
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
