/**
 * Divides the turns of the event loop among writers. A write to a connection encrypts and enters the kernel at once,
 * and the blocks of a segment are ready for all servers at once: written in one turn they would stall the loop.
 */

interface Waiting {
  readonly sizeBytes: number
  readonly go: () => void
}

/** Writers are let through in the order they came. */
export class WriteTurns {
  readonly #turnBytes: number
  #leftBytes: number
  /** Whether a turn was begun whose end is not noted yet. */
  #begun = false
  #waiting: Waiting[] = []

  /** @param turnBytes what is written in one turn; the write that goes beyond it is the last */
  constructor(turnBytes: number) {
    this.#turnBytes = turnBytes
    this.#leftBytes = turnBytes
  }

  /** Wait until this turn, or a later one, has room for a write; then it must be made at once. */
  async take(sizeBytes: number): Promise<void> {
    const hasRoom = this.#leftBytes > 0 && this.#waiting.length === 0
    if (hasRoom) this.#leftBytes -= sizeBytes
    this.#begin()
    if (!hasRoom) await new Promise<void>((go) => this.#waiting.push({ sizeBytes, go }))
  }

  #begin(): void {
    if (this.#begun) return
    this.#begun = true
    setImmediate(() => this.#next())
  }

  #next(): void {
    this.#begun = false
    this.#leftBytes = this.#turnBytes
    const waiting = this.#waiting
    let count = 0
    for (const { sizeBytes, go } of waiting) {
      if (this.#leftBytes <= 0) break
      this.#leftBytes -= sizeBytes
      count += 1
      go()
    }
    this.#waiting = waiting.slice(count)
    if (count > 0) this.#begin()
  }
}
