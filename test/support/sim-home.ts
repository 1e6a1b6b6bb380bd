/** A home on a grid of the imagination (sim-files.ts), for tests of one thing at a time. */
import type { DirectoryWriteCapability } from '#crypto'
import { whileOpen } from '#node'
import {
  createRepository,
  type OpenRepositoryOptions,
  openRepository,
} from '../../cli/backup/repository/open-repository.ts'
import type { Repository } from '../../cli/backup/repository/types.ts'
import { SimDisk } from '../sim/disk.ts'
import { SimRandom } from '../sim/sim-random.ts'
import { SimGrid } from './sim-files.ts'

export interface SimRepository {
  readonly grid: SimGrid
  readonly capability: DirectoryWriteCapability
  /** Of the directory `data/`. */
  dataKey(): string
  newHome(): SimHome
}

export async function newRepository(): Promise<SimRepository> {
  const grid = new SimGrid(new SimRandom(1))
  const { capability } = await createRepository(grid.filesOf(undefined), { clock: grid.clock })
  let homes = 0
  return {
    grid,
    capability,
    dataKey: () => {
      const data = grid.directory(grid.keyOf(capability)).children.get('data')
      if (data === undefined) throw new Error('a repository has data')
      return grid.keyOf(data.capability)
    },
    newHome: () => {
      homes += 1
      return new SimHome(grid, capability, `home ${homes}`)
    },
  }
}

export class SimHome {
  readonly disk = new SimDisk({ capacityBytes: 1e9 })
  /** What its sessions have warned of. */
  readonly warnings: string[] = []
  readonly #grid: SimGrid
  readonly #capability: DirectoryWriteCapability
  readonly #secret: string

  constructor(grid: SimGrid, capability: DirectoryWriteCapability, secret: string) {
    this.#grid = grid
    this.#capability = capability
    this.#secret = secret
  }

  open(options: Partial<OpenRepositoryOptions> = {}): Promise<Repository> {
    return openRepository(this.#grid.filesOf(undefined, this.#secret), this.#capability, {
      place: { folder: 'backup', disk: this.disk, clock: this.#grid.clock },
      onWarning: (message) => void this.warnings.push(message),
      ...options,
    })
  }

  async session<Result>(
    work: (repository: Repository) => Promise<Result>,
    options?: Partial<OpenRepositoryOptions>,
  ): Promise<Result> {
    return whileOpen(await this.open(options), work)
  }
}
