/** Lets everything else in the process have its turn, now and then, in work that would not wait by itself. */

/** What somebody who waits for an answer does not notice. */
const TURN_MILLISECONDS = 10

export class Turns {
  #startedAt = performance.now()

  /** Undefined, most times; otherwise wait for it. */
  pass(): Promise<void> | undefined {
    if (performance.now() - this.#startedAt < TURN_MILLISECONDS) return undefined
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#startedAt = performance.now()
        resolve()
      })
    })
  }
}
