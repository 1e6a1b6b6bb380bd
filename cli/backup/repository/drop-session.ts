/**
 * A session of a host that may add backups and neither read nor remove any (FORMAT §19). It cannot look at what is
 * there: it goes by what it remembers, and by the trees of its last snapshots in its cache. If the cache is lost, it
 * sends again.
 */
import {
  type BlobEntry,
  type BlobId,
  type BlobIdKey,
  type BlobKind,
  type Content,
  type DropCapability,
  type FileReadCapability,
  formatSnapshot,
  openBlob,
  parseSnapshot,
  type RepositoryKeys,
  repositoryKeys,
  type Secret,
  type Snapshot,
  type SnapshotContent,
  type TreeEntry,
  toBase32,
} from '#crypto'
import type { GridFiles } from '#gateway'
import { ClosingSteps, type Disk, NotFoundError, nativeBulkCrypto, nodeDisk } from '#node'
import { BlobPutter, fillerOf } from './blob-putter.ts'
import { NameSet } from './cache.ts'
import { ContentReader } from './content-reader.ts'
import { ContentWriter } from './content-writer.ts'
import { DropSender } from './drop-sender.ts'
import { DropStateFile } from './drop-state.ts'
import { hasContent } from './has-content.ts'
import { PACK_CLOSE_BYTES } from './limits.ts'
import { type LocalState, openLocalState, type SessionPlace } from './local-state.ts'
import { isLoss } from './losses.ts'
import { fetchPackTable } from './pack-tables.ts'
import { PackWriter } from './pack-writer.ts'
import { SentBlobs } from './sent-blobs.ts'
import { Spool } from './spool.ts'
import type { TreeCache } from './tree-cache.ts'
import type {
  Cancel,
  ParentSnapshot,
  PutBlobOptions,
  PutContent,
  RepositoryTraffic,
  RepositoryWriter,
} from './types.ts'
import { type SpooledBlob, WaitingBlobs } from './waiting-blobs.ts'
import { decompress } from './zstd.ts'

export interface OpenDropSessionOptions extends Cancel {
  /** Absolute path of what createDropState has made. */
  readonly stateFile: string
  readonly place: SessionPlace
  /** Closes packs at so many bytes; left out: PACK_CLOSE_BYTES. */
  readonly packCloseBytes?: number | undefined
  /** Of what is out of the ordinary and can be lived with. */
  readonly onWarning?: ((message: string) => void) | undefined
}

/**
 * Make a host ready to back up through a drop-box. The capability is of no more use on it then, and is to be forgotten.
 *
 * @param stateFile absolute path of a file that is not there yet
 * @throws ConflictError if it is
 */
export async function createDropState(
  capability: DropCapability,
  stateFile: string,
  disk: Disk = nodeDisk,
): Promise<void> {
  await DropStateFile.create(disk, stateFile, capability)
}

/**
 * @param files stays open when the session is closed
 * @throws NotFoundError if there is no state; BusyError while another process of this home is at work with it
 */
export async function openDropSession(
  files: GridFiles,
  options: OpenDropSessionOptions,
): Promise<RepositoryWriter> {
  const { place, signal } = options
  const stateFile = await DropStateFile.open(place.disk ?? nodeDisk, options.stateFile)
  const { ownerKey, contentKey } = stateFile.state
  const closing = new ClosingSteps()
  const ended = new AbortController()
  try {
    const id = { name: `drop-${toBase32(ownerKey.subarray(0, 5))}`, owner: ownerKey }
    const state = closing.addResource(await openLocalState(place, id))
    const parts = {
      files,
      stateFile,
      state,
      keys: repositoryKeys(contentKey.reveal()),
      spool: await Spool.open(state.disk, state.spoolFolder),
      sent: await SentBlobs.open(state.cache, state.clock),
      packCloseBytes: options.packCloseBytes ?? PACK_CLOSE_BYTES,
      signal: signal === undefined ? ended.signal : AbortSignal.any([ended.signal, signal]),
      onWarning: options.onWarning ?? (() => undefined),
      closing,
    }
    const session = new DropSession(parts)
    await session.resume()
    closing.add(() => session.abandon())
    closing.add(async () => ended.abort(new DOMException('the session was closed', 'AbortError')))
    return session
  } catch (error) {
    await closing[Symbol.asyncDispose]()
    throw error
  }
}

interface DropSessionParts {
  readonly files: GridFiles
  readonly stateFile: DropStateFile
  readonly state: LocalState
  readonly keys: RepositoryKeys
  readonly spool: Spool
  readonly sent: SentBlobs
  readonly packCloseBytes: number
  readonly signal: AbortSignal
  readonly onWarning: (message: string) => void
  /** All of them but `files`. */
  readonly closing: AsyncDisposable
}

class DropSession implements RepositoryWriter {
  readonly blobs: RepositoryWriter['blobs']
  readonly #parts: DropSessionParts
  readonly #waiting = new WaitingBlobs()
  readonly #sender: DropSender
  readonly #writer: PackWriter
  readonly #putter: BlobPutter
  readonly #contents: ContentWriter
  readonly #reader: ContentReader
  #dryNames: Promise<NameSet> | undefined

