/** One at a time for each key: the only lock in the node, held for one storage index (house rule: no other locks). */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<unknown>>()

  /** Run when every earlier holder of the key has finished, well or badly. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve()
    const mine = before.then(work, work)
    const settled: Promise<void> = mine.then(
      () => this.#forget(key, settled),
      () => this.#forget(key, settled),
    )
    this.#tails.set(key, settled)
    return mine
  }

  #forget(key: string, settled: Promise<unknown>): void {
    if (this.#tails.get(key) === settled) this.#tails.delete(key)
  }
}
