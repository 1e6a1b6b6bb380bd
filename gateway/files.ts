/**
 * What a user can have done on a grid: the contract behind the daemon's HTTP API. There are two implementations, over
 * a node in this process (local-files.ts) and over a running daemon (remote-files.ts), and one suite that both pass.
 */
import type { FileVerifyCapability } from '#crypto'
import type {
  CheckReport,
  Download,
  DownloadOptions,
  NodeStatus,
  RepairReport,
  ShareNumbers,
  UploadProgress,
  UploadResult,
  UploadSource,
} from '#node'
import type { ContentCapability } from './capabilities.ts'
import type { EditOptions, GridDirectories, WarnedOptions } from './directories.ts'
import type { GridMembers } from './members.ts'

export interface GridFiles extends GridDirectories, GridMembers, AsyncDisposable {
  /** Asks every server of the grid too. */
  status(options?: Cancellable): Promise<NodeStatus>
  /**
   * @throws UnhappyError if fewer servers than `happyServers` could hold the file; on a grid of fewer servers than
   *   that, its details propose numbers that fit (`proposal`)
   */
  put(source: UploadSource, options?: PutOptions): Promise<PutOutcome>
  /** Of a file, or of the value of a slot. */
  get(capability: ContentCapability, options?: GetOptions): Promise<Content>
  check(capability: FileVerifyCapability, options?: Cancellable): Promise<CheckReport>
  verify(capability: FileVerifyCapability, options?: WatchedOptions): Promise<CheckReport>
  repair(capability: FileVerifyCapability, options?: WatchedOptions): Promise<RepairReport>
}

export interface Cancellable {
  readonly signal?: AbortSignal | undefined
}

export interface Content extends Download {
  /**
   * Of a slot: which record holds, so that two readings of one version have equal texts and no others. Undefined of a
   * file, which has one version.
   */
  readonly version?: string | undefined
}

export interface GetOptions extends DownloadOptions, WarnedOptions {}

/** Of what goes into a slot: a file of its own, if it is large. */
export interface PutSlotOptions extends WarnedOptions, EditOptions {
  /** What is left out comes from the configuration of the home. */
  readonly numbers?: { readonly [Number in keyof ShareNumbers]?: number | undefined } | undefined
  /** Leases that nobody can cancel before they run out, whoever takes over this machine. */
  readonly bindingLease?: boolean | undefined
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined
  /**
   * What `get` told: ConflictError unless the record that holds has the sequence of that one. Where writers race, a
   * ConflictError may come although the own value stands.
   */
  readonly ifVersion?: string | undefined
}

export interface PutOptions extends Omit<PutSlotOptions, 'onWarning' | 'acceptRollback' | 'ifVersion'> {
  /** Derive the read key from the content and the home's convergence secret. */
  readonly convergent?: boolean | undefined
}

export interface PutOutcome extends UploadResult {
  readonly numbers: ShareNumbers
  /** Servers of the grid that were known when it was put. */
  readonly serverCount: number
}

export interface WatchedOptions extends Cancellable {
  readonly onProgress?: ((progress: WorkProgress) => void) | undefined
}

/** Blocks while verifying, plaintext bytes while making shares again. */
export interface WorkProgress {
  readonly stage: 'verifying' | 'repairing'
  readonly done: number
  readonly total: number
}
