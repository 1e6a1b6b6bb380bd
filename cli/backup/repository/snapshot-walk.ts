/**
 * Everything that snapshots refer to. A tree that was walked is not walked again, in whatever snapshot it stands, so
 * what is walked is what is new in each. What was walked is remembered in the cache: memory does not grow with it.
 */
import { createHash } from 'node:crypto'
import { type BlobId, type BlobKind, type Content, concat, GridError, type Snapshot, utf8 } from '#crypto'
import { type Cache, NameSet } from './cache.ts'
import type { ContentReader } from './content-reader.ts'
import { TREES_WALKED_AT_ONCE_MAX } from './limits.ts'
import type { Cancel } from './types.ts'

/** Where a walk is; paths are put together only when somebody asks. */
export interface WalkPlace {
  readonly snapshotId: string
  /** Undefined: at the root of the snapshot. */
  readonly above?: WalkPlace | undefined
  readonly name?: Uint8Array | undefined
}

/** Called side by side. What they throw ends the walk. */
export interface WalkVisitor {
  /** Blobs that something refers to; may come more than once. */
  onBlobs(kind: BlobKind, ids: readonly BlobId[], place: WalkPlace): Promise<void>
  /** What lies below cannot be walked. */
  onProblem(error: GridError, place: WalkPlace): void
}

export interface SnapshotWalkParts {
  readonly cache: Cache
  readonly contents: Pick<ContentReader, 'readTree' | 'ids'>
  readonly visitor: WalkVisitor
}

/** Ids that a visitor is handed at a time. */
const IDS_TOGETHER_MAX = 256
const DIGEST_BYTES = 16

export class SnapshotWalk implements AsyncDisposable {
  readonly #parts: SnapshotWalkParts
  readonly #walked: NameSet
  readonly #lanes = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined

  private constructor(parts: SnapshotWalkParts, walked: NameSet) {
    this.#parts = parts
    this.#walked = walked
  }

  /** One walk of a cache at a time. */
  static async open(parts: SnapshotWalkParts): Promise<SnapshotWalk> {
    return new SnapshotWalk(parts, await NameSet.open(parts.cache, 'walked'))
  }

  /** @throws what the visitor throws; the signal's reason */
  async walk({ id, root }: Pick<Snapshot, 'id' | 'root'>, options: Cancel = {}): Promise<void> {
    await this.#tree(root, { snapshotId: id }, options)
    while (this.#lanes.size > 0) await Promise.all(this.#lanes)
    this.#rethrow()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#lanes.size > 0) await Promise.all(this.#lanes)
    await this.#walked[Symbol.asyncDispose]()
  }

  /** A folder below: on a lane of its own if one is free, else before whoever found it goes on. */
  async #below(content: Content, place: WalkPlace, options: Cancel): Promise<void> {
    this.#rethrow()
    if (this.#lanes.size >= TREES_WALKED_AT_ONCE_MAX) return this.#tree(content, place, options)
    const lane: Promise<void> = this.#tree(content, place, options)
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => this.#lanes.delete(lane))
    this.#lanes.add(lane)
  }

  async #tree(content: Content, place: WalkPlace, options: Cancel): Promise<void> {
    options.signal?.throwIfAborted()
    if (!(await this.#walked.add(digestOf(content)))) return
    const { contents, visitor } = this.#parts
    await this.#blobs('tree', content, { ...options, place })
    try {
      for await (const entry of contents.readTree(content, options)) {
        if (entry.content === undefined) continue
        const below = { snapshotId: place.snapshotId, above: place, name: entry.name }
        if (entry.kind === 'folder') await this.#below(entry.content, below, options)
        else await this.#blobs('data', entry.content, { ...options, place: below })
      }
    } catch (error) {
      if (!(error instanceof GridError)) throw error
      visitor.onProblem(error, place)
    }
  }

  async #blobs(
    kind: BlobKind,
    content: Content,
    options: Cancel & { readonly place: WalkPlace },
  ): Promise<void> {
    const { contents, visitor } = this.#parts
    const { place, signal } = options
    if (content.depth === 0) {
      if (content.ids.length > 0) await visitor.onBlobs(kind, content.ids, place)
      return
    }
    let ids: BlobId[] = []
    const onList = (id: BlobId) => visitor.onBlobs('list', [id], place)
    try {
      for await (const id of contents.ids(content, { signal, onList })) {
        ids.push(id)
        if (ids.length < IDS_TOGETHER_MAX) continue
        await visitor.onBlobs(kind, ids, place)
        ids = []
      }
      if (ids.length > 0) await visitor.onBlobs(kind, ids, place)
    } catch (error) {
      if (!(error instanceof GridError)) throw error
      visitor.onProblem(error, place)
    }
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

/** Absolute, as bytes. */
export function pathOf(place: WalkPlace): Uint8Array {
  const names: Uint8Array[] = []
  for (let at: WalkPlace | undefined = place; at?.name !== undefined; at = at.above) {
    names.unshift(SLASH, at.name)
  }
  return names.length === 0 ? SLASH : concat(...names)
}

const SLASH = utf8('/')

/** What tells one tree from another. */
function digestOf({ depth, ids }: Content): Uint8Array {
  const hash = createHash('sha256').update(Uint8Array.of(depth))
  for (const id of ids) hash.update(id)
  return new Uint8Array(hash.digest().subarray(0, DIGEST_BYTES))
}
