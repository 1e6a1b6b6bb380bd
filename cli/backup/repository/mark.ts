/** Marking what snapshots need, for a prune: whatever cannot be walked or found ends it. */
import { type BlobId, type GridError, IntegrityError, type Snapshot } from '#crypto'
import { NotFoundError } from '#node'
import type { KnownPack } from './blob-index.ts'
import { LiveBlobs } from './live-blobs.ts'
import type { LocalState } from './local-state.ts'
import type { ListedSnapshot } from './snapshot-directory.ts'
import { SnapshotWalk } from './snapshot-walk.ts'
import type { StoredRepository } from './stored-repository.ts'
import type { Cancel } from './types.ts'

export interface MarkerParts {
  readonly state: LocalState
  readonly stored: StoredRepository
}

export interface MarkOptions extends Cancel {
  /** After each snapshot. */
  readonly onSnapshot?: (() => void) | undefined
}

export class Marker implements AsyncDisposable {
  readonly live = new LiveBlobs()
  /** Packs that are needed and not linked: others have taken them out. By name; who puts them back empties it. */
  readonly toPutBack = new Map<string, KnownPack>()
  readonly #parts: MarkerParts
  #walk: SnapshotWalk | undefined

  constructor(parts: MarkerParts) {
    this.#parts = parts
  }

  /**
   * Mark what the snapshots need: in the pack that is the best to read each blob from, as the index has them now.
   *
   * @throws IntegrityError if that cannot be known, or is not there
   */
  async mark(listed: readonly ListedSnapshot[], options: MarkOptions = {}): Promise<void> {
    for await (const snapshot of this.#parts.stored.snapshots.readListed(listed, options)) {
      if ('error' in snapshot) throw notKnown(snapshot.id, snapshot.error)
      await this.#mark(snapshot, options)
      options.onSnapshot?.()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#walk?.[Symbol.asyncDispose]()
  }

  async #mark(snapshot: Snapshot, options: Cancel): Promise<void> {
    const { state, stored } = this.#parts
    this.#walk ??= await SnapshotWalk.open({
      cache: state.cache,
      contents: stored.contents,
      visitor: {
        onBlobs: (_, ids, { snapshotId }) => this.#markBlobs(ids, snapshotId),
        onProblem: (error, { snapshotId }) => {
          throw notKnown(snapshotId, error)
        },
      },
    })
    await this.#walk.walk(snapshot, options)
  }

  async #markBlobs(ids: readonly BlobId[], snapshotId: string): Promise<void> {
    for (const found of await this.#parts.state.index.findMany(ids)) {
      if (found === undefined) throw notKnown(snapshotId, new NotFoundError('no pack has one of its blobs'))
      const { pack, place } = found
      if (pack.state === 'freeing' || pack.state === 'freed') this.toPutBack.set(pack.name, pack)
      this.live.add(pack, place)
    }
  }
}

function notKnown(snapshotId: string, cause: GridError): IntegrityError {
  return new IntegrityError(
    `snapshot ${snapshotId} cannot be read as a whole (${cause.message}), so nothing can be pruned`,
    { hint: 'cairn check --read-data says more; a snapshot that is lost can be forgotten.' },
    { cause },
  )
}
