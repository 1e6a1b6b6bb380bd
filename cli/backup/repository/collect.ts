/**
 * Taking in what a host has put into its drop-box (FORMAT §19.3): packs and snapshots, drop by drop, until there is no
 * next one. Done again after a crash, it comes to the same.
 *
 * The host may have turned bad. It can bring packs whose blobs are not what they are called, which no other snapshot
 * comes to need (see prune.ts), and snapshots of its own making; one that cannot be restored as a whole is refused, as
 * it would keep every prune from knowing what it needs.
 */
import {
  type BlobId,
  type DirectoryWriteCapability,
  DROP_MAX_BYTES,
  type DropContent,
  type DropPrivateKey,
  type FileReadCapability,
  formatPackId,
  type GridError,
  IntegrityError,
  InvalidInputError,
  nextDropSeed,
  openDrop,
  parseSnapshot,
  type Secret,
  type SlotSeed,
  SNAPSHOT_MAX_BYTES,
  type Snapshot,
  slotKeys,
  slotReadCapability,
  slotWriteCapability,
} from '#crypto'
import type { GridFiles } from '#gateway'
import { NotEnoughSharesError, NotFoundError, whileOpen } from '#node'
import type { KnownPack } from './blob-index.ts'
import { REPOSITORY_NAMES } from './layout.ts'
import { SNAPSHOT_AHEAD_MAX_MILLISECONDS } from './limits.ts'
import type { LocalState } from './local-state.ts'
import type { PackToLink } from './pack-directory.ts'
import { readSmallFile } from './small-files.ts'
import { SnapshotWalk } from './snapshot-walk.ts'
import { findPlaces, type StoredRepository } from './stored-repository.ts'
import type { CollectOptions, CollectReport } from './types.ts'
import type { WriteSession } from './write-session.ts'

export interface CollectParts {
  readonly files: GridFiles
  readonly capability: DirectoryWriteCapability
  readonly state: LocalState
  readonly stored: StoredRepository
  readonly session: WriteSession
}

/** @throws NotEnoughSharesError if a pack of a drop cannot be read now: the drop is left for another time */
export async function collect(parts: CollectParts, options: CollectOptions = {}): Promise<CollectReport> {
  // Read now, as an earlier collecting of this session has moved on.
  const { drop, file } = await findPlaces(parts.files, parts.capability, options)
  const none = { drops: 0, packs: 0, snapshots: 0, refused: [] }
  if (drop?.kind !== 'slot' || file.dropPrivateKey === undefined) return none
  return new Collecting(parts, file.dropPrivateKey, options).run(drop.seed.reveal())
}

class Collecting {
  readonly #parts: CollectParts
  readonly #privateKey: Secret<DropPrivateKey>
  readonly #options: CollectOptions
  readonly #refused: string[] = []
  #packs = 0
  #snapshots = 0

  constructor(parts: CollectParts, privateKey: Secret<DropPrivateKey>, options: CollectOptions) {
    this.#parts = parts
    this.#privateKey = privateKey
    this.#options = options
  }

