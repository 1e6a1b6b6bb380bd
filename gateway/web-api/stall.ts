/**
 * Clients that neither send nor take anything. A transfer may last for days as long as it moves; one that stands still
 * holds buffers and connections to servers of the grid, and is given up.
 */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Clock } from '#node'

/** A phone that changes networks is back in less, or begins a new connection. */
export const STALL_MAX_MILLISECONDS = 60_000

const READER = 'the reader of the answer'

/** Cut the connection, unless what is returned is disposed of within a minute: then the reader has taken something. */
export function destroyUnlessTaken(clock: Clock, raw: ServerResponse): Disposable {
  const deadline = clock.deadline(STALL_MAX_MILLISECONDS, { what: READER, signal: undefined })
  deadline.signal.addEventListener('abort', () => raw.destroy(), { once: true })
  return deadline
}

/** Resolves once there is room for more. @throws TimeoutError, or the signal's reason */
export async function drained(clock: Clock, raw: ServerResponse, signal: AbortSignal): Promise<void> {
  await moving(clock, READER, (within) => once(raw, 'drain', { signal: within }), signal)
}

/** @throws TimeoutError if the work, one step of a transfer, takes longer than a minute; the reason of `parent` */
export async function moving<Result>(
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
