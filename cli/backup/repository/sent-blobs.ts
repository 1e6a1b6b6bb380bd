/**
 * What a host with a drop-box takes for stored, though it cannot look: what its last snapshots refer to, and what it
 * has dropped in the last days. Anything else the owner may have pruned.
 *
 * Each snapshot begins a new generation. A blob has the one in which it was last referred to, and the one before that
 * a snapshot came of; so the blobs of a snapshot are known without a list of them.
 */
import { createHash } from 'node:crypto'
import { type BlobId, ByteReader, ByteWriter, parseSnapshot, type Snapshot, utf8 } from '#crypto'
import type { Clock, IndexOperation } from '#node'
import type { Cache } from './cache.ts'
import { cacheKey, textOfBytes } from './cache-keys.ts'
import { CACHE_BATCH_MAX, SENT_UNPUBLISHED_MILLISECONDS } from './limits.ts'

const GENERATION_KEY = cacheKey('meta', 'generation')
const VALUE_SIZE_BYTES = 4 + 4 + 8
const JOB_NAME_BYTES = 16

interface SentBlob {
  /** In which it was last sent or referred to. */
  readonly generation: number
  /** Before that, if a snapshot came of it. */
  readonly before: number
  readonly sentAtMilliseconds: number
}

export class SentBlobs {
  readonly #cache: Cache
  readonly #clock: Pick<Clock, 'now'>
  /** That the last snapshots of each host and paths came of. */
  readonly #published = new Map<string, number>()
  #generation: number
  #touched: IndexOperation[] = []

  private constructor(cache: Cache, clock: Pick<Clock, 'now'>, generation: number) {
    this.#cache = cache
    this.#clock = clock
    this.#generation = generation
  }

  static async open(cache: Cache, clock: Pick<Clock, 'now'>): Promise<SentBlobs> {
    const value = await cache.get(GENERATION_KEY)
    const generation = value === undefined ? 1 : new ByteReader(value, 'a generation').u32()
    const sent = new SentBlobs(cache, clock, generation)
    for await (const [key, job] of cache.entries('job')) {
      sent.#published.set(textOfBytes(key), new ByteReader(job.subarray(0, 4), 'a generation').u32())
    }
    return sent
  }

  /** To be told is to mean to refer to it. */
  async has(id: BlobId): Promise<boolean> {
    const value = await this.#cache.get(cacheKey('sent', id))
    if (value === undefined) return false
    const blob = parseSent(value)
    const isPublished = this.#isLive(blob.generation) || this.#isLive(blob.before)
    const age = this.#clock.now() - blob.sentAtMilliseconds
    const isYoung = blob.generation === this.#generation && age < SENT_UNPUBLISHED_MILLISECONDS
    if (!isPublished && !isYoung) return false
    if (blob.generation !== this.#generation) await this.#touch(id, blob)
    return true
  }

  /** They are in a drop that stands. */
  async add(ids: readonly BlobId[]): Promise<void> {
    const sentAtMilliseconds = this.#clock.now()
    const operations = ids.map((id) => {
      return putSent(id, { generation: this.#generation, before: 0, sentAtMilliseconds })
    })
    await this.#cache.write(operations, { sync: true })
  }

  /** The newest of this host and these paths. */
  async snapshotOf(host: string, paths: readonly string[]): Promise<Snapshot | undefined> {
    const job = await this.#cache.get(jobKey(host, paths))
    return job === undefined ? undefined : parseSnapshot(job.subarray(4))
  }

  /** A snapshot stands, with all that was referred to since the last one. */
  async publish(host: string, paths: readonly string[], snapshot: Uint8Array): Promise<void> {
    const key = jobKey(host, paths)
    const head = new ByteWriter(4 + snapshot.length).u32(this.#generation).bytes(snapshot).finish()
    const next = new ByteWriter(4).u32(this.#generation + 1).finish()
    const operations: IndexOperation[] = [
      { type: 'put', key, value: head },
      { type: 'put', key: GENERATION_KEY, value: next },
    ]
    await this.#writeTouched()
    await this.#cache.write(operations, { sync: true })
    this.#published.set(textOfBytes(key), this.#generation)
    this.#generation += 1
  }

  #isLive(generation: number): boolean {
    for (const published of this.#published.values()) if (published === generation) return true
    return false
  }

  async #touch(id: BlobId, blob: SentBlob): Promise<void> {
    const before = this.#isLive(blob.generation) ? blob.generation : blob.before
    this.#touched.push(putSent(id, { ...blob, generation: this.#generation, before }))
    if (this.#touched.length >= CACHE_BATCH_MAX) await this.#writeTouched()
  }

  async #writeTouched(): Promise<void> {
    const operations = this.#touched
    this.#touched = []
    await this.#cache.write(operations, { sync: false })
  }
}

function putSent(id: BlobId, { generation, before, sentAtMilliseconds }: SentBlob): IndexOperation {
  const value = new ByteWriter(VALUE_SIZE_BYTES).u32(generation).u32(before).u64(sentAtMilliseconds).finish()
  return { type: 'put', key: cacheKey('sent', id), value }
}

function parseSent(value: Uint8Array): SentBlob {
  const reader = new ByteReader(value, 'a blob that was sent')
  return { generation: reader.u32(), before: reader.u32(), sentAtMilliseconds: reader.u64() }
}

/** One for each host and set of paths. */
function jobKey(host: string, paths: readonly string[]): Uint8Array {
  const text = JSON.stringify([host, [...new Set(paths)].sort()])
  return cacheKey(
    'job',
    new Uint8Array(createHash('sha256').update(utf8(text)).digest()).subarray(0, JOB_NAME_BYTES),
  )
}
