/**
 * A file that follows what is in memory: written a while after a change, and when its owner is closed, so that many
 * changes are one write. A crash forgets what was changed in that while.
 */
import { GridError } from '#crypto'
import type { Platform } from './platform/platform.ts'

export interface LateSaveOptions {
  /** For people: `what` could not be kept. */
  readonly what: string
  readonly delayMilliseconds: number
  /** Writes all of it. A GridError is told, and tried again after the next change. */
  save(): Promise<void>
}

export class LateSave implements AsyncDisposable {
  readonly #platform: Pick<Platform, 'clock' | 'log'>
  readonly #options: LateSaveOptions
  readonly #stop = new AbortController()
  #needsSave = false
  #saving: Promise<void> | undefined

  constructor(platform: Pick<Platform, 'clock' | 'log'>, options: LateSaveOptions) {
    this.#platform = platform
    this.#options = options
  }

  /** Something is to be written. */
  noteChange(): void {
    this.#needsSave = true
    this.#saving ??= this.#saveSoon()
  }

  /** What was noted is written now. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new DOMException('the node is stopping', 'AbortError'))
    await this.#saving
    await this.#save()
  }

  async #saveSoon(): Promise<void> {
    const { clock, log } = this.#platform
    const { what, delayMilliseconds } = this.#options
    const { signal } = this.#stop
    try {
      await clock.sleep(delayMilliseconds, { signal })
      await this.#save()
    } catch (error) {
      if (!signal.aborted) log.error(`${what} could not be kept`, { error })
    } finally {
      this.#saving = undefined
    }
  }

  async #save(): Promise<void> {
    if (!this.#needsSave) return
    this.#needsSave = false
    try {
      await this.#options.save()
    } catch (error) {
      if (!(error instanceof GridError)) throw error
      this.#platform.log.warn(`${this.#options.what} could not be kept`, { reason: error.message })
      this.#needsSave = true
    }
  }
}
