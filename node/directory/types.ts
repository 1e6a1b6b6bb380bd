/** What is said of directories: their entries, changes to them, and what upkeep of all below one finds. */
import type {
  ChildCapability,
  DirectoryReadCapability,
  DirectoryWriteCapability,
  Encoding,
  EntryMetadata,
  StorageIndex,
  TreeReadCapability,
  WriteCapability,
} from '#crypto'
import type { ServerFailure } from '../errors.ts'
import type { SlotWarning } from '../slots/warning.ts'

/** A directory that can be listed. */
export type DirectoryCapability = DirectoryWriteCapability | DirectoryReadCapability | TreeReadCapability

/** A name in a directory and what it stands for. */
export interface NamedChild {
  readonly name: string
  /** The strongest that the directory's own capability gives: to write for its writers, otherwise to read. */
  readonly capability: WriteCapability | ChildCapability
  readonly metadata: EntryMetadata
}

/** One of the changes that `editDirectory` makes together: all of them, or none. */
export type DirectoryChange =
  | (NamedChild & {
      readonly kind: 'set'
      /** `refuse`: ConflictError if the name is taken. */
      readonly ifExists: 'refuse' | 'replace'
    })
  | {
      readonly kind: 'remove'
      readonly name: string
      /** `refuse`: NotFoundError if nobody has the name. */
      readonly ifMissing: 'refuse' | 'ignore'
    }
  | {
      readonly kind: 'rename'
      /** NotFoundError if nobody has this name. */
      readonly from: string
      readonly to: string
      /** `refuse`: ConflictError if the new name is taken. */
      readonly ifExists: 'refuse' | 'replace'
    }

export interface EditReport {
  /** False: the directory was as wanted already, and nothing was written. */
  readonly changed: boolean
  /** Of the record that holds now. */
  readonly sequence: number
  readonly warnings: readonly SlotWarning[]
}

/** Where a path led. */
export interface Found {
  /** The strongest that the path gives; of an empty path, the root itself. */
  readonly capability: WriteCapability | ChildCapability
  readonly metadata: EntryMetadata
  /** The directory that has the last name of the path; undefined for an empty path. */
  readonly parent?: DirectoryCapability | undefined
  /** The last name of the path, as the directory has it; undefined for an empty path. */
  readonly name?: string | undefined
  readonly warnings: readonly SlotWarning[]
}

/** An entry below a directory that is walked. */
export interface WalkedChild {
  /** Names from the directory that is walked down to the child; the last one is the child's own. */
  readonly path: readonly string[]
  readonly child: NamedChild
}

/**
 * One thing that upkeep of a directory, tree, slot or file and all below it has reached. Each thing is reported once,
 * however many names lead to it. What lies below a directory, tree or node that is not recoverable is not reached.
 */
export interface DeepReport {
  /**
   * `file`, `tree` (the root of an immutable directory) and `node` (a part of a large directory, or the value of a
   * large slot) are shares of immutable files; `slot` and `directory` are records.
   */
  readonly kind: 'file' | 'slot' | 'directory' | 'tree' | 'node'
  /** Of the file, or `slotStorageIndex` of the slot. */
  readonly storageIndex: StorageIndex
  /**
   * Distinct shares of a file, after a verify or repair only good ones; or servers that hold the newest record of a
   * slot. After a repair, what stands then.
   */
  readonly foundCount: number
  /** What foundCount is when all is well; 0 if no server gave a file's manifest. */
  readonly wantedCount: number
  readonly isHealthy: boolean
  /** It can still be read. */
  readonly isRecoverable: boolean
  /** Shares or records that a repair has made; 0 for a check or verify. */
  readonly madeCount: number
  /** Servers that did not answer or hold something bad, and what went wrong while repairing. */
  readonly failures: readonly ServerFailure[]
  /** Of a slot or directory; empty for the others. */
  readonly warnings: readonly SlotWarning[]
}

/** How directories, and the files that their nodes stand in, are written. */
export interface DirectoryOptions {
  readonly encoding: Encoding
  readonly happyServers: number
  /** Servers that each record is meant to be on. */
  readonly replicas: number
  readonly leaseDurationSeconds?: number | undefined
  /** Of an edit: write although the servers know of less than was seen before. */
  readonly acceptRollback?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}