  constructor(parts: DropSessionParts) {
    const { files, stateFile, state, keys, sent, signal } = parts
    this.#parts = parts
    this.#sender = new DropSender({
      files,
      stateFile,
      random: state.random,
      onDropped: (ids) => this.#noteDropped(ids),
      signal,
      clock: state.clock,
      onWarning: parts.onWarning,
    })
    this.#writer = new PackWriter({
      spool: parts.spool,
      packCloseBytes: parts.packCloseBytes,
      fillerOf: (kind) => fillerOf(keys.blobIdKey.reveal(), kind),
      send: (pack) => this.#sender.send(pack),
    })
    this.#putter = new BlobPutter({
      blobIdKey: keys.blobIdKey,
      isThere: (id) => sent.has(id),
      append: (entry, stored) => this.#writer.append(entry, stored),
      waiting: this.#waiting,
      trees: state.trees,
      dryNames: () => (this.#dryNames ??= NameSet.open(state.cache, 'dry')),
    })
    this.#contents = new ContentWriter(this.#putter, keys.cutKey)
    this.#reader = new ContentReader(new CachedBlobs(state.trees, keys.blobIdKey))
    this.blobs = {
      put: (kind, bytes, options) => this.#putter.put(kind, bytes, options),
      has: (id) => this.#putter.has(id),
      flush: () => this.#flush(undefined),
    }
  }

  /** Take up what an earlier session has left on its way. */
  async resume(): Promise<void> {
    const { files, stateFile, keys, signal } = this.#parts
    const found: FileReadCapability[] = []
    for (const capability of stateFile.state.undropped) {
      const table = await fetchPackTable(files, capability, { signal }).catch(unlessLost)
      if (table === undefined) continue
      found.push(capability)
      this.#sender.adopt(table)
      for (const entry of table.rows) this.#waiting.set(entry.id, { entry, spooled: NOT_HERE })
    }
    if (found.length < stateFile.state.undropped.length) await stateFile.change({ undropped: found })
    const verifier = new CachedBlobs(this.#parts.state.trees, keys.blobIdKey)
    await this.#writer.resume(this.#waiting, (entry, stored) => verifier.verify(entry, stored))
  }

  get traffic(): RepositoryTraffic {
    const { added, found } = this.#putter.counts
    const { packsSent, packBytesSent } = this.#sender
    return { packsSent, packBytesSent, blobsAdded: added, blobsFound: found }
  }

  putContent(source: AsyncIterable<Uint8Array>, options?: PutBlobOptions): Promise<PutContent> {
    return this.#contents.putContent(source, options)
  }

  putTree(
    entries: Iterable<TreeEntry> | AsyncIterable<TreeEntry>,
    options?: PutBlobOptions,
  ): Promise<PutContent> {
    return this.#contents.putTree(entries, options)
  }

  hasContent(content: Content, options?: Cancel): Promise<boolean> {
    return hasContent({ blobs: this.#putter, contents: this.#reader }, content, options)
  }

  readTree(content: Content, options?: Cancel): AsyncIterable<TreeEntry> {
    return this.#reader.readTree(content, options)
  }

  async parentOf(host: string, paths: readonly string[]): Promise<ParentSnapshot | undefined> {
    const snapshot = await this.#parts.sent.snapshotOf(host, paths)
    if (snapshot === undefined) return undefined
    const { id, takenAtMilliseconds, root } = snapshot
    return { id, takenAtMilliseconds, root }
  }

  async publish(content: SnapshotContent): Promise<Snapshot> {
    const bytes = formatSnapshot(content)
    const snapshot = parseSnapshot(bytes)
    await this.#flush(bytes)
    await this.#parts.sent.publish(content.host, content.paths, bytes)
    return snapshot
  }

  /** What is on its way has ended; what is not yet in a whole pack is dropped. */
  async abandon(): Promise<void> {
    await this.#writer.abandon()
    await (await this.#dryNames)?.[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.closing[Symbol.asyncDispose]()
  }

  async #flush(snapshot: Uint8Array | undefined): Promise<void> {
    await this.#writer.flush()
    await this.#sender.dropAll(snapshot)
  }

  async #noteDropped(ids: readonly BlobId[]): Promise<void> {
    await this.#parts.sent.add(ids)
    for (const id of ids) this.#waiting.delete(id)
  }
}

/** Of what this host has put: only trees and lists can be read, and only out of its cache. */
class CachedBlobs {
  readonly #trees: TreeCache
  readonly #blobIdKey: Secret<BlobIdKey>

  constructor(trees: TreeCache, blobIdKey: Secret<BlobIdKey>) {
    this.#trees = trees
    this.#blobIdKey = blobIdKey
  }

  async getKind(kind: BlobKind, id: BlobId): Promise<Uint8Array> {
    const cached = await this.#trees.get(id)
    if (cached === undefined) throw new NotFoundError('this host cannot read what it has dropped')
    const { stored, ...sizes } = cached
    return this.verify({ kind, id, ...sizes, storedSizeBytes: stored.length }, stored)
  }

  async sizeOf(): Promise<number> {
    throw new NotFoundError('this host cannot read what it has dropped')
  }

  verify(entry: BlobEntry, stored: Uint8Array): Promise<Uint8Array> {
    const blobIdKey = this.#blobIdKey.reveal()
    return openBlob({ blobIdKey, bulk: nativeBulkCrypto, decompress }, entry, stored)
  }
}

/** A pack that was put before and not dropped: its spool is gone. */
const NOT_HERE: Promise<SpooledBlob> = Promise.resolve({
  read: async () => {
    throw new NotFoundError('this host cannot read what it has sent')
  },
})

function unlessLost(error: unknown): undefined {
  if (isLoss(error)) return undefined
  throw error
}
