/** So many at a time; whoever comes later waits, first come first served. */
export class Turns {
  readonly #countMax: number
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor(countMax: number) {
    this.#countMax = countMax
  }

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running >= this.#countMax) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else {
      this.#running += 1
    }
    try {
      return await work()
    } finally {
      // The place is handed on, or given up.
      const next = this.#waiting.shift()
      if (next === undefined) this.#running -= 1
      else next()
    }
  }
}
