/**
 * Virtual time. Nothing moves until `run` is driving: it lets all work that is ready finish, then jumps to the next
 * timer and fires it. Timers of one instant fire in the order they were set, so a run depends on its inputs and its
 * seed alone.
 *
 * Code under it may use promises, microtasks and process.nextTick, but no real timers and no real I/O.
 */
import { TimeoutError } from '../../node/errors.ts'
import type { Clock, Deadline } from '../../node/platform/platform.ts'

/** 2026-01-01T00:00:00Z, so that times look like times. */
const START_MILLISECONDS = Date.UTC(2026, 0, 1)
/** Rounds of the event loop until what is ready counts as finished. */
const QUIET_ROUNDS = 2

interface Timer {
  readonly at: number
  readonly order: number
  /** undefined: called off, or fired. */
  fire: (() => void) | undefined
}

export class SimClock implements Clock {
  /** A binary heap: earliest first, then by order. */
  readonly #timers: Timer[] = []
  #elapsed = 0
  #nextOrder = 0
  #firedCount = 0
  #leap: { readonly to: number; readonly landed: () => void } | undefined

  now(): number {
    return START_MILLISECONDS + Math.floor(this.#elapsed)
  }

  elapsed(): number {
    return this.#elapsed
  }

  /** Timers fired so far: equal runs have equal counts. */
  get firedCount(): number {
    return this.#firedCount
  }

  /** Timers that wait. */
  get pendingCount(): number {
    return this.#timers.filter(({ fire }) => fire !== undefined).length
  }

  /**
   * Let a long time pass in which nobody does anything, as if all machines had slept: every timer that falls into it
   * fires late, at the end and once, instead of again and again on the way. Only for moments when nothing is under way.
   */
  leap(milliseconds: number): Promise<void> {
    return new Promise((landed) => {
      this.#leap = { to: this.#elapsed + milliseconds, landed }
    })
  }

  /** Calls once after so long. @returns a function that calls it off */
  after(milliseconds: number, fire: () => void): () => void {
    const timer: Timer = { at: this.#elapsed + Math.max(0, milliseconds), order: this.#nextOrder, fire }
    this.#nextOrder += 1
    push(this.#timers, timer)
    return () => {
      timer.fire = undefined
    }
  }

  sleep(milliseconds: number, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason)
      const stop = () => {
        cancel()
        reject(signal?.reason)
      }
      const cancel = this.after(milliseconds, () => {
        signal?.removeEventListener('abort', stop)
        resolve()
      })
      signal?.addEventListener('abort', stop, { once: true })
    })
  }

  deadline(
    milliseconds: number,
    { what, signal }: { readonly what: string; readonly signal?: AbortSignal | undefined },
  ): Deadline {
    const controller = new AbortController()
    const follow = () => controller.abort(signal?.reason)
    const cancel = this.after(milliseconds, () => {
      controller.abort(new TimeoutError(`${what}: no answer within ${milliseconds} ms`))
    })
    signal?.addEventListener('abort', follow, { once: true })
    if (signal?.aborted === true) follow()
    return {
      signal: controller.signal,
      [Symbol.dispose]() {
        cancel()
        signal?.removeEventListener('abort', follow)
      },
    }
  }

  /**
   * Drive time until the work is settled.
   *
   * @throws Error when the work waits for something that can never come: no timer is left
   */
  async run<T>(work: Promise<T> | (() => Promise<T>)): Promise<T> {
    const promise = typeof work === 'function' ? work() : work
    let settled = false
    const settle = () => {
      settled = true
    }
    promise.then(settle, settle)
    while (true) {
      await quiet()
      if (settled) return await promise
      if (this.#leap !== undefined) this.#land(this.#leap)
      else if (!this.#fireNext()) {
        throw new Error(`the simulation stands still at ${this.#elapsed} ms: no timer is left`)
      }
    }
  }

  /** Drive time for so long, whatever happens. */
  async advance(milliseconds: number): Promise<void> {
    await this.run(this.sleep(milliseconds))
  }

  #land({ to, landed }: { readonly to: number; readonly landed: () => void }): void {
    this.#leap = undefined
    this.#elapsed = to
    // What they set anew lies behind the landing.
    while ((this.#timers[0]?.at ?? Number.POSITIVE_INFINITY) < to) this.#fireNext()
    landed()
  }

  #fireNext(): boolean {
    while (true) {
      const timer = pop(this.#timers)
      if (timer === undefined) return false
      const { fire } = timer
      if (fire === undefined) continue
      this.#elapsed = Math.max(this.#elapsed, timer.at)
      this.#firedCount += 1
      timer.fire = undefined
      fire()
      return true
    }
  }
}

async function quiet(): Promise<void> {
  for (let round = 0; round < QUIET_ROUNDS; round += 1) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve)
    })
  }
}

function before(left: Timer, right: Timer): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order)
}

function push(heap: Timer[], timer: Timer): void {
  let place = heap.push(timer) - 1
  while (place > 0) {
    const parentPlace = (place - 1) >> 1
    const parent = heap[parentPlace]
    if (parent === undefined || !before(timer, parent)) break
    heap[place] = parent
    place = parentPlace
  }
  heap[place] = timer
}

function pop(heap: Timer[]): Timer | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (first === undefined || last === undefined || heap.length === 0) return first
  let place = 0
  while (true) {
    let childPlace = 2 * place + 1
    let child = heap[childPlace]
    if (child === undefined) break
    const right = heap[childPlace + 1]
    if (right !== undefined && before(right, child)) {
      child = right
      childPlace += 1
    }
    if (!before(child, last)) break
    heap[place] = child
    place = childPlace
  }
  heap[place] = last
  return first
}
