/**
 * What a session puts into a repository, and how it becomes a snapshot that stays.
 *
 * The order of writes does it, without locks or clocks. Whoever publishes writes the snapshot, as pending, and then
 * reads `data/`; whoever prunes takes packs out of `data/` and then reads `snapshots/`. Either sees the other, and puts
 * back what is needed. A crash at any step leaves blobs that the next session finds, and nothing that has a name and
 * cannot be restored.
 */
import {
  type BlobEntry,
  type BlobId,
  type Content,
  formatSnapshot,
  type PackRow,
  parseSnapshot,
  type ReadCapability,
  type Snapshot,
  type SnapshotContent,
} from '#crypto'
import type { GridFiles } from '#gateway'
import { ConflictError, mapInOrder } from '#node'
import type { KnownPack } from './blob-index.ts'
import { BlobPutter, fillerOf } from './blob-putter.ts'
import { NameSet } from './cache.ts'
import { ContentWriter } from './content-writer.ts'
import { hasContent } from './has-content.ts'
import { FETCHES_IN_FLIGHT_MAX, PACK_CLOSE_BYTES } from './limits.ts'
import type { LocalState } from './local-state.ts'
import { isLoss } from './losses.ts'
import type { PackToLink } from './pack-directory.ts'
import { PackSender } from './pack-sender.ts'
import { PackWriter } from './pack-writer.ts'
import { putSmallFile } from './small-files.ts'
import { Spool } from './spool.ts'
import type { StoredRepository } from './stored-repository.ts'
import type { Cancel, RepositoryTraffic } from './types.ts'
import type { SpooledBlob, WaitingBlobs } from './waiting-blobs.ts'

export interface WriteSessionParts {
  readonly files: GridFiles
  readonly state: LocalState
  readonly stored: StoredRepository
  readonly waiting: WaitingBlobs
  /** Left out: PACK_CLOSE_BYTES. */
  readonly packCloseBytes?: number | undefined
  /** Ends what the session does in the background. */
  readonly signal: AbortSignal
  readonly onWarning: (message: string) => void
}

export interface SnapshotFile {
  readonly id: string
  readonly capability: ReadCapability
  readonly relied: Iterable<KnownPack>
}

export class WriteSession implements AsyncDisposable {
  readonly blobs: BlobPutter
  readonly contents: ContentWriter
  readonly #parts: WriteSessionParts
  readonly #writer: PackWriter
  readonly #sender: PackSender
  /** Packs that a snapshot of this session may refer to, by name: as they were when it learned of them. */
  readonly #relied = new Map<string, KnownPack>()
  #arrived: KnownPack[] = []
  #dryNames: Promise<NameSet> | undefined

