/** Debian's restic and a repository on the local disk. */
import { execFileSync } from 'node:child_process'
import { fileBytesOf } from './disk-bytes.ts'
import type { Keeper, KeeperRun, Stored } from './keeper.ts'
import { measuredRun } from './measured-run.ts'

export class Restic implements Keeper {
  readonly name = 'restic'
  readonly #folder: string
  readonly #env: NodeJS.ProcessEnv

  private constructor(folder: string) {
    this.#folder = folder
    this.#env = {
      RESTIC_REPOSITORY: `${folder}/repository`,
      RESTIC_PASSWORD: 'of a bench',
      RESTIC_CACHE_DIR: `${folder}/cache`,
    }
  }

  /** `restic 0.14.0 compiled with …`; undefined where it is not installed. */
  static version(): string | undefined {
    try {
      return execFileSync('restic', ['version'], { encoding: 'utf8' }).trim()
    } catch {
      return undefined
    }
  }

  /** @param folder not there yet */
  static async create(folder: string): Promise<Restic> {
    const restic = new Restic(folder)
    await restic.#run(['init'])
    return restic
  }

  backUp(path: string): Promise<KeeperRun> {
    return this.#run(['backup', '--quiet', path])
  }

  restore(path: string, target: string): Promise<KeeperRun> {
    return this.#run(['restore', 'latest', '--path', path, '--target', target])
  }

  async stored(): Promise<Stored> {
    const packBytes = await fileBytesOf([`${this.#folder}/repository/data`])
    return { packBytes, diskBytes: await fileBytesOf([`${this.#folder}/repository`]) }
  }

  async #run(args: readonly string[]): Promise<KeeperRun> {
    const reportFile = `${this.#folder}.report`
    const { stdout: _, ...run } = await measuredRun({ args: ['restic', ...args], env: this.#env, reportFile })
    return { ...run, serversCpuSeconds: 0 }
  }
}
