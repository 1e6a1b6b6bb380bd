/**
 * Work that goes on after its request was answered, under a handle that the client has chosen (WEB-API.md §10).
 *
 * Handles are bounded in number and time, and what each keeps is bounded by its work, so that a client that forgets
 * them costs a known amount of memory.
 */
import { type Clock, ConflictError, NotFoundError } from '#node'
import { errorBodyOf } from '../http-error.ts'
import { TooManyOperationsError } from './refusal.ts'

/** Each asks all servers of the grid for every thing below a directory. */
export const RUNNING_MAX = 4
/** Those that have ended too. Each keeps at most RESULT_LENGTH_MAX, so all of them 128 MiB. */
export const HANDLES_MAX = 16
/** Four days, as Tahoe has it for what nobody has looked at. */
export const RETAIN_MAX_SECONDS = 345_600
/** A day, after it has ended. */
export const RETAIN_DEFAULT_SECONDS = 86_400

export interface OperationWork {
  /** What is known so far; called while the work runs and after it. */
  json(): object
  /** @throws whatever fails, or the signal's reason */
  run(signal: AbortSignal): Promise<void>
}

interface Operation {
  readonly work: OperationWork
  readonly stop: AbortController
  retainSeconds: number
  /** Of the clock's `elapsed`; undefined while it runs. */
  endedAt: number | undefined
  error: unknown
}

export class Operations {
  readonly #clock: Clock
  readonly #stopping: AbortSignal
  readonly #operations = new Map<string, Operation>()

  /** @param stopping aborts when the gateway stops; all that runs ends then */
  constructor(clock: Clock, stopping: AbortSignal) {
    this.#clock = clock
    this.#stopping = stopping
  }

  /** @throws ConflictError if the handle is taken; TooManyOperationsError */
  start(handle: string, work: OperationWork, retainSeconds = RETAIN_DEFAULT_SECONDS): void {
    this.#forgetOld()
    if (this.#operations.has(handle)) {
      throw new ConflictError('this handle is taken by an operation that runs or has ended', {
        wanted: 'a handle of its own',
        found: 'one that is taken',
        where: 'argument ophandle',
      })
    }
    this.#requireRoom()
    const stop = new AbortController()
    const operation: Operation = { work, stop, retainSeconds, endedAt: undefined, error: undefined }
    this.#operations.set(handle, operation)
    void this.#run(operation)
  }

  /**
   * How it stands.
   *
   * @param options.isToBeReleased forget it, if it has ended
   * @throws NotFoundError
   */
  status(
    handle: string,
    options: { readonly isToBeReleased: boolean; readonly retainSeconds: number | undefined },
  ): object {
    const operation = this.#required(handle)
    operation.retainSeconds = options.retainSeconds ?? operation.retainSeconds
    const isFinished = operation.endedAt !== undefined
    if (isFinished && options.isToBeReleased) this.#operations.delete(handle)
    return jsonOf(operation)
  }

  /** It stops, and is forgotten. @throws NotFoundError */
  cancel(handle: string): object {
    const operation = this.#required(handle)
    operation.stop.abort(new ConflictError('the operation was cancelled'))
    this.#operations.delete(handle)
    return jsonOf(operation)
  }

  async #run(operation: Operation): Promise<void> {
    try {
      await operation.work.run(AbortSignal.any([operation.stop.signal, this.#stopping]))
    } catch (error) {
      operation.error = error
    } finally {
      operation.endedAt = this.#clock.elapsed()
    }
  }

  #required(handle: string): Operation {
    this.#forgetOld()
    const operation = this.#operations.get(handle)
    if (operation === undefined) {
      throw new NotFoundError('no operation has this handle, or it was kept no longer', {
        wanted: 'a handle of an operation',
        found: 'none',
        where: 'path',
      })
    }
    return operation
  }

  #requireRoom(): void {
    const all = [...this.#operations.values()]
    const runningCount = all.filter(({ endedAt }) => endedAt === undefined).length
    const isFull = runningCount >= RUNNING_MAX || all.length >= HANDLES_MAX
    if (!isFull) return
    throw new TooManyOperationsError({
      message:
        `at most ${RUNNING_MAX} operations run and ${HANDLES_MAX} are kept, found ${runningCount} and ${all.length}: ` +
        'wait for one, cancel one, or ask with release-after-complete=true',
      wanted: `fewer than ${RUNNING_MAX} that run and ${HANDLES_MAX} in all`,
      found: `${runningCount} that run and ${all.length} in all`,
      where: 'operations',
    })
  }

  #forgetOld(): void {
    const now = this.#clock.elapsed()
    for (const [handle, { endedAt, retainSeconds }] of this.#operations) {
      if (endedAt !== undefined && now - endedAt > retainSeconds * 1000) this.#operations.delete(handle)
    }
  }
}

function jsonOf({ endedAt, error, work }: Operation): object {
  const failed = error === undefined ? {} : { error: errorBodyOf(error) }
  return { finished: endedAt !== undefined, ...work.json(), ...failed }
}
