/**
 * The faces of a repository of backups, for what walks, restores and commands.
 *
 * A repository is a directory of the grid. Whoever has its `dir-read` capability can restore everything, whoever has
 * its `dir` capability can back up, forget and prune, and whoever has its `dir-verify` capability can check and repair
 * it, and does not learn what is in it.
 * Contents are cut into blobs, which stand in packs of some 32 MiB; a blob is there once, whoever put it.
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

export interface PutBlobOptions extends Cancel {
  /** Name, compress and count, and put nothing. What was put so before counts as there. */
  readonly dryRun?: boolean | undefined
}

/** Blobs by their ids. Calls may run side by side. */
export interface BlobStore {
  /**
   * Waits while as many packs are on their way as may be, so that memory stays bounded. The bytes must not change until
   * it resolves. A blob that is there already, or on its way, is not sent again.
   *
   * @param bytes 1 to BLOB_SIZE_MAX_BYTES
   */
  put(kind: BlobKind, bytes: Uint8Array, options?: PutBlobOptions): Promise<PutBlob>
  /** Whether it is there, or on its way: a snapshot of this session may refer to it. */
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
  readContent(content: Content, options?: ReadContentOptions): AsyncIterable<Uint8Array>
  /** The entries of a folder, by name. */
  readTree(content: Content, options?: Cancel): AsyncIterable<TreeEntry>
  readonly blobs: Pick<BlobStore, 'get'>
}

export interface ReadContentOptions extends Cancel {
  readonly range?: ByteRange | undefined
}

export interface UnreadableSnapshot {
  readonly id: string
  readonly error: GridError
}

/**
 * What a backup needs, of a repository or of a drop-box. One session a home at a time; those of others may run beside
 * it.
 */
export interface RepositoryWriter extends AsyncDisposable {
  readonly blobs: Pick<BlobStore, 'put' | 'has' | 'flush'>
  /** Cut by content, under the key of the repository. */
  putContent(source: AsyncIterable<Uint8Array>, options?: PutBlobOptions): Promise<PutContent>
  /** @param entries by name as bytes, each once; what they refer to was put, or hasContent has said that it is there */
  putTree(
    entries: Iterable<TreeEntry> | AsyncIterable<TreeEntry>,
    options?: PutBlobOptions,
  ): Promise<PutContent>
  /**
   * Whether all blobs of the content are there and may be referred to. Ask before an entry of an earlier snapshot is
   * taken over unread; if not, read the file anew. Of a tree: its own blobs, not those of what is in it.
   */
  hasContent(content: Content, options?: Cancel): Promise<boolean>
  /**
   * The entries of a folder of an earlier snapshot, by name.
   *
   * @throws NotFoundError if it cannot be read here: by a host with a drop-box that has lost its cache
   */
  readTree(content: Content, options?: Cancel): AsyncIterable<TreeEntry>
  /**
   * The newest snapshot of this host and these paths, to compare with; a drop-box knows only those that this home put
   * into it.
   */
  parentOf(host: string, paths: readonly string[], options?: Cancel): Promise<ParentSnapshot | undefined>
  /**
   * Make a snapshot of what was put. Flushes first; once it returns, all that the root leads to is there to stay.
   *
   * @throws ConflictError if a prune has taken away what it refers to: put everything again, and little is sent
   */
  publish(snapshot: SnapshotContent, options?: Cancel): Promise<Snapshot>
  /** Of this session. */
  readonly traffic: RepositoryTraffic
}

export interface ParentSnapshot {
  readonly id: string
  /** When it was begun. */
  readonly takenAtMilliseconds: number
  readonly root: Content
}

/** For whoever has `dir`. */
export interface Repository extends RepositoryReader, RepositoryWriter {
  readonly capability: DirectoryWriteCapability
  readonly blobs: BlobStore
  /** Not an error if they are gone already. Frees nothing: see prune. */
  forget(ids: readonly string[], options?: Cancel): Promise<void>
  prune(options?: PruneOptions): Promise<PruneReport>
  check(options?: CheckOptions): Promise<CheckReport>
  /** Take in what hosts have put into the drop-box; nothing to do where there is none. */
  collect(options?: CollectOptions): Promise<CollectReport>
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

/** What a long piece of work is at. */
export interface StageProgress<Stage extends string> {
  readonly stage: Stage
  readonly done: number
  /** Undefined where it is not known. */
  readonly total: number | undefined
}

export interface PruneOptions extends Cancel {
  readonly dryRun?: boolean | undefined
  /**
   * Packs that were linked so short a time ago are left alone though no snapshot needs them: a backup that is not
   * finished may want them. Left out: KEEP_UNFINISHED_MILLISECONDS.
   */
  readonly keepUnfinishedMilliseconds?: number | undefined
  /**
   * A pack is repacked if less than this share of the bytes of its blobs is needed, 0 to 1; 0: none is. Left out:
   * REPACK_BELOW_SHARE.
   */
  readonly repackBelow?: number | undefined
  readonly onProgress?: ((progress: StageProgress<PruneStage>) => void) | undefined
}

/** `marking` counts snapshots, the others packs. */
export type PruneStage = 'marking' | 'repacking' | 'freeing'

/** Of a dry run: what would be. */
export interface PruneReport {
  readonly snapshots: number
  /** That were there when it began. */
  readonly packs: number
  /** Packs that no snapshot needs and that are too young to free. */
  readonly kept: number
  /** Packs whose needed blobs were put into new ones; they are among the freed. */
  readonly repacked: number
  /** Taken out of the repository: their leases are renewed no more. */
  readonly freed: number
  readonly freedBytes: number
  /** Of packs that the repository has now. */
  readonly bytesNow: number
}

export type ReadPart =
  /** 0 to 100, chosen by the seed. */
  | { readonly percent: number }
  | { readonly bytes: number }
  /** One of so many parts, from 1: together they are all packs, and no pack is in two. */
  | { readonly part: number; readonly of: number }

export interface CheckOptions extends Cancel {
  /** What part of the packs to read and verify, blob by blob; left out: none. */
  readonly read?: ReadPart | undefined
  /** Which packs are read follows from it. */
  readonly seed?: string | undefined
  /** Called once for each problem. */
  readonly onProblem?: ((problem: CheckProblem) => void) | undefined
  readonly onProgress?: ((progress: StageProgress<'walking' | 'reading'>) => void) | undefined
}

export interface CheckProblem {
  readonly kind:
    | 'unreadable-snapshot'
    | 'unreadable-index'
    | 'unreadable-pack'
    | 'missing-pack'
    | 'missing-blob'
    | 'damaged-blob'
    | 'damaged-tree'
  /** A sentence for people. */
  readonly message: string
  /** A snapshot that it hits, and where in it, if it is known. */
  readonly snapshotId?: string | undefined
  readonly path?: Uint8Array | undefined
}

export interface CheckReport {
  readonly snapshots: number
  readonly packs: number
  /** Distinct blobs that the snapshots need. */
  readonly blobs: number
  readonly packsRead: number
  readonly bytesRead: number
  readonly problems: number
}

export interface CollectOptions extends Cancel {
  readonly onProgress?: ((progress: StageProgress<'collecting'>) => void) | undefined
}

export interface CollectReport {
  readonly drops: number
  readonly packs: number
  readonly snapshots: number
  /** Drops, or what was in them, that were not taken in, and why. */
  readonly refused: readonly string[]
}
