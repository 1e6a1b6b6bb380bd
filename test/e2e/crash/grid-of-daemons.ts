/** A closed grid of real daemons, each in a process of its own, that can be killed at any moment. */
import { appendFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { findFreePorts } from '../../../cli/free-ports.ts'
import { Home } from '../../../cli/home.ts'
import { CairnProcess, cairn, invite, until } from '../../support/cairn-process.ts'
import { done } from '../fire/stage.ts'

/** Any two of five bring a file back, and a put bears the loss of two servers. */
const NUMBERS = ['--needed', '2', '--happy', '3', '--total', '5']

export class DaemonGrid implements AsyncDisposable {
  readonly #folder: string
  readonly #running = new Map<string, CairnProcess>()

  private constructor(folder: string) {
    this.#folder = folder
    // Whichever way this process ends, nothing of it stays behind.
    process.on('exit', () => {
      for (const { child } of this.#running.values()) child.kill('SIGKILL')
    })
  }

  /** @param names of homes; `daemons` lend, `clients` do not */
  static async make(
    folder: string,
    names: { readonly daemons: readonly string[]; readonly clients: readonly string[] },
  ): Promise<DaemonGrid> {
    await mkdir(folder, { recursive: true })
    const grid = new DaemonGrid(folder)
    const [first = '', ...others] = names.daemons
    const ports = await findFreePorts(names.daemons.length)
    const lends = (index: number) => [
      '--lend',
      '2 GB',
      '--reserve',
      '0',
      '--listen',
      `/ip4/127.0.0.1/tcp/${ports[index]}`,
    ]
    const at = (name: string) => ['--home', grid.home(name).folder]
    done(await cairn(['init', '--name', first, ...NUMBERS, ...lends(0), ...at(first)]))
    await grid.start(first)
    const joiners = [...others, ...names.clients]
    const links = await invite(grid.home(first).folder, joiners)
    for (const [index, name] of joiners.entries()) {
      const own = index < others.length ? lends(index + 1) : []
      done(await cairn(['join', links[index] ?? '', ...NUMBERS, ...own, ...at(name)]))
    }
    await Promise.all(others.map((name) => grid.start(name)))
    return grid
  }

  home(name: string): Home {
    return new Home(join(this.#folder, name))
  }

  /** On return it serves. */
  async start(name: string): Promise<void> {
    const daemon = this.begin(name)
    const hasEnded = () => daemon.child.exitCode !== null || daemon.child.signalCode !== null
    await until(() => daemon.stdout.includes('ready: ') || hasEnded())
    if (hasEnded()) throw new Error(`${name} did not start: ${daemon.stderr.slice(-2000)}`)
  }

  /** On return it may be anywhere in its startup. */
  begin(name: string): CairnProcess {
    if (this.#running.has(name)) throw new Error(`${name} runs already`)
    const daemon = new CairnProcess(['run', '--home', this.home(name).folder])
    this.#running.set(name, daemon)
    return daemon
  }

  /** On return the process is gone. @throws if it ended by itself before */
  async kill(name: string): Promise<void> {
    const daemon = this.#running.get(name)
    if (daemon === undefined) throw new Error(`${name} does not run`)
    this.#running.delete(name)
    const wasAlive = daemon.child.exitCode === null
    daemon.child.kill('SIGKILL')
    const { code, stderr } = await daemon.ended
    await appendFile(join(this.#folder, `${name}.log`), stderr)
    if (!wasAlive || code !== 'SIGKILL')
      throw new Error(`${name} ended by itself with ${code}: ${stderr.slice(-2000)}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [...this.#running.keys()]) await this.kill(name).catch(() => undefined)
  }
}
