/**
 * The faces of a repository of backups, for what walks, restores and commands.
 *
 * A repository is a directory of the grid. Whoever has its `dir-read` capability can restore everything, whoever has
 * its `dir` capability can back up, forget and prune, and whoever has its `dir-verify` capability can check and repair
 * it, and does not learn what is in it.
 * Contents are cut into blobs, which stand in packs of some 16 MiB; a blob is there once, whoever put it.
 *
 * Everything a session promises it promises when `publish` returns, and not before. One that is killed before leaves
 * blobs that the next session finds and does not send again.
 */
import type {
  BlobId,
  BlobKind,
  Content,
  DirectoryReadCapability,
  DirectoryWriteCapability,
  GridError,
  Snapshot,
  SnapshotContent,
  TreeEntry,
} from '#crypto'
import type { ByteRange } from '#node'

export type {
  BlobId,
  BlobKind,
  Content,
  EntryKind,
  ExtendedAttribute,
  Snapshot,
  SnapshotContent,
  SnapshotTotals,
  TreeEntry,
} from '#crypto'

export interface Cancel {
  readonly signal?: AbortSignal | undefined
}

/** Blobs by their ids. Calls may run side by side. */
export interface BlobStore {
  /**
   * Waits while as many packs are on their way as may be, so that memory stays bounded. The bytes must not change until
   * it resolves. A blob that is there already, or on its way, is not sent again.
   *
   * @param bytes 1 to BLOB_SIZE_MAX_BYTES
   */
  put(kind: BlobKind, bytes: Uint8Array, options?: Cancel): Promise<PutBlob>
  /**
   * Whether a snapshot of this session may refer to it: false too for one in a pack that is condemned. Asking counts as
   * meaning to.
   */
  has(id: BlobId): Promise<boolean>
  /**
   * Verified against the id.
   *
   * @throws NotFoundError if no pack has it; IntegrityError if what a pack has is something else
   */
  get(id: BlobId, options?: Cancel): Promise<Uint8Array>
  /** Until every blob put so far stands on the grid and can be found there. */
  flush(options?: Cancel): Promise<void>
}

export interface PutBlob {
  readonly id: BlobId
  /** False: it was there already, or on its way. */
  readonly isNew: boolean
  /** Compressed; 0 if it is not new. */
  readonly storedBytes: number
}

/** What reading gives, for whoever has `dir-read`. */
export interface RepositoryReader extends AsyncDisposable {
  readonly capability: DirectoryWriteCapability | DirectoryReadCapability
  /** In no order. Those that cannot be read come as errors, so that one bad snapshot hides no other. */
  snapshots(options?: Cancel): AsyncIterable<Snapshot | UnreadableSnapshot>
  /** The bytes in order, verified, in buffers that belong to the reader; of a range, no more blobs than it touches. */
  readContent(content: Content, options?: Cancel & { readonly range?: ByteRange }): AsyncIterable<Uint8Array>
  /** The entries of a folder, by name. */
  readTree(content: Content, options?: Cancel): AsyncIterable<TreeEntry>
  readonly blobs: Pick<BlobStore, 'get'>
}

export interface UnreadableSnapshot {
  readonly id: string
  readonly error: GridError
}

/** For whoever has `dir`. One session a home at a time; sessions of other homes may run beside it. */
export interface Repository extends RepositoryReader {
  readonly capability: DirectoryWriteCapability
  readonly blobs: BlobStore
  /** Cut by content, under the key of the repository. */
  putContent(source: AsyncIterable<Uint8Array>, options?: Cancel): Promise<PutContent>
  /**
   * @param entries by name as bytes, each once
   * @throws NotFoundError if the content of an entry is not there: see hasContent
   */
  putTree(entries: Iterable<TreeEntry> | AsyncIterable<TreeEntry>, options?: Cancel): Promise<PutContent>
  /**
   * Whether all blobs of the content are there and may be referred to. Ask before an entry of an earlier snapshot is
   * taken over unread; if not, read the file anew.
   */
  hasContent(content: Content, options?: Cancel): Promise<boolean>
  /**
   * Make a snapshot of what was put. Flushes first.
   *
   * @throws ConflictError if a prune has taken away what it refers to: put everything again, and little is sent
   */
  publish(snapshot: SnapshotContent, options?: Cancel): Promise<Snapshot>
  /** Not an error if they are gone already. Frees nothing: see prune. */
  forget(ids: readonly string[], options?: Cancel): Promise<void>
  prune(options?: PruneOptions): Promise<PruneReport>
  /** Of this session. */
  readonly traffic: RepositoryTraffic
}

export interface PutContent {
  readonly content: Content
  /** Plaintext bytes of blobs that were not there before, lists among them. */
  readonly addedBytes: number
  readonly storedBytes: number
}

export interface RepositoryTraffic {
  readonly packsSent: number
  /** Of packs, padding included; servers store n/k times that. */
  readonly packBytesSent: number
  readonly blobsAdded: number
  readonly blobsFound: number
}

export interface PruneOptions extends Cancel {
  readonly dryRun?: boolean | undefined
  /** How long a pack is condemned before it is given up; left out: PRUNE_GRACE_MILLISECONDS. */
  readonly graceMilliseconds?: number | undefined
  readonly onProgress?: ((progress: PruneProgress) => void) | undefined
}

export interface PruneProgress {
  readonly stage: 'marking' | 'repacking' | 'freeing'
  readonly done: number
  /** Undefined where it is not known. */
  readonly total: number | undefined
}

export interface PruneReport {
  readonly snapshots: number
  readonly packs: number
  /** Needed by no snapshot since now; to be given up once the time of grace is over. */
  readonly condemned: number
  /** Condemned earlier, and needed again. */
  readonly reprieved: number
  /** Packs whose needed blobs were put into new ones; they are among the condemned. */
  readonly repacked: number
  /** Taken out of the repository: their leases are renewed no more. */
  readonly freed: number
  readonly freedBytes: number
  /** In packs that are condemned now. */
  readonly condemnedBytes: number
}
