/**
 * Blobs on their way in: named, looked for, compressed, and handed on to packs. What is there, or on its way, is not
 * handed on again, however many ask at once.
 */
import {
  type BlobEntry,
  type BlobId,
  type BlobIdKey,
  type BlobKind,
  blobId,
  type Secret,
  storedForm,
} from '#crypto'
import { nativeBulkCrypto } from '#node'
import type { NameSet } from './cache.ts'
import type { TreeCache } from './tree-cache.ts'
import type { BlobStore, PutBlob, PutBlobOptions } from './types.ts'
import type { SpooledBlob, WaitingBlobs } from './waiting-blobs.ts'
import { compress } from './zstd.ts'

export interface BlobPutterParts {
  readonly blobIdKey: Secret<BlobIdKey>
  /** Whether it stands where a snapshot of this session may refer to it. To be told is to mean to. */
  readonly isThere: (id: BlobId) => Promise<boolean>
  readonly append: (entry: BlobEntry, stored: Uint8Array) => Promise<SpooledBlob>
  readonly waiting: WaitingBlobs
  readonly trees: TreeCache
  /** Of the blobs that dry runs of this session would have put. */
  readonly dryNames: () => Promise<NameSet>
}

/** Of the session so far. */
export interface BlobCounts {
  readonly added: number
  readonly found: number
}

export interface FilledBlob {
  readonly entry: BlobEntry
  readonly stored: Uint8Array
}

export class BlobPutter implements Pick<BlobStore, 'put' | 'has'> {
  readonly #parts: BlobPutterParts
  #added = 0
  #found = 0

  constructor(parts: BlobPutterParts) {
    this.#parts = parts
  }

  get counts(): BlobCounts {
    return { added: this.#added, found: this.#found }
  }

  async put(kind: BlobKind, bytes: Uint8Array, options: PutBlobOptions = {}): Promise<PutBlob> {
    options.signal?.throwIfAborted()
    const digest = nativeBulkCrypto.sha256(bytes)
    const id = blobId(this.#parts.blobIdKey.reveal(), kind, digest)
    const isFound = (await this.has(id)) || this.#parts.waiting.has(id)
    if (isFound) {
      this.#found += 1
      return { id, isNew: false, storedBytes: 0 }
    }
    return options.dryRun === true ? this.#count(id, bytes) : this.#add({ id, kind }, bytes)
  }

  async has(id: BlobId): Promise<boolean> {
    return this.#parts.waiting.has(id) || this.#parts.isThere(id)
  }

  async #add({ id, kind }: Pick<BlobEntry, 'id' | 'kind'>, bytes: Uint8Array): Promise<PutBlob> {
    const { waiting, append, trees } = this.#parts
    waiting.set(id, 'compressing')
    try {
      const { compression, bytes: stored } = storedForm(bytes, await compress(bytes))
      const sizes = { storedSizeBytes: stored.length, plainSizeBytes: bytes.length }
      const entry = { kind, compression, id, ...sizes }
      const spooled = append(entry, stored)
      waiting.set(id, { entry, spooled })
      await spooled
      if (kind !== 'data') {
        await trees.keep(id, { compression, plainSizeBytes: bytes.length, stored })
      }
      this.#added += 1
      return { id, isNew: true, storedBytes: stored.length }
    } catch (error) {
      waiting.delete(id)
      throw error
    }
  }

  async #count(id: BlobId, bytes: Uint8Array): Promise<PutBlob> {
    const names = await this.#parts.dryNames()
    if (!(await names.add(id))) {
      this.#found += 1
      return { id, isNew: false, storedBytes: 0 }
    }
    const stored = storedForm(bytes, await compress(bytes)).bytes
    this.#added += 1
    return { id, isNew: true, storedBytes: stored.length }
  }
}

/** See PackWriterParts. */
export function fillerOf(blobIdKey: BlobIdKey, kind: BlobKind): FilledBlob {
  const stored = new Uint8Array(1)
  const id = blobId(blobIdKey, kind, nativeBulkCrypto.sha256(stored))
  return { entry: { kind, compression: 'stored', id, storedSizeBytes: 1, plainSizeBytes: 1 }, stored }
}
