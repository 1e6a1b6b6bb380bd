/**
 * The storage server's contract: what one account may ask of one server (PROTOCOL §4).
 *
 * There are two implementations, storage/local-server.ts over a disk or memory and wire/remote-server.ts over a
 * channel, and one suite, test/contracts/storage-server.ts, that both pass.
 */
import type { FileRoot, PublicKey, StorageIndex, TreeHash } from '#crypto'
import type { PeerId } from '../platform/platform.ts'

/** Names one share of one immutable file. Nobody can squat it: the root commits to the content. */
export interface ShareAddress {
  readonly storageIndex: StorageIndex
  readonly root: FileRoot
  /** 0 to 254. */
  readonly shareNumber: number
}

/** Names one slot. Only who holds its signing key can write it, so nobody can squat it either. */
export interface SlotAddress {
  readonly publicKey: PublicKey
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

export interface StorageServer {
  readonly serverId: PeerId
  status(options?: CallOptions): Promise<ServerStatus>
  /**
   * Which shares are visible, for each query in turn.
   *
   * @param queries at most LIST_QUERIES_MAX
   * @returns one list for each query, by share number; at most LISTED_SHARES_MAX entries each
   */
  listShares(
    queries: readonly ShareQuery[],
    options?: CallOptions,
  ): Promise<readonly (readonly ListedShare[])[]>
  /**
   * What the server has of one file, with the manifest and, if a segment is named, the block of the lowest-numbered
   * share, in one answer. Either may be left out although it is there: `readManifest` and `readBlock` give it. The
   * server verifies nothing: the reader must.
   *
   * @returns no shares, and nothing else, if it has none; no block if the file has no such segment
   */
  openFile(request: OpenRequest, options?: CallOptions): Promise<OpenedFile>
  /** Begin, or take up again, the writing of one share. Nothing is sent or checked until a method is called. */
  writeShare(request: WriteRequest): ShareWriter
  /**
   * Write a share of a file of one segment. It promises what `ShareWriter.finish` does: all of FORMAT §9 is checked,
   * and on return the share is durable, visible and leased to the account. Repeating it is harmless.
   *
   * The share's bytes stay untouched by the caller until the promise settles.
   *
   * @throws IntegrityError if the share is not what its manifest says, or that of a file of more segments;
   *   InvalidInputError; NoSpaceError; BusyError
   */
  writeWhole(share: WholeShare, options?: CallOptions): Promise<void>
  /** @throws NotFoundError */
  readManifest(address: ShareAddress, options?: CallOptions): Promise<Uint8Array>
  /**
   * One block with the proof that it belongs there. The server does not verify it: the reader must.
   *
   * @throws NotFoundError if the share is not visible; InvalidInputError if it has no such segment
   */
  readBlock(request: BlockRequest, options?: CallOptions): Promise<ReadBlock>
  /**
   * Add, renew or cancel the account's own leases. Each is decided alone; all that succeeded are durable on return.
   *
   * @param updates at most LEASE_UPDATES_MAX
   */
  updateLeases(updates: readonly LeaseUpdate[], options?: CallOptions): Promise<readonly LeaseOutcome[]>
  /**
   * Ask the server to read its own copy whole and compare it with its manifest. A bad copy leaves the visible
   * shares, so that a good one can be written in its place.
   *
   * @throws NotFoundError
   */
  scrubShare(address: ShareAddress, options?: CallOptions): Promise<ScrubOutcome>
  /**
   * The records that the server holds and can read, whole, as they stand: it does not verify them, the reader must.
   *
   * @param publicKeys at most SLOT_READS_MAX
   * @returns one answer for each key, undefined if there is none
   */
  readSlots(
    publicKeys: readonly PublicKey[],
    options?: CallOptions,
  ): Promise<readonly (Uint8Array | undefined)[]>
  /**
   * Put a record in the place of the one that the server holds. It is accepted if it is valid (FORMAT §16) and the
   * server holds none of that slot, or one of a lower sequence, or exactly this one; then it is durable and leased to
   * the account on return. So of two records of one sequence a server keeps the one that came first, and repeating a
   * write is harmless.
   *
   * The record stays untouched by the caller until the promise settles.
   *
   * @throws InvalidInputError if it is no record; IntegrityError if its signature does not fit; NoSpaceError
   */
  writeSlot(write: SlotWrite, options?: CallOptions): Promise<SlotWriteOutcome>
}

export interface ServerStatus {
  /** Of the software, for people. */
  readonly version: string
  /** Bytes that this server would still take from anyone: lent and not used, and on the disk above the reserve. */
  readonly freeBytes: number
  readonly usedBytes: number
  /** Slots are not among them; `usedBytes` counts their records too. */
  readonly shareCount: number
  /** Bytes of the shares and records that the asking account has leases on. */
  readonly accountUsedBytes: number
  /** Undefined: no limit for this account. */
  readonly accountQuotaBytes: number | undefined
  /** What the account has used of this server over time: a byte for a day is one. Undefined: it does not say. */
  readonly accountByteDays?: number | undefined
}

export interface ShareQuery {
  readonly storageIndex: StorageIndex
  /** Undefined: shares of every root under the index. */
  readonly root: FileRoot | undefined
}

export interface ListedShare {
  readonly root: FileRoot
  readonly shareNumber: number
  /** Of the whole share file. */
  readonly shareSizeBytes: number
}

export interface OpenRequest {
  readonly storageIndex: StorageIndex
  readonly root: FileRoot
  /** Undefined: no block is wanted. */
  readonly segmentIndex: number | undefined
}

export interface OpenedFile {
  /** By share number. */
  readonly shares: readonly ListedShare[]
  readonly manifest: Uint8Array | undefined
  /** Of the first of the shares, with both proofs. */
  readonly block: ReadBlock | undefined
}

export interface WriteRequest {
  readonly storageIndex: StorageIndex
  readonly shareNumber: number
  /** 16 random bytes; the same ones take up an interrupted write again. */
  readonly uploadId: Uint8Array
  /** Of the whole share file, or as much as is known; refused at once if there is no room. 0: not known. */
  readonly expectedSizeBytes: number
}

/** A share whose only block is that of segment 0. */
export interface WholeShare {
  readonly storageIndex: StorageIndex
  readonly shareNumber: number
  readonly manifest: Uint8Array
  readonly block: Uint8Array
  /** At most LEASE_DURATION_MAX_SECONDS. */
  readonly leaseDurationSeconds: number
}

/**
 * Writes one share front to back. Calls may be made without waiting for the ones before: they are carried out in
 * order, and after a failure every later one fails alike.
 */
export interface ShareWriter {
  /**
   * @returns how many blocks the server holds already from an earlier attempt with the same upload id
   * @throws NoSpaceError, BusyError, ConflictError if another channel is writing the same upload
   */
  open(options?: CallOptions): Promise<{ readonly segmentsHeld: number }>
  /** The block stays untouched by the caller until the promise resolves. Written, not yet durable. */
  writeBlock(write: BlockWrite, options?: CallOptions): Promise<void>
  /**
   * The server checks every block, both trees and the manifest against each other; then the share is made durable,
   * visible and leased to the account, and only then the promise resolves. Finishing a share that is visible
   * already renews the lease and drops the new copy.
   *
   * @param leaseDurationSeconds at most LEASE_DURATION_MAX_SECONDS
   * @throws IntegrityError if what was written is not what the manifest says
   */
  finish(
    last: { readonly manifest: Uint8Array; readonly leaseDurationSeconds: number },
    options?: CallOptions,
  ): Promise<void>
  /** Forget what was written. Never fails. */
  abort(): Promise<void>
  /**
   * Let go without forgetting, as when a channel breaks: what was written waits OPEN_WRITE_IDLE_SECONDS for a writer
   * with the same upload id. Never fails.
   */
  detach(): Promise<void>
}

export interface BlockWrite {
  /** Counts up by one from segmentsHeld. */
  readonly segmentIndex: number
  /** Leaf of the sealed tree for this segment. */
  readonly sealedLeaf: TreeHash
  readonly block: Uint8Array
}

export interface BlockRequest {
  readonly address: ShareAddress
  readonly segmentIndex: number
  /** Whether the proof in the sealed tree is wanted too. */
  readonly withSealedProof: boolean
}

export interface ReadBlock {
  readonly block: Uint8Array
  /** In the share's block tree (FORMAT §7). */
  readonly blockProof: Uint8Array
  /** In the sealed tree, if it was asked for. */
  readonly sealedProof: Uint8Array | undefined
}

export interface SlotWrite {
  readonly record: Uint8Array
  /** At most LEASE_DURATION_MAX_SECONDS. */
  readonly leaseDurationSeconds: number
}

export type SlotWriteOutcome =
  | { readonly accepted: true }
  /** The record that stands in the way. No lease was given. */
  | { readonly accepted: false; readonly held: Uint8Array }

export interface LeaseRenewal {
  readonly durationSeconds: number
  /** For so long not even the account itself can cancel the lease. */
  readonly binding?: boolean | undefined
}

export type LeaseChange = ({ readonly action: 'renew' } & LeaseRenewal) | { readonly action: 'cancel' }

export type LeaseUpdate = LeaseChange & { readonly address: ShareAddress | SlotAddress }

export type LeaseOutcome =
  /** When it ends, in seconds since 1970 UTC: 0 after a cancel, unless the lease binds until later. */
  | { readonly ok: true; readonly expiresAtSeconds: number }
  /** `no-such-share` is said of slots too. */
  | { readonly ok: false; readonly reason: 'no-such-share' | 'over-quota' }

export type ScrubOutcome = { readonly healthy: true } | { readonly healthy: false; readonly problem: string }
