/**
 * Batches that come of concurrency: calls of one kind to one server that are made together, or while others are on
 * their way, travel as one message. Nobody waits for company: a call that is alone goes out alone, in the same turn.
 *
 *     const batcher = new Batcher<Question, Answer>({ countMax: 64, bytesMax, weigh, send })
 *     const answer = await batcher.call(question, signal)
 */
import { assert } from '#crypto'
import { BusyError } from '../errors.ts'
import { WIRE_BATCHES_IN_FLIGHT_MAX, WIRE_WAITING_CALLS_MAX } from '../limits.ts'

/** What a batch gives one of its callers. */
export type BatchOutcome<Result> =
  | { readonly ok: true; readonly result: Result }
  | { readonly ok: false; readonly error: unknown }

export interface BatcherOptions<Item, Result> {
  /** Of one batch, by what `weigh` says; an item that is beyond either bound by itself goes alone. */
  readonly countMax: number
  readonly bytesMax: number
  /** What an item counts for; without it 1, and no bytes. */
  readonly weigh?: ((item: Item) => { readonly count: number; readonly bytes: number }) | undefined
  /**
   * Carry out one batch.
   *
   * @param signal aborts when every caller of the batch has turned away
   * @returns an outcome for each item, in their order; a rejection fails them all
   */
  readonly send: (items: readonly Item[], signal: AbortSignal) => Promise<readonly BatchOutcome<Result>[]>
}

interface Waiting<Item, Result> {
  readonly item: Item
  readonly settle: (outcome: BatchOutcome<Result>) => void
  /** Its caller has turned away. */
  dropped: boolean
  /** To be called when the caller turns away while the batch is in flight. */
  onDrop: () => void
}

/**
 * At most WIRE_BATCHES_IN_FLIGHT_MAX batches are in flight: with more than one, a call need not wait for a slow batch;
 * with few, what comes meanwhile gathers. Batches go out in the order of the calls, and may be carried out in any.
 */
export class Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>
  #waiting: Waiting<Item, Result>[] = []
  #inFlightCount = 0
  #isScheduled = false

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options
  }

  /**
   * The outcome of this item alone. An abort rejects this caller only; what was sent already is carried out.
   *
   * The item stays untouched until the promise settles.
   *
   * @throws what `send` says; BusyError; the signal's reason
   */
  call(item: Item, signal?: AbortSignal | undefined): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason)
      if (this.#waiting.length >= WIRE_WAITING_CALLS_MAX) {
        return reject(new BusyError(`${WIRE_WAITING_CALLS_MAX} calls wait for one server`))
      }
      const abort = () => {
        waiting.dropped = true
        reject(signal?.reason)
        waiting.onDrop()
      }
      const waiting: Waiting<Item, Result> = {
        item,
        settle: (outcome) => {
          signal?.removeEventListener('abort', abort)
          if (outcome.ok) resolve(outcome.result)
          else reject(outcome.error)
        },
        dropped: false,
        onDrop: () => undefined,
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.push(waiting)
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#isScheduled || this.#inFlightCount >= WIRE_BATCHES_IN_FLIGHT_MAX) return
    this.#isScheduled = true
    // Whatever is called in this same turn goes along.
    void Promise.resolve().then(() => {
      this.#isScheduled = false
      while (this.#inFlightCount < WIRE_BATCHES_IN_FLIGHT_MAX) {
        const batch = this.#take()
        if (batch.length === 0) return
        void this.#carryOut(batch)
      }
    })
  }

  /** As many of the first that wait as the bounds allow; none if nobody waits. */
  #take(): readonly Waiting<Item, Result>[] {
    const { countMax, bytesMax, weigh } = this.#options
    const batch: Waiting<Item, Result>[] = []
    let countSum = 0
    let bytesSum = 0
    let taken = 0
    for (const waiting of this.#waiting) {
      if (!waiting.dropped) {
        const { count, bytes } = weigh?.(waiting.item) ?? { count: 1, bytes: 0 }
        countSum += count
        bytesSum += bytes
        if (batch.length > 0 && (countSum > countMax || bytesSum > bytesMax)) break
        batch.push(waiting)
      }
      taken += 1
    }
    this.#waiting = this.#waiting.slice(taken)
    return batch
  }

  async #carryOut(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    this.#inFlightCount += 1
    const abandoned = new AbortController()
    let remaining = batch.length
    const ended = Promise.withResolvers<void>()
    for (const waiting of batch) {
      waiting.onDrop = () => {
        remaining -= 1
        if (remaining > 0) return
        abandoned.abort(new DOMException('nobody waits for the batch any more', 'AbortError'))
        ended.resolve()
      }
    }
    // A batch that all have left holds up nobody, whether or not it heeds its signal.
    await Promise.race([this.#send(batch, abandoned.signal), ended.promise])
    this.#inFlightCount -= 1
    this.#schedule()
  }

  async #send(batch: readonly Waiting<Item, Result>[], signal: AbortSignal): Promise<void> {
    let outcomes: readonly BatchOutcome<Result>[]
    try {
      outcomes = await this.#options.send(
        batch.map(({ item }) => item),
        signal,
      )
      assert(outcomes.length === batch.length, 'a batch has an outcome for each of its items')
    } catch (error) {
      outcomes = batch.map(() => ({ ok: false, error }))
    }
    batch.forEach((waiting, place) => {
      const outcome = outcomes[place]
      if (outcome !== undefined) waiting.settle(outcome)
    })
  }
}
