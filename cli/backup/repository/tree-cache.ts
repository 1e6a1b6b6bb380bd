/**
 * Blobs of trees and lists that a home has put or read, as they are stored: a backup in which nothing has changed reads
 * none from the grid. The ones that came first go first; what is missed is read again and comes anew.
 */
import {
  type BlobEntry,
  type BlobId,
  ByteReader,
  ByteWriter,
  COMPRESSIONS,
  compressionOf,
  concat,
} from '#crypto'
import type { IndexOperation } from '#node'
import type { Cache } from './cache.ts'
import { cacheKey, numberKey } from './cache-keys.ts'
import { TREES_KEPT_MAX_BYTES } from './limits.ts'

/** First turn, next turn and size of all: written with every change. */
const STATE_KEY = cacheKey('meta', 'trees')
/** Id, compression and plain size. */
const HEAD_SIZE_BYTES = 32 + 1 + 4

export interface CachedBlob extends Pick<BlobEntry, 'compression' | 'plainSizeBytes'> {
  readonly stored: Uint8Array
}

export class TreeCache {
  readonly #cache: Cache
  readonly #sizeMaxBytes: number
  #firstTurn = 0
  #nextTurn = 0
  #sizeBytes = 0
  #lastKeep: Promise<unknown> = Promise.resolve()

  private constructor(cache: Cache, sizeMaxBytes: number) {
    this.#cache = cache
    this.#sizeMaxBytes = sizeMaxBytes
  }

  static async open(cache: Cache, sizeMaxBytes = TREES_KEPT_MAX_BYTES): Promise<TreeCache> {
    const trees = new TreeCache(cache, sizeMaxBytes)
    const state = await cache.get(STATE_KEY)
    if (state === undefined) return trees
    const reader = new ByteReader(state, 'state of the trees in the cache')
    trees.#firstTurn = reader.u32()
    trees.#nextTurn = reader.u32()
    trees.#sizeBytes = reader.u64()
    return trees
  }

  async get(id: BlobId): Promise<CachedBlob | undefined> {
    const turn = await this.#cache.get(cacheKey('treeTurn', id))
    const value = turn && (await this.#cache.get(cacheKey('tree', turn)))
    if (value === undefined) return undefined
    const reader = new ByteReader(value.subarray(32), 'a tree in the cache')
    const compression = compressionOf(reader.u8())
    const plainSizeBytes = reader.u32()
    return { compression, plainSizeBytes, stored: value.slice(HEAD_SIZE_BYTES) }
  }

  /** Not an error if it is kept already. */
  keep(id: BlobId, { compression, plainSizeBytes, stored }: CachedBlob): Promise<void> {
    const mine = this.#lastKeep.then(async () => {
      if ((await this.#cache.get(cacheKey('treeTurn', id))) !== undefined) return
      const head = new ByteWriter(HEAD_SIZE_BYTES)
        .bytes(id)
        .u8(COMPRESSIONS[compression])
        .u32(plainSizeBytes)
        .finish()
      const value = concat(head, stored)
      const turn = this.#nextTurn
      this.#nextTurn += 1
      this.#sizeBytes += value.length
      const operations: IndexOperation[] = [
        { type: 'put', key: numberKey('tree', turn), value },
        { type: 'put', key: cacheKey('treeTurn', id), value: new ByteWriter(4).u32(turn).finish() },
      ]
      operations.push(...(await this.#evict()))
      const state = new ByteWriter(16).u32(this.#firstTurn).u32(this.#nextTurn).u64(this.#sizeBytes).finish()
      operations.push({ type: 'put', key: STATE_KEY, value: state })
      await this.#cache.write(operations, { sync: false })
    })
    this.#lastKeep = mine.catch(() => undefined)
    return mine
  }

  async #evict(): Promise<readonly IndexOperation[]> {
    const operations: IndexOperation[] = []
    while (this.#sizeBytes > this.#sizeMaxBytes && this.#firstTurn < this.#nextTurn - 1) {
      const key = numberKey('tree', this.#firstTurn)
      this.#firstTurn += 1
      const value = await this.#cache.get(key)
      if (value === undefined) continue
      this.#sizeBytes -= value.length
      operations.push({ type: 'del', key }, { type: 'del', key: cacheKey('treeTurn', value.subarray(0, 32)) })
    }
    return operations
  }
}
