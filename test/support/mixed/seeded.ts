/** Chance that follows from a seed: the same words, the same bytes and numbers, on every machine. */
import { createCipheriv, createHash } from 'node:crypto'

const RUN_BYTES = 64 * 1024

/** The keystream of AES-256-CTR, so no run of it repeats and nothing compresses it. */
export class Seeded {
  readonly #key: Buffer
  readonly #stream: ReturnType<typeof createCipheriv>
  #run: Buffer = Buffer.alloc(0)
  #offset = 0

  /** @param words what the stream follows from; other words, another stream */
  constructor(...words: readonly (string | number)[]) {
    this.#key = createHash('sha256').update(JSON.stringify(words)).digest()
    this.#stream = createCipheriv('aes-256-ctr', this.#key, Buffer.alloc(16))
  }

  /** So many bytes, which belong to the caller. */
  bytes(sizeBytes: number): Buffer {
    return this.#stream.update(Buffer.alloc(sizeBytes))
  }

  /** 0 to 2^32 - 1. */
  uint32(): number {
    if (this.#offset + 4 > this.#run.length) {
      this.#run = this.bytes(RUN_BYTES)
      this.#offset = 0
    }
    const value = this.#run.readUInt32LE(this.#offset)
    this.#offset += 4
    return value
  }

  /** 0 to `limit` - 1, for limits far below 2^32. */
  below(limit: number): number {
    return this.uint32() % limit
  }

  /** 0 to 1, without 1. */
  fraction(): number {
    return this.uint32() / 2 ** 32
  }

  /** A whole number from `least` to `most`, as many between 1 and 2 thousand as between 1 and 2 million. */
  magnitude(least: number, most: number): number {
    return Math.round(least * (most / least) ** this.fraction())
  }

  /** @throws if there is nothing to pick from */
  pick<Value>(values: readonly Value[]): Value {
    const value = values[this.below(Math.max(1, values.length))]
    if (value === undefined) throw new Error('something to pick from wanted, found nothing')
    return value
  }

  /** Another order, in a list of its own. */
  shuffled<Value>(values: readonly Value[]): Value[] {
    const keyed = values.map((value) => ({ value, key: this.uint32() }))
    return keyed.sort((left, right) => left.key - right.key).map(({ value }) => value)
  }
}
