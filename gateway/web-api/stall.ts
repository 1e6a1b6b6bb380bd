/**
 * Clients that neither send nor take anything. A transfer may last for days as long as it moves; one that stands still
 * holds buffers and connections to servers of the grid, and is given up.
 */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Clock, UploadSource } from '#node'

/** A phone that changes networks is back in less, or begins a new connection. */
const STALL_MAX_MILLISECONDS = 60_000

/** @throws TimeoutError once the body stands still for a minute */
export function withoutStalls(clock: Clock, source: UploadSource): UploadSource {
  return { ...source, open: () => watched(clock, source.open()) }
}

async function* watched(
  clock: Clock,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = bytes[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await moving(clock, 'the body of the request', (signal) => until(iterator.next(), signal))
      if (next.done === true) return
      yield next.value
    }
  } finally {
    // Not waited for: what stands still would not end either.
    iterator.return?.()?.catch?.(() => undefined)
  }
}

/** Resolves once there is room for more. @throws TimeoutError, or the signal's reason */
export async function drained(clock: Clock, raw: ServerResponse, signal: AbortSignal): Promise<void> {
  await moving(clock, 'the reader of the answer', (within) => once(raw, 'drain', { signal: within }), signal)
}

async function moving<Result>(
  clock: Clock,
  what: string,
  work: (signal: AbortSignal) => Promise<Result>,
  parent?: AbortSignal,
): Promise<Result> {
  const deadline = clock.deadline(STALL_MAX_MILLISECONDS, { what, signal: parent })
  try {
    return await work(deadline.signal)
  } catch (error) {
    deadline.signal.throwIfAborted()
    throw error
  } finally {
    deadline[Symbol.dispose]()
  }
}

async function until<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = () => reject(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
