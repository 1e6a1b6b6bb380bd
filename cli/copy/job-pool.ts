/** Jobs of so much weight at a time, and whoever brings more waits. */

export class JobPool {
  readonly #weightMax: number
  #weight = 0
  readonly #running = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined
  /** Resolves when a job ends; there while somebody waits for one. */
  #ended: PromiseWithResolvers<void> | undefined

  constructor(weightMax: number) {
    this.#weightMax = weightMax
  }

  /**
   * Resolves when the job has begun; one that weighs more than all may, when it is alone. What can fail without ending
   * the whole, the job sees to itself.
   *
   * @throws what an earlier job has thrown: then nothing new is begun
   */
  async start(job: () => Promise<void>, weight = 1): Promise<void> {
    const hasRoom = (): boolean => this.#running.size === 0 || this.#weight + weight <= this.#weightMax
    while (this.#failure === undefined && !hasRoom()) {
      this.#ended ??= Promise.withResolvers()
      await this.#ended.promise
    }
    this.#rethrow()
    this.#weight += weight
    const running: Promise<void> = job()
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => {
        this.#weight -= weight
        this.#running.delete(running)
        this.#ended?.resolve()
        this.#ended = undefined
      })
    this.#running.add(running)
  }

  /** Every job has ended. @throws what the first one has thrown that failed */
  async drain(): Promise<void> {
    await this.settle()
    this.#rethrow()
  }

  /** Every job has ended, well or not. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
