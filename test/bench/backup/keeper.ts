/** What is measured: two programs that keep backups, through the commands that their users type. */
import type { MeasuredRun } from './measured-run.ts'

export interface Keeper {
  readonly name: KeeperName
  /** @throws if any file could not be kept */
  backUp(path: string): Promise<KeeperRun>
  /** The newest snapshot of the path. @param target a folder that is not there yet; below it stands the whole path */
  restore(path: string, target: string): Promise<KeeperRun>
  stored(): Promise<Stored>
}

export type KeeperName = 'restic' | 'Cairn'

export interface KeeperRun extends Omit<MeasuredRun, 'stdout'> {
  /** Of processes that serve it, all together; 0 where there are none. */
  readonly serversCpuSeconds: number
}

export interface Stored {
  /** Encrypted, once. */
  readonly packBytes: number
  /** On all disks together, with indexes and all that the keeper needs besides. */
  readonly diskBytes: number
}
