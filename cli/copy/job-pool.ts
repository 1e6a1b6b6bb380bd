/** So many jobs at a time, and whoever brings more waits. */

export class JobPool {
  readonly #jobsMax: number
  readonly #running = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined

  constructor(jobsMax: number) {
    this.#jobsMax = jobsMax
  }

  /**
   * Resolves when the job has begun. What can fail without ending the whole, the job sees to itself.
   *
   * @throws what an earlier job has thrown: then nothing new is begun
   */
  async start(job: () => Promise<void>): Promise<void> {
    while (this.#failure === undefined && this.#running.size >= this.#jobsMax) {
      await Promise.race(this.#running)
    }
    this.#rethrow()
    const running: Promise<void> = job()
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => this.#running.delete(running))
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
