/** One server of a local grid: a `cairn run` of its own, which ends when this process does. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { AssertionError } from '#crypto'
import { errorOfBody } from '#gateway'

/** Whatever a server has not finished by then is cut short: its disk is safe at any moment. */
const STOP_MILLISECONDS = 10_000
const MAIN = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url),
)

const readyLine = z.union([
  z.object({ ready: z.literal(true), peerId: z.string(), addresses: z.array(z.string()) }),
  z.object({
    error: z.object({ code: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()) }),
  }),
])

export class ServerProcess {
  readonly dir: string
  readonly pid: number
  readonly peerId: string
  readonly addresses: readonly string[]
  /** Resolves when the process has gone, with its exit code or the name of the signal that ended it. */
  readonly exited: Promise<string>
  readonly #child: ChildProcess

  private constructor(parts: {
    readonly dir: string
    readonly child: ChildProcess
    readonly pid: number
    readonly peerId: string
    readonly addresses: readonly string[]
    readonly exited: Promise<string>
  }) {
    this.dir = parts.dir
    this.pid = parts.pid
    this.peerId = parts.peerId
    this.addresses = parts.addresses
    this.exited = parts.exited
    this.#child = parts.child
  }

  /**
   * Start the daemon of a home and wait until it is ready. Its log goes to `daemon.log` in the home.
   *
   * @throws the error that the daemon ended with
   */
  static async start(dir: string): Promise<ServerProcess> {
    const log = await open(join(dir, 'daemon.log'), 'a', 0o600)
    let child: ChildProcess
    try {
      const args = [MAIN, 'run', '--home', dir, '--json', '--stop-with-stdin']
      child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', log.fd] })
    } finally {
      await log.close()
    }
    const exited = endOf(child)
    const { stdout, pid } = child
    if (stdout === null || pid === undefined) throw new Error(`no process for ${dir}: ${await exited}`)
    const lines = createInterface({ input: stdout })
    const first = await Promise.race([
      once(lines, 'line').then(([line]) => String(line)),
      exited.then(() => undefined),
    ])
    const ready = first === undefined ? undefined : readyLine.parse(JSON.parse(first))
    if (ready === undefined)
      throw new AssertionError(`the server in ${dir} ended (${await exited}); see daemon.log there`)
    if ('error' in ready) {
      await exited
      throw errorOfBody({ ...ready.error, message: `${dir}: ${ready.error.message}` })
    }
    return new ServerProcess({ ...ready, dir, child, pid, exited })
  }

  /** In order: what was begun is finished or left as if it had not been. */
  async stop(): Promise<void> {
    this.#child.stdin?.end()
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MILLISECONDS)
    await this.exited
    clearTimeout(late)
  }
}

async function endOf(child: ChildProcess): Promise<string> {
  // The pipe breaks when the child dies before us; that is told by its exit.
  child.stdin?.on('error', () => undefined)
  const { promise, resolve } = Promise.withResolvers<string>()
  child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
  child.once('error', (error) => resolve(error.message))
  return promise
}
