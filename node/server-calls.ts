/** Calls to several servers at once, whose ends come one by one. */
import type { ServerFailure } from './errors.ts'
import { untilAborted } from './flow.ts'
import { failureOf, type Grid, type GridServer } from './grid.ts'
import { ANSWER_SECONDS } from './limits.ts'
import type { StorageServer } from './storage/server.ts'
import { within } from './within.ts'

export interface ServerCall<Answer> {
  /** For the error of a server that is late. */
  readonly what: string
  readonly make: (server: StorageServer, options: { readonly signal: AbortSignal }) => Promise<Answer>
  /** What it throws counts as the server's failure. */
  readonly onAnswer: (answer: Answer) => void
  /** Not called for calls that `stop` ended. */
  readonly onFailure: (failure: ServerFailure) => void
}

export class ServerCalls {
  readonly #clock: Grid['clock']
  readonly #signal: AbortSignal | undefined
  readonly #stop = new AbortController()
  readonly #ended: AbortSignal
  #inFlightCount = 0
  #wake: PromiseWithResolvers<void> = Promise.withResolvers()
  #bug: { readonly error: unknown } | undefined

  /** @param signal the caller's own */
  constructor(grid: Pick<Grid, 'clock'>, signal: AbortSignal | undefined) {
    this.#clock = grid.clock
    this.#signal = signal
    this.#ended = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal])
  }

  get inFlightCount(): number {
    return this.#inFlightCount
  }

  /** Begins the call; its end is heard of through the call's own functions, and then `changed` resolves. */
  start<Answer>({ serverId, server }: GridServer, call: ServerCall<Answer>): void {
    this.#inFlightCount += 1
    const limit = { seconds: ANSWER_SECONDS, what: call.what, signal: this.#ended }
    // A server that does not heed the signal must not be waited for either.
    within(this.#clock, limit, (signal) => untilAborted(call.make(server, { signal }), signal))
      .then((answer) => {
        if (!this.#ended.aborted) call.onAnswer(answer)
      })
      .catch((error: unknown) => {
        if (!this.#ended.aborted) call.onFailure(failureOf(serverId, error))
      })
      .catch((error: unknown) => {
        this.#bug ??= { error }
      })
      .finally(() => {
        this.#inFlightCount -= 1
        this.#notify()
      })
  }

  /**
   * Resolves when a call has ended since the last look, or so many milliseconds have passed.
   *
   * @throws the caller's reason to abort; an error that is no GridError
   */
  async changed(milliseconds?: number): Promise<void> {
    const called = new AbortController()
    const ends = [untilAborted(this.#wake.promise, this.#signal)]
    if (milliseconds !== undefined) {
      ends.push(this.#clock.sleep(milliseconds, { signal: called.signal }).catch(() => undefined))
    }
    try {
      await Promise.race(ends)
    } finally {
      called.abort()
    }
    this.#signal?.throwIfAborted()
    if (this.#bug !== undefined) throw this.#bug.error
  }

  /** Calls that still run are let go of. */
  stop(): void {
    this.#stop.abort(new DOMException('no longer wanted', 'AbortError'))
  }

  #notify(): void {
    const waiting = this.#wake
    this.#wake = Promise.withResolvers()
    waiting.resolve()
  }
}
