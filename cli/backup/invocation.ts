/** What a command line about backups asks for, as types. */
import type { CommonArgs } from '../invocation.ts'
import type { KeepRules } from './policy.ts'
import type { ReadPart } from './repository/types.ts'
import type { GroupKey, SnapshotFilter } from './selection.ts'

interface RepositoryArgs extends CommonArgs {
  /** A path of the grid, a capability, or @FILE; undefined: `backup:`, or the drop-box of the home. */
  readonly repository: string | undefined
}

/** What `latest` looks among, or what is listed. */
interface FilterArgs {
  readonly filter: SnapshotFilter
}

export interface BackupArgs extends RepositoryArgs {
  readonly verb: 'backup'
  /** Of this machine. */
  readonly paths: readonly string[]
  readonly excludes: readonly string[]
  /** Files that hold patterns. */
  readonly excludeFiles: readonly string[]
  readonly excludeCaches: boolean
  readonly oneFileSystem: boolean
  readonly tags: readonly string[]
  /** Undefined: the name of the machine. */
  readonly host: string | undefined
  readonly dryRun: boolean
  /** Read every file, also those that seem unchanged. */
  readonly force: boolean
  /** Make a repository of the name that --repository has. */
  readonly create: boolean
  readonly progress: boolean
  readonly timer: TimerArgs | undefined
}

export interface TimerArgs {
  readonly when: string
  readonly name: string
  readonly printOnly: boolean
}

export interface SnapshotsArgs extends RepositoryArgs, FilterArgs {
  readonly verb: 'snapshots'
  /** Of each host and paths; undefined: all. */
  readonly latest: number | undefined
}

export interface SnapshotLsArgs extends RepositoryArgs, FilterArgs {
  readonly verb: 'snapshot-ls'
  readonly snapshot: string
  /** In the snapshot. */
  readonly path: string
  readonly long: boolean
  readonly recursive: boolean
}

export interface FindArgs extends RepositoryArgs, FilterArgs {
  readonly verb: 'find'
  readonly patterns: readonly string[]
  /** Ids; none: all that the filter lets through. */
  readonly snapshots: readonly string[]
  readonly ignoreCase: boolean
  readonly long: boolean
}

export interface DiffArgs extends RepositoryArgs, FilterArgs {
  readonly verb: 'diff'
  readonly before: string
  readonly after: string
  /** In both snapshots. */
  readonly path: string
  /** Tell what differs in modes, owners and times alone, too. */
  readonly metadata: boolean
}

export interface RestoreArgs extends RepositoryArgs, FilterArgs {
  readonly verb: 'restore'
  /** An id, or `id:path`. */
  readonly snapshot: string
  readonly target: string
  readonly includes: readonly string[]
  readonly excludes: readonly string[]
  /** Read what was written, and compare. */
  readonly verify: boolean
  /** Undefined: the target has to be empty. */
  readonly overwrite: Overwrite | undefined
  readonly dryRun: boolean
  readonly progress: boolean
}

export const OVERWRITES = ['changed', 'always', 'never'] as const
export type Overwrite = (typeof OVERWRITES)[number]

export interface DumpArgs extends RepositoryArgs, FilterArgs {
  readonly verb: 'dump'
  readonly snapshot: string
  readonly path: string
}

export interface ForgetArgs extends RepositoryArgs, FilterArgs {
  readonly verb: 'forget'
  /** Those, and nothing by rules; empty: by rules. */
  readonly ids: readonly string[]
  readonly rules: KeepRules
  readonly groupBy: readonly GroupKey[]
  readonly dryRun: boolean
  readonly prune: boolean
  /** Also where nothing would be left. */
  readonly allowRemoveAll: boolean
  readonly progress: boolean
}

export interface PruneArgs extends RepositoryArgs {
  readonly verb: 'prune'
  readonly dryRun: boolean
  /** Free what backups that were not finished have put, too. */
  readonly unfinished: boolean
  /** 0 to 1; undefined: the repository's default. */
  readonly repackBelow: number | undefined
  readonly progress: boolean
}

export interface CheckRepositoryArgs extends RepositoryArgs {
  readonly verb: 'check-repository'
  /** Undefined: only the indexes and trees. */
  readonly read: ReadPart | undefined
  readonly progress: boolean
}

export interface DrillArgs extends RepositoryArgs, FilterArgs {
  readonly verb: 'drill'
  readonly snapshot: string
  /** How many. */
  readonly files: number
  /** Of all files together. */
  readonly sizeMaxBytes: number
  readonly seed: string | undefined
  /** Where to restore to, and leave it; undefined: to a temporary folder. */
  readonly target: string | undefined
  readonly progress: boolean
}

export interface RecoveryKitArgs extends RepositoryArgs {
  readonly verb: 'recovery-kit'
  readonly right: 'read' | 'write'
  /** Undefined: standard output. */
  readonly output: string | undefined
  /** In place of those that are known. */
  readonly members: readonly string[]
  /** A link, `@FILE` or `-`; undefined: the home signs for the kit itself, if it may. */
  readonly invitation: string | undefined
}

export type DropArgs = CommonArgs & { readonly verb: 'drop' } & (
    | { readonly action: 'create'; readonly name: string; readonly output: string | undefined }
    | { readonly action: 'accept'; readonly source: string; readonly force: boolean }
  )

export type BackupInvocation =
  | BackupArgs
  | SnapshotsArgs
  | SnapshotLsArgs
  | FindArgs
  | DiffArgs
  | RestoreArgs
  | DumpArgs
  | ForgetArgs
  | PruneArgs
  | CheckRepositoryArgs
  | DrillArgs
  | RecoveryKitArgs
  | DropArgs
