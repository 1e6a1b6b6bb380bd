/** Machines of the story: homes of their own on one grid, and the commands that are typed there. */
import { rm } from 'node:fs/promises'
import { basename } from 'node:path'
import { z } from 'zod'
import {
  CairnProcess,
  cairn,
  type Ended,
  type GridProcess,
  invite,
  type ReadyServer,
} from '../../support/cairn-process.ts'
import { compareTrees } from '../../support/compare-trees.ts'
import { done, want } from './stage.ts'

const snapshotLine = z.object({ id: z.string(), paths: z.array(z.string()) })
type SnapshotLine = z.output<typeof snapshotLine>

export class Host {
  readonly home: string

  constructor(home: string) {
    this.home = home
  }

  /** A new home, invited by the first of the servers, that has nothing but its place in the grid. */
  static async create(home: string, servers: readonly ReadyServer[]): Promise<Host> {
    const [link = ''] = await invite(servers[0]?.dir ?? '', [basename(home)])
    done(await cairn(['join', link, '--home', home]))
    return new Host(home)
  }

  /** Run to the end, however it ends. */
  run(...args: readonly string[]): Promise<Ended> {
    return cairn([...args, '--home', this.home])
  }

  start(...args: readonly string[]): CairnProcess {
    const started = new CairnProcess([...args, '--home', this.home])
    started.child.stdin.end()
    return started
  }

  /** @throws unless it ends with 0 */
  async do(...args: readonly string[]): Promise<string> {
    return done(await this.run(...args)).stdout.toString()
  }

  async snapshots(...options: readonly string[]): Promise<readonly SnapshotLine[]> {
    const lines = (await this.do('snapshots', '--json', ...options)).split('\n').filter((line) => line !== '')
    return lines.map((line) => snapshotLine.parse(JSON.parse(line)))
  }

  /** Whether a snapshot is what its paths were; what is restored is taken away again. @returns how many entries */
  async provesEqual(
    snapshot: string,
    paths: readonly ProvenPath[],
    options: { readonly target: string; readonly repository: string },
  ): Promise<number> {
    const { target, repository } = options
    await this.do('restore', snapshot, '--target', target, '--repository', repository)
    let entries = 0
    for (const { path, original } of paths)
      entries += await requireEqual(original ?? path, `${target}${path}`)
    await rm(target, { recursive: true })
    return entries
  }
}

export interface ProvenPath {
  readonly path: string
  /** What it was when it was backed up, if that is somewhere else; the path as it is now if left out. */
  readonly original?: string
}

/** @returns entries compared @throws if anything differs, with the first things that do */
export async function requireEqual(original: string, restored: string): Promise<number> {
  const { left, differences } = await compareTrees(original, restored)
  const first = differences
    .slice(0, 5)
    .map(({ kind, path, left, right }) => `${kind} ${path}: ${left} | ${right}`)
  want(
    differences.length === 0,
    `no difference to ${original}, found ${differences.length}: ${first.join('; ')}`,
  )
  return left.entries
}

/** Killed at once, and their disks gone with them. */
export async function destroy(grid: GridProcess, servers: readonly ReadyServer[]): Promise<void> {
  await grid.kill(servers)
  for (const { dir } of servers) await rm(dir, { recursive: true })
}
