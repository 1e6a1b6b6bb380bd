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
  /** Of the snapshot that is being walked: what keeps it from being known. */
  #problem: GridError | undefined

  constructor(parts: MarkerParts) {
    this.#parts = parts
  }

  /**
   * Mark what the snapshots need: in the pack that is the best to read each blob from, as the index has them now.
   *
   * @returns ids of pending ones of which not all could be known, as whoever announced them has still to put back what
   *   they need
   * @throws IntegrityError if that is so of one that has its name
   */
  async mark(listed: readonly ListedSnapshot[], options: MarkOptions = {}): Promise<ReadonlySet<string>> {
    const { snapshots } = this.#parts.stored
    const incomplete = new Set<string>()
    const pending = new Set(listed.filter(({ isPending }) => isPending).map(({ id }) => id))
    for await (const snapshot of snapshots.readListed(listed, options)) {
      const problem = 'error' in snapshot ? snapshot.error : await this.#mark(snapshot, options)
      options.onSnapshot?.()
      if (problem === undefined) continue
      if (pending.has(snapshot.id)) incomplete.add(snapshot.id)
      else if (await this.#isListed(snapshot.id, options)) throw notKnown(snapshot.id, problem)
    }
    return incomplete
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#walk?.[Symbol.asyncDispose]()
  }

  /** @returns what keeps its needs from being known */
  async #mark(snapshot: Snapshot, options: Cancel): Promise<GridError | undefined> {
    const { state, stored } = this.#parts
    this.#walk ??= await SnapshotWalk.open({
      cache: state.cache,
      contents: stored.contents,
      visitor: {
        onBlobs: (_, ids) => this.#markBlobs(ids, options),
        onProblem: (error) => {
          this.#problem ??= error
        },
      },
    })
    await this.#walk.walk(snapshot, options)
    const problem = this.#problem
    if (problem === undefined) return undefined
    this.#problem = undefined
    // Trees with the same gap may be part of others, and must not pass for walked there.
    await this.#walk[Symbol.asyncDispose]()
    this.#walk = undefined
    return problem
  }

  async #markBlobs(ids: readonly BlobId[], { signal }: Cancel): Promise<void> {
    const { state, stored } = this.#parts
    let places = await state.index.findMany(ids)
    // Let go of by another prune, perhaps: then it is put back.
    const isMissed = places.includes(undefined) && (await stored.lookAgain({ signal, firm: true }))
    if (isMissed) places = await state.index.findMany(ids)
    for (const found of places) {
      if (found === undefined) {
        this.#problem ??= new NotFoundError('no pack has one of its blobs')
        continue
      }
      const { pack, place } = found
      if (pack.state === 'freeing' || pack.state === 'freed') this.toPutBack.set(pack.name, pack)
      this.live.add(pack, place)
    }
  }

  /** It may have been forgotten, and pruned by another, since it was listed. */
  async #isListed(id: string, { signal }: Cancel): Promise<boolean> {
    const listed = await this.#parts.stored.snapshots.list({ signal, firm: true })
    return listed.some((one) => one.id === id)
  }
}

function notKnown(snapshotId: string, cause: GridError): IntegrityError {
  return new IntegrityError(
    `snapshot ${snapshotId} cannot be read as a whole (${cause.message}), so nothing can be pruned`,
    { hint: 'cairn check says what is missing; a snapshot that is lost can be forgotten.' },
    { cause },
  )
}
