/** A bound on bytes in memory, shared by many channels: first come, first served. */
import { assert } from '#crypto'

export class ByteBudget {
  readonly #maxBytes: number
  #usedBytes = 0
  readonly #waiting: { readonly sizeBytes: number; readonly resolve: () => void }[] = []

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Waits until so many bytes are free. At most the whole budget at once. */
  async acquire(sizeBytes: number): Promise<void> {
    assert(sizeBytes <= this.#maxBytes, 'a budget covers its largest user')
    if (this.#waiting.length === 0 && this.#usedBytes + sizeBytes <= this.#maxBytes) {
      this.#usedBytes += sizeBytes
      return
    }
    await new Promise<void>((resolve) => {
      this.#waiting.push({ sizeBytes, resolve })
    })
  }

  release(sizeBytes: number): void {
    this.#usedBytes -= sizeBytes
    assert(this.#usedBytes >= 0, 'only what was acquired is released')
    while (true) {
      const next = this.#waiting[0]
      if (next === undefined || this.#usedBytes + next.sizeBytes > this.#maxBytes) return
      this.#waiting.shift()
      this.#usedBytes += next.sizeBytes
      next.resolve()
    }
  }
}

/** One peer's part of a budget: it can fill its own part, and no more of the whole. */
export class PeerBudget {
  readonly #whole: ByteBudget
  readonly #part: ByteBudget

  constructor(whole: ByteBudget, partMaxBytes: number) {
    this.#whole = whole
    this.#part = new ByteBudget(partMaxBytes)
  }

  async acquire(sizeBytes: number): Promise<void> {
    await this.#part.acquire(sizeBytes)
    await this.#whole.acquire(sizeBytes)
  }

  release(sizeBytes: number): void {
    this.#whole.release(sizeBytes)
    this.#part.release(sizeBytes)
  }
}