  /** @param last seed of the last drop that was collected */
  async run(last: SlotSeed): Promise<CollectReport> {
    let drops = 0
    for (let seed = nextDropSeed(last); ; seed = nextDropSeed(seed)) {
      this.#options.onProgress?.({ stage: 'collecting', done: drops, total: undefined })
      const value = await this.#read(seed)
      if (value === undefined) break
      await this.#take(seed, value)
      await this.#moveOn(seed)
      drops += 1
    }
    return { drops, packs: this.#packs, snapshots: this.#snapshots, refused: this.#refused }
  }

  /** Undefined if nobody has written it yet. */
  async #read(seed: SlotSeed): Promise<Uint8Array | undefined> {
    const slot = slotReadCapability('slot-read', slotKeys(seed))
    try {
      return await readSmallFile(this.#parts.files, slot, { ...this.#options, sizeMaxBytes: DROP_MAX_BYTES })
    } catch (error) {
      if (error instanceof NotFoundError) return undefined
      // A slot that holds something else was written by who holds the seed, and is passed over like a bad drop.
      if (error instanceof IntegrityError) return new Uint8Array(0)
      throw error
    }
  }

  async #take(seed: SlotSeed, value: Uint8Array): Promise<void> {
    let content: DropContent
    try {
      content = openDrop(value, slotKeys(seed).publicKey, this.#privateKey.reveal())
    } catch (error) {
      if (!(error instanceof InvalidInputError || error instanceof IntegrityError)) throw error
      this.#refused.push(`a drop does not open: ${error.message}`)
      return
    }
    await this.#takePacks(content.packs)
    if (content.snapshot !== undefined) await this.#takeSnapshot(content.snapshot)
  }

  /** Each tells of itself what is in it: what the host says of that in its index is not gone by. */
  async #takePacks(capabilities: readonly FileReadCapability[]): Promise<void> {
    const { data } = this.#parts.stored
    const packs: PackToLink[] = []
    for (const capability of capabilities) {
      if (!(await data.keep(capability, this.#options))) {
        throw new NotEnoughSharesError(
          'a pack that a host has dropped cannot be read now: it and what came after it is collected another time',
        )
      }
      try {
        packs.push({ table: await data.tableOf(capability, this.#options), capability })
      } catch (error) {
        if (!(error instanceof InvalidInputError || error instanceof IntegrityError)) throw error
        this.#refused.push(`a pack of a drop is none: ${error.message}`)
      }
    }
    const fresh = await this.#unlessThere(packs)
    await data.link(fresh, this.#options)
    this.#packs += fresh.length
  }

  /**
   * A pack is named by its table, and a host that has turned knows tables of its own: what it brings under a name that
   * stands in `data/` must not take the place of what stands there, whatever it holds.
   */
  async #unlessThere(packs: readonly PackToLink[]): Promise<readonly PackToLink[]> {
    if (packs.length === 0) return packs
    const there = (await this.#parts.stored.data.list(this.#options)).packs
    return packs.filter(({ table }) => !there.has(formatPackId(table.packId)))
  }

  async #takeSnapshot(capability: FileReadCapability): Promise<void> {
    const { files, session } = this.#parts
    try {
      const limits = { ...this.#options, sizeMaxBytes: SNAPSHOT_MAX_BYTES }
      const snapshot = parseSnapshot(await readSmallFile(files, capability, limits))
      const aheadMilliseconds = snapshot.takenAtMilliseconds - this.#parts.state.clock.now()
      if (aheadMilliseconds > SNAPSHOT_AHEAD_MAX_MILLISECONDS) {
        // It would be the newest for ever, and have every other one forgotten in its favour.
        throw new InvalidInputError('it says that it was taken days from now')
      }
      const relied = await this.#reliedOf(snapshot)
      await session.publishFile({ id: snapshot.id, capability, relied }, this.#options)
      this.#snapshots += 1
    } catch (error) {
      if (
        !(
          error instanceof InvalidInputError ||
          error instanceof IntegrityError ||
          error instanceof NotFoundError
        )
      )
        throw error
      this.#refused.push(`a snapshot of a drop cannot be restored: ${error.message}`)
    }
  }

  /** Packs that have what it refers to. @throws the first that keeps it from being restored as a whole */
  async #reliedOf(snapshot: Snapshot): Promise<Iterable<KnownPack>> {
    const { state, stored } = this.#parts
    const relied = new Map<string, KnownPack>()
    let problem: GridError | undefined
    const onBlobs = async (_: string, ids: readonly BlobId[]): Promise<void> => {
      for (const found of await state.index.findMany(ids)) {
        if (found === undefined) problem ??= new NotFoundError('no pack has one of its blobs')
        else relied.set(found.pack.name, found.pack)
      }
    }
    const onProblem = (error: GridError): void => {
      problem ??= error
    }
    const parts = { cache: state.cache, contents: stored.contents, visitor: { onBlobs, onProblem } }
    const walk = await SnapshotWalk.open(parts)
    await whileOpen(walk, () => walk.walk(snapshot, this.#options))
    if (problem !== undefined) throw problem
    return relied.values()
  }

  /** What was collected is not looked at again. */
  async #moveOn(seed: SlotSeed): Promise<void> {
    const { files, capability } = this.#parts
    const drop = slotWriteCapability('slot', seed)
    const change = {
      kind: 'set',
      name: REPOSITORY_NAMES.drop,
      capability: drop,
      metadata: {},
      ifExists: 'replace',
    } as const
    await files.edit(capability, [change], { signal: this.#options.signal })
  }
}
