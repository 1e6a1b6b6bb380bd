/** Time from the operating system. */
import { TimeoutError } from '../errors.ts'
import type { Clock, Deadline } from './platform.ts'

/** setTimeout counts in 31 bits; longer sleeps are made of several. */
const TIMER_MAX_MILLISECONDS = 2 ** 31 - 1

export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  elapsed: () => performance.now(),

  async sleep(milliseconds: number, { signal }: { readonly signal?: AbortSignal | undefined } = {}) {
    const end = performance.now() + milliseconds
    for (let rest = milliseconds; rest > 0; rest = end - performance.now()) {
      await pause(Math.min(rest, TIMER_MAX_MILLISECONDS), signal)
    }
    signal?.throwIfAborted()
  },

  deadline(
    milliseconds: number,
    { what, signal }: { readonly what: string; readonly signal?: AbortSignal | undefined },
  ): Deadline {
    const controller = new AbortController()
    const follow = () => controller.abort(signal?.reason)
    const expire = () => controller.abort(new TimeoutError(`${what}: no answer within ${milliseconds} ms`))
    const timer = setTimeout(expire, Math.min(milliseconds, TIMER_MAX_MILLISECONDS))
    signal?.addEventListener('abort', follow, { once: true })
    if (signal?.aborted === true) follow()
    return {
      signal: controller.signal,
      [Symbol.dispose]() {
        clearTimeout(timer)
        signal?.removeEventListener('abort', follow)
      },
    }
  },
})

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason)
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', stop, { once: true })
  })
}

/** `2027-03-01 12:00 UTC`, for people. @param seconds since 1970 UTC */
export function utcText(seconds: number): string {
  const date = new Date(seconds * 1000)
  // A time that no calendar has can be signed all the same.
  if (Number.isNaN(date.getTime())) return `${seconds} s after 1970`
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
