/** Concurrency with bounds: the two shapes that whole-file work needs. */

/**
 * Apply an asynchronous step to each item, at most `inFlightMax` at a time, and yield the results in order.
 *
 * Steps are started in order. When the consumer stops early or a step fails, the source is closed and the results
 * still in flight are awaited and dropped, so that nothing runs on behind the caller's back.
 */
export async function* mapInOrder<Item, Result>(
  source: AsyncIterable<Item> | Iterable<Item>,
  inFlightMax: number,
  step: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, undefined> {
  const inFlight: Promise<Result>[] = []
  try {
    for await (const item of source) {
      const result = step(item)
      // The failure is met when its turn comes; until then it must not count as unhandled.
      result.catch(() => undefined)
      inFlight.push(result)
      const [oldest] = inFlight
      if (oldest !== undefined && inFlight.length >= inFlightMax) {
        yield await oldest
        inFlight.shift()
      }
    }
    for (let oldest = inFlight[0]; oldest !== undefined; oldest = inFlight[0]) {
      yield await oldest
      inFlight.shift()
    }
  } finally {
    await Promise.allSettled(inFlight)
  }
}

/** Apply a step to every item, at most `inFlightMax` at a time. A failure stops the starting of more and is thrown. */
export async function forEachConcurrently<Item>(
  items: Iterable<Item>,
  inFlightMax: number,
  step: (item: Item) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]()
  let failed = false
  const lane = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true && !failed; next = iterator.next()) {
      try {
        await step(next.value)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const settled = await Promise.allSettled(Array.from({ length: inFlightMax }, lane))
  for (const lane of settled) if (lane.status === 'rejected') throw lane.reason
}

/** Wait for a promise that cannot itself be aborted. @throws the signal's reason if that comes first. */
export async function untilAborted<Result>(
  promise: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  if (signal === undefined) return promise
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** The whole numbers from `first` up to, not including, `end`. */
export function* countUp(first: number, end: number): Generator<number, void, undefined> {
  for (let number = first; number < end; number += 1) yield number
}

/**
 * Work that finds more work: visit each item and what is found by visiting, the newest first, at most `inFlightMax`
 * at a time, and yield the results as they come. The consumer's pace holds it up. When the consumer stops
 * early or a visit fails, the visits in flight are awaited and dropped.
 */
export async function* explore<Item, Result extends NonNullable<unknown>>(
  first: Iterable<Item>,
  inFlightMax: number,
  visit: (item: Item, find: (item: Item) => void) => Promise<Result>,
): AsyncGenerator<Result, void, undefined> {
  const waiting = [...first].toReversed()
  const inFlight = new Set<Promise<void>>()
  const results: Result[] = []
  let failure: { readonly reason: unknown } | undefined
  const start = (item: Item): void => {
    const visited = visit(item, (found) => void waiting.push(found)).then(
      (result) => void results.push(result),
      (reason: unknown) => {
        failure ??= { reason }
      },
    )
    const settled = visited.finally(() => inFlight.delete(settled))
    inFlight.add(settled)
  }
  try {
    for (;;) {
      while (failure === undefined && inFlight.size + results.length < inFlightMax) {
        const item = waiting.pop()
        if (item === undefined) break
        start(item)
      }
      const result = results.shift()
      if (result !== undefined) yield result
      else if (failure !== undefined) throw failure.reason
      else if (inFlight.size > 0) await Promise.race(inFlight)
      else return
    }
  } finally {
    await Promise.allSettled(inFlight)
  }
}
