/** A map of bounded size that forgets what was used longest ago. */
export class RecentMap<Key, Value extends NonNullable<unknown>> {
  readonly #entries = new Map<Key, Value>()
  readonly #sizeMax: number

  /** @param sizeMax entries kept, at least 1 */
  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  /** Number of entries now. */
  get size(): number {
    return this.#entries.size
  }

  /** Also marks the entry as used now. */
  get(key: Key): Value | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  /** Adds or replaces an entry; the one used longest ago goes if there are too many. */
  set(key: Key, value: Value): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size <= this.#sizeMax) return
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      return
    }
  }

  delete(key: Key): void {
    this.#entries.delete(key)
  }
}
