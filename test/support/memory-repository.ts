/**
 * A repository of backups in memory, for what walks and restores: ids by content, lists, trees and errors as the real
 * one has them, and none of its keys, packs and servers.
 */
import { createHash } from 'node:crypto'
import {
  asBlobId,
  type BlobId,
  type BlobKind,
  type Content,
  ContentBuilder,
  contentIds,
  formatTree,
  parseTree,
  type Snapshot,
  type TreeEntry,
} from '#crypto'
import { NotFoundError } from '#node'
import type {
  Cancel,
  PutBlob,
  PutBlobOptions,
  PutContent,
  ReadContentOptions,
  RepositoryReader,
  RepositoryTraffic,
  RepositoryWriter,
} from '../../cli/backup/repository/types.ts'

/** Where a content is cut, for want of a key. */
export const CUT_BYTES = 256 * 1024

export class MemoryRepository
  implements RepositoryWriter, Pick<RepositoryReader, 'readContent' | 'readTree' | 'blobs'>
{
  readonly #blobs = new Map<string, Uint8Array>()
  readonly #named = new Set<string>()
  #blobsAdded = 0
  #blobsFound = 0
  /** Contents that were put so far, whether they were there or not. */
  contentsPut = 0
  /** The same of trees. */
  treesPut = 0

  readonly blobs = {
    put: (kind: BlobKind, bytes: Uint8Array, options?: PutBlobOptions) => this.#put(kind, bytes, options),
    has: async (id: BlobId) => this.#blobs.has(nameOf(id)),
    get: async (id: BlobId) => this.#get(id),
    flush: async () => undefined,
  }

  get traffic(): RepositoryTraffic {
    return { packsSent: 0, packBytesSent: 0, blobsAdded: this.#blobsAdded, blobsFound: this.#blobsFound }
  }

  /** As a prune that was not careful, or a lost server. */
  lose(content: Content): void {
    for (const id of content.ids) this.#blobs.delete(nameOf(id))
  }

  /** Other bytes under the ids of a content, as no real repository would deliver them. */
  falsify(content: Content): void {
    for (const id of content.ids) {
      const bytes = this.#get(id)
      this.#blobs.set(
        nameOf(id),
        bytes.map((byte) => byte ^ 1),
      )
    }
  }

  async putContent(source: AsyncIterable<Uint8Array>, options: PutBlobOptions = {}): Promise<PutContent> {
    this.contentsPut += 1
    return this.#putAll('data', source, options)
  }

  async putTree(
    entries: Iterable<TreeEntry> | AsyncIterable<TreeEntry>,
    options: PutBlobOptions = {},
  ): Promise<PutContent> {
    this.treesPut += 1
    return this.#putAll('tree', formatTree(entries), options)
  }

  async hasContent(content: Content): Promise<boolean> {
    try {
      for await (const id of contentIds(content, async (list) => this.#get(list))) this.#get(id)
      return true
    } catch (error) {
      if (error instanceof NotFoundError) return false
      throw error
    }
  }

  async *readContent(content: Content, options: ReadContentOptions = {}): AsyncGenerator<Uint8Array> {
    const start = options.range?.start ?? 0
    const end = options.range?.end ?? content.sizeBytes
    let offset = 0
    for await (const id of contentIds(content, async (list) => this.#get(list))) {
      options.signal?.throwIfAborted()
      const bytes = this.#get(id)
      const wanted = bytes.slice(Math.max(0, start - offset), Math.max(0, end - offset))
      if (wanted.length > 0) yield wanted
      offset += bytes.length
    }
  }

  async *readTree(content: Content, options?: Cancel): AsyncGenerator<TreeEntry> {
    yield* parseTree(this.readContent(content, { signal: options?.signal }))
  }

  async parentOf(): Promise<undefined> {
    return undefined
  }

  async publish(): Promise<Snapshot> {
    throw new Error('this repository keeps no snapshots')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#blobs.clear()
  }

  async #putAll(
    kind: BlobKind,
    source: AsyncIterable<Uint8Array>,
    options: PutBlobOptions,
  ): Promise<PutContent> {
    let addedBytes = 0
    let storedBytes = 0
    const put = async (as: BlobKind, bytes: Uint8Array): Promise<BlobId> => {
      options.signal?.throwIfAborted()
      const { id, isNew, storedBytes: stored } = await this.#put(as, bytes, options)
      if (isNew) addedBytes += bytes.length
      storedBytes += stored
      return id
    }
    const builder = new ContentBuilder((list) => put('list', list))
    for await (const bytes of cut(source)) {
      await builder.add({ id: await put(kind, bytes), sizeBytes: bytes.length })
    }
    return { content: await builder.finish(), addedBytes, storedBytes }
  }

  async #put(kind: BlobKind, bytes: Uint8Array, { dryRun = false }: PutBlobOptions = {}): Promise<PutBlob> {
    const id = asBlobId(createHash('sha256').update(kind).update(bytes).digest())
    const name = nameOf(id)
    const isNew = !this.#blobs.has(name) && !this.#named.has(name)
    if (dryRun) this.#named.add(name)
    else if (isNew) this.#blobs.set(name, bytes.slice())
    if (isNew) this.#blobsAdded += 1
    else this.#blobsFound += 1
    return { id, isNew, storedBytes: isNew ? bytes.length : 0 }
  }

  #get(id: BlobId): Uint8Array {
    const bytes = this.#blobs.get(nameOf(id))
    if (bytes === undefined) throw new NotFoundError(`no pack has the blob ${nameOf(id).slice(0, 8)}`)
    return bytes
  }
}

function nameOf(id: BlobId): string {
  return Buffer.from(id).toString('hex')
}

async function* cut(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest = Buffer.alloc(0)
  for await (const bytes of source) {
    rest = Buffer.concat([rest, bytes])
    for (; rest.length >= CUT_BYTES; rest = rest.subarray(CUT_BYTES)) yield rest.subarray(0, CUT_BYTES)
  }
  if (rest.length > 0) yield rest
}
