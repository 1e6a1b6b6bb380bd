/** Cairn on local server processes, by the commands: what starting costs is in every figure. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { GridProcess } from '../../support/cairn-process.ts'
import { cpuSecondsOf } from '../machine.ts'
import { fileBytesOf } from './disk-bytes.ts'
import type { Keeper, KeeperRun, Stored } from './keeper.ts'
import { measuredRun } from './measured-run.ts'

const MAIN = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url))

const summary = z.object({ packBytesSent: z.int() })

/** A repository of its own, on a grid that others may use too as long as they are idle. */
export class Cairn implements Keeper {
  readonly name = 'Cairn'
  readonly #grid: GridProcess
  readonly #repository: string
  readonly #storedBefore: number
  #packBytes = 0

  private constructor(grid: GridProcess, repository: string, storedBefore: number) {
    this.#grid = grid
    this.#repository = repository
    this.#storedBefore = storedBefore
  }

  /** @param name of a repository that is not there yet; it is made with a snapshot of one small file */
  static async create(grid: GridProcess, name: string): Promise<Cairn> {
    const storedBefore = await serverBytesOf(grid)
    const cairn = new Cairn(grid, `${name}:`, storedBefore)
    const first = join(grid.client, 'bench-first')
    await writeFile(first, 'small')
    await cairn.#run(['backup', first, '--create'])
    return cairn
  }

  async backUp(path: string): Promise<KeeperRun> {
    const { stdout, ...run } = await this.#run(['backup', path, '--json'])
    const last = stdout.trim().split('\n').at(-1) ?? ''
    this.#packBytes += summary.parse(JSON.parse(last)).packBytesSent
    return run
  }

  async restore(path: string, target: string): Promise<KeeperRun> {
    const { stdout: _, ...run } = await this.#run(['restore', 'latest', '--path', path, '--target', target])
    return run
  }

  async stored(): Promise<Stored> {
    const diskBytes = (await serverBytesOf(this.#grid)) - this.#storedBefore
    return { packBytes: this.#packBytes, diskBytes }
  }

  async #run(args: readonly string[]): Promise<KeeperRun & { readonly stdout: string }> {
    const pids = this.#grid.servers.map(({ pid }) => pid)
    const cpuBefore = cpuSecondsOf(pids)
    const run = await measuredRun({
      args: [process.execPath, MAIN, ...args, '--repository', this.#repository, '--home', this.#grid.client],
      reportFile: `${this.#grid.client}/bench-report`,
    })
    return { ...run, serversCpuSeconds: cpuSecondsOf(pids) - cpuBefore }
  }
}

function serverBytesOf(grid: GridProcess): Promise<number> {
  return fileBytesOf(grid.servers.map(({ dir }) => `${dir}/storage`))
}
