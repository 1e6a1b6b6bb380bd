/** Work with a time limit. */
import type { Clock } from './platform/platform.ts'

/**
 * Do work under a signal that aborts with TimeoutError(what) after so many seconds, or with the caller's own reason.
 * The work must heed the signal: nothing else ends it.
 */
export async function within<Result>(
  clock: Clock,
  limit: { readonly seconds: number; readonly what: string; readonly signal?: AbortSignal | undefined },
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const { seconds, what, signal } = limit
  // Not `using`: Node 22 strips types and then does not know the word.
  const deadline = clock.deadline(seconds * 1000, { what, signal })
  try {
    return await work(deadline.signal)
  } finally {
    deadline[Symbol.dispose]()
  }
}

/** What the promise gives, unless the signal aborts first: what stands behind it goes on. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