  private constructor(parts: WriteSessionParts, spool: Spool) {
    const { files, state, stored, waiting, signal } = parts
    this.#parts = parts
    this.#sender = new PackSender({
      files,
      data: stored.data,
      index: state.index,
      onArrived: (pack, rows) => this.#noteArrival(pack, rows),
      signal,
      clock: state.clock,
      onWarning: parts.onWarning,
    })
    this.#writer = new PackWriter({
      spool,
      packCloseBytes: parts.packCloseBytes ?? PACK_CLOSE_BYTES,
      fillerOf: (kind) => fillerOf(stored.keys.blobIdKey.reveal(), kind),
      send: (pack) => this.#sender.send(pack),
    })
    this.blobs = new BlobPutter({
      blobIdKey: stored.keys.blobIdKey,
      isThere: (id) => this.#isThere(id),
      append: (entry, bytes) => this.append(entry, bytes),
      waiting,
      trees: state.trees,
      dryNames: () => (this.#dryNames ??= NameSet.open(state.cache, 'dry')),
    })
    this.contents = new ContentWriter(this.blobs, stored.keys.cutKey)
  }

  /** Takes up what an earlier session of this home has left. `data/` was listed just before. */
  static async open(parts: WriteSessionParts): Promise<WriteSession> {
    const { state, stored } = parts
    const spool = await Spool.open(state.disk, state.spoolFolder)
    const session = new WriteSession(parts, spool)
    await session.#adoptUnlinked()
    await session.#writer.resume(parts.waiting, (entry, bytes) => stored.blobs.verify(entry, bytes))
    return session
  }

  get traffic(): RepositoryTraffic {
    const { added, found } = this.blobs.counts
    const { packsSent, packBytesSent } = this.#sender
    return { packsSent, packBytesSent, blobsAdded: added, blobsFound: found }
  }

  /** As it is stored, into a new pack, whether it is there or not. */
  append(entry: BlobEntry, stored: Uint8Array): Promise<SpooledBlob> {
    return this.#writer.append(entry, stored)
  }

  hasContent(content: Content, options?: Cancel): Promise<boolean> {
    const { contents } = this.#parts.stored
    return hasContent({ blobs: this.blobs, contents }, content, options)
  }

  /** Packs of this session that have reached the grid since it was last asked. */
  takeArrived(): readonly KnownPack[] {
    const arrived = this.#arrived
    this.#arrived = []
    return arrived
  }

  /** Until everything appended so far stands on the grid and is linked. */
  async flush(): Promise<void> {
    await this.#writer.flush()
    await this.#sender.linkAll()
  }

  /** @throws ConflictError if what it refers to is gone for good, or the snapshot was given up meanwhile */
  async publish(content: SnapshotContent, options: Cancel = {}): Promise<Snapshot> {
    await this.flush()
    options.signal?.throwIfAborted()
    const bytes = formatSnapshot(content)
    const snapshot = parseSnapshot(bytes)
    const capability = await putSmallFile(this.#parts.files, bytes, options)
    await this.publishFile({ id: snapshot.id, capability, relied: this.#relied.values() }, options)
    return snapshot
  }

  /**
   * Give a snapshot its name.
   *
   * @param file `relied`: the packs that have what it refers to
   * @throws as publish
   */
  async publishFile({ id, capability, relied }: SnapshotFile, options: Cancel): Promise<void> {
    const { snapshots, data } = this.#parts.stored
    await snapshots.announce(id, capability, options)
    // Read after the announcement stands: this, and that prunes read snapshots after they took packs out, is what
    // keeps all that the snapshot needs.
    const { packs } = await data.refresh({ ...options, firm: true })
    await this.relink(
      [...relied].filter(({ name }) => !packs.has(name)),
      options,
    )
    await snapshots.confirm(id, options)
  }

  /**
   * Put packs back into `data/`, from what is known of them.
   *
   * @throws ConflictError if one cannot be read any more; the others are back
   */
  async relink(packs: readonly KnownPack[], options: Cancel): Promise<void> {
    const { data } = this.#parts.stored
    const found: PackToLink[] = []
    const lost: KnownPack[] = []
    const kept = mapInOrder(packs, FETCHES_IN_FLIGHT_MAX, async (pack) => {
      return { pack, toLink: await this.#kept(pack, options) }
    })
    for await (const { pack, toLink } of kept) {
      if (toLink === undefined) lost.push(pack)
      else found.push(toLink)
    }
    await data.link(found, options)
    for (const { name } of lost) this.#relied.delete(name)
    if (lost.length === 0) return
    throw new ConflictError(
      `${lost.length} packs that this backup refers to were pruned and are gone: back up again, and little is sent`,
    )
  }

  /** What is on its way has ended; what is not yet in a whole pack is dropped. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.abandon()
    await (await this.#dryNames)?.[Symbol.asyncDispose]()
  }

  async #isThere(id: BlobId): Promise<boolean> {
    const found = await this.#parts.state.index.find(id)
    if (found === undefined || (found.pack.state !== 'linked' && found.pack.state !== 'unlinked'))
      return false
    this.#relied.set(found.pack.name, found.pack)
    return true
  }

  #noteArrival(pack: KnownPack, rows: readonly PackRow[]): void {
    this.#relied.set(pack.name, pack)
    this.#arrived.push(pack)
    for (const { id } of rows) this.#parts.waiting.delete(id)
  }

  /** Packs that an earlier session has put and not linked; what was long ago may be gone. */
  async #adoptUnlinked(): Promise<void> {
    const { signal } = this.#parts
    const { index } = this.#parts.state
    for (const pack of [...index.packs()].filter(({ state }) => state === 'unlinked')) {
      const toLink = await this.#kept(pack, { signal })
      if (toLink === undefined) await index.drop(pack)
      else await this.#sender.adopt(toLink)
    }
  }

  /** Undefined unless it can be read, and will be for as long as leases last. */
  async #kept({ capability, sizeBytes }: KnownPack, options: Cancel): Promise<PackToLink | undefined> {
    const { data } = this.#parts.stored
    try {
      if (!(await data.keep(capability, options))) return undefined
      return { table: await data.tableOf(capability, { ...options, sizeBytes }), capability }
    } catch (error) {
      if (isLoss(error)) return undefined
      throw error
    }
  }
}
