/** Things chosen by chance, the same ones for the same seed, in whatever order they come. Pure. */
import { createHash, randomBytes } from 'node:crypto'
import { toBase32 } from '#crypto'

/** 40 bits: nobody picks the same seed twice by accident, and it is read out easily. */
const SEED_SIZE_BYTES = 5

/** A seed for somebody who has none. */
export function newSeed(): string {
  return toBase32(randomBytes(SEED_SIZE_BYTES))
}

interface Candidate<Item> {
  readonly rank: string
  readonly item: Item
}

/** Keeps those whose hash with the seed is smallest: each is as likely as any other, whatever else is there. */
export class Sample<Item> {
  readonly #seed: string
  readonly #sizeMax: number
  #kept: Candidate<Item>[] = []
  #boundary: string | undefined

  /** @param options `sizeMax`: how many are kept, 1 or more */
  constructor(options: { readonly seed: string; readonly sizeMax: number }) {
    this.#seed = options.seed
    this.#sizeMax = options.sizeMax
  }

  /** @param key tells it from all others, and decides with the seed whether it is kept */
  offer(key: Uint8Array, item: Item): void {
    const rank = createHash('sha256').update(`${this.#seed}\n`).update(key).digest('hex')
    if (this.#boundary !== undefined && rank >= this.#boundary) return
    this.#kept.push({ rank, item })
    // Sorting now and then costs less than keeping them sorted.
    if (this.#kept.length >= 2 * this.#sizeMax) this.#trim()
  }

  /** In the order of the draw: as long as the seed is the same, a smaller sample is the beginning of a larger one. */
  get items(): readonly Item[] {
    this.#trim()
    return this.#kept.map(({ item }) => item)
  }

  #trim(): void {
    this.#kept.sort((left, right) => (left.rank < right.rank ? -1 : 1))
    this.#kept = this.#kept.slice(0, this.#sizeMax)
    if (this.#kept.length === this.#sizeMax) this.#boundary = this.#kept.at(-1)?.rank
  }
}
