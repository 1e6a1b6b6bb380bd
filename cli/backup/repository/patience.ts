/** Doing again what fails for want of servers: a backup of hours does not end with a minute without a network. */
import type { GridError } from '#crypto'
import { BusyError, type Clock, TimeoutError, UnhappyError, UnreachableError } from '#node'
import { PAUSE_FIRST_MILLISECONDS, TRIES_MAX } from './limits.ts'
import type { Cancel } from './types.ts'

export interface PatienceOptions extends Cancel {
  readonly clock: Pick<Clock, 'sleep'>
  /** Before each pause. */
  readonly onWarning: (message: string) => void
}

/** @param work harmless when it is done twice. @throws what it has thrown at last, or what no waiting mends */
export async function patiently<Result>(
  work: () => Promise<Result>,
  { clock, signal, onWarning }: PatienceOptions,
): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work()
    } catch (error) {
      if (!isPassing(error) || tries >= TRIES_MAX) throw error
      const pause = PAUSE_FIRST_MILLISECONDS * 2 ** (tries - 1)
      onWarning(`too few servers, and another try in ${pause / 1000} s: ${error.message}`)
      await clock.sleep(pause, { signal })
    }
  }
}

function isPassing(error: unknown): error is GridError {
  // A grid that is too small for the numbers does not grow by waiting, and says which would fit.
  if (error instanceof UnhappyError && error.details.proposal !== undefined) return false
  return (
    error instanceof UnhappyError ||
    error instanceof UnreachableError ||
    error instanceof TimeoutError ||
    error instanceof BusyError
  )
}
