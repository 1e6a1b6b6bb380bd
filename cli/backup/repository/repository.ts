/** A session that backs up, forgets, prunes and checks: the faces of types.ts over the parts that do the work. */
import {
  type Content,
  type DirectoryWriteCapability,
  InvalidInputError,
  type Snapshot,
  type SnapshotContent,
  type TreeEntry,
} from '#crypto'
import type { GridFiles } from '#gateway'
import { check } from './check.ts'
import { collect } from './collect.ts'
import type { LocalState } from './local-state.ts'
import { newestOf } from './parent.ts'
import { prune } from './prune.ts'
import type { RepositoryPlaces, StoredRepository } from './stored-repository.ts'
import type {
  BlobStore,
  Cancel,
  CheckOptions,
  CheckReport,
  CollectOptions,
  CollectReport,
  ParentSnapshot,
  PruneOptions,
  PruneReport,
  PutBlobOptions,
  PutContent,
  ReadContentOptions,
  Repository,
  RepositoryTraffic,
  UnreadableSnapshot,
} from './types.ts'
import type { WriteSession } from './write-session.ts'

export interface RepositoryParts {
  readonly files: GridFiles
  readonly capability: DirectoryWriteCapability
  readonly places: RepositoryPlaces
  readonly state: LocalState
  readonly stored: StoredRepository
  readonly session: WriteSession
  readonly onWarning: (message: string) => void
  /** All of them but `files`. */
  readonly closing: AsyncDisposable
}

export class GridRepository implements Repository {
  readonly capability: DirectoryWriteCapability
  readonly blobs: BlobStore
  readonly #parts: RepositoryParts

  constructor(parts: RepositoryParts) {
    const { stored, session } = parts
    this.#parts = parts
    this.capability = parts.capability
    this.blobs = {
      put: (kind, bytes, options) => this.#writing(() => session.blobs.put(kind, bytes, options)),
      has: (id) => session.blobs.has(id),
      get: (id, options) => stored.blobs.get(id, options),
      flush: () => session.flush(),
    }
  }

  get traffic(): RepositoryTraffic {
    return this.#parts.session.traffic
  }

  snapshots(options?: Cancel): AsyncIterable<Snapshot | UnreadableSnapshot> {
    return this.#parts.stored.snapshots.read(options)
  }

  readContent(content: Content, options?: ReadContentOptions): AsyncIterable<Uint8Array> {
    return this.#parts.stored.contents.readContent(content, options)
  }

  readTree(content: Content, options?: Cancel): AsyncIterable<TreeEntry> {
    return this.#parts.stored.contents.readTree(content, options)
  }

  putContent(source: AsyncIterable<Uint8Array>, options?: PutBlobOptions): Promise<PutContent> {
    return this.#writing(() => this.#parts.session.contents.putContent(source, options))
  }

  putTree(
    entries: Iterable<TreeEntry> | AsyncIterable<TreeEntry>,
    options?: PutBlobOptions,
  ): Promise<PutContent> {
    return this.#writing(() => this.#parts.session.contents.putTree(entries, options))
  }

  hasContent(content: Content, options?: Cancel): Promise<boolean> {
    return this.#parts.session.hasContent(content, options)
  }

  parentOf(host: string, paths: readonly string[], options?: Cancel): Promise<ParentSnapshot | undefined> {
    return newestOf(this.snapshots(options), host, paths)
  }

  publish(snapshot: SnapshotContent, options?: Cancel): Promise<Snapshot> {
    return this.#writing(() => this.#parts.session.publish(snapshot, options))
  }

  async forget(ids: readonly string[], options?: Cancel): Promise<void> {
    const names = ids.map((id) => ({ id, isPending: false }))
    await this.#parts.stored.snapshots.remove(names, options)
  }

  prune(options?: PruneOptions): Promise<PruneReport> {
    return prune(this.#parts, options)
  }

  check(options?: CheckOptions): Promise<CheckReport> {
    return check(this.#parts, options)
  }

  collect(options?: CollectOptions): Promise<CollectReport> {
    return collect(this.#parts, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.closing[Symbol.asyncDispose]()
  }

  /** What a host drops nobody else relies on, and it could not know of what others put. */
  async #writing<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#parts.places.drop === undefined) return work()
    throw new InvalidInputError('this repository takes backups through its drop-box alone', {
      hint: 'cairn backup PATH --repository NAME: --create makes another one for this machine.',
    })
  }
}
