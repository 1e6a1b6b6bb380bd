/**
 * Names on their way into one directory, written many at a time: an edit of a directory costs the same for one name
 * as for hundreds, and what is not yet written is lost if the process dies.
 */
import type { NamedChild } from '#node'

/** Of one edit: few enough that an edit stays small, many enough that a thousand files take four. */
export const BATCH_NAMES_MAX = 256
/** A name is written after so long at the latest, if others are slow to come. */
export const BATCH_WAIT_MILLISECONDS = 2000

export interface NewName {
  readonly child: NamedChild
  /** Called once: the name is in the directory, or why it is not. */
  readonly onWritten: (failure: unknown) => void
}

export interface LinkBatchParts {
  /**
   * Give the children their names in the directory, which is made if need be, all of them or none.
   *
   * @param isLast no more will come
   */
  readonly write: (children: readonly NamedChild[], isLast: boolean) => Promise<void>
}

export class LinkBatch {
  readonly #parts: LinkBatchParts
  #names: NewName[] = []
  #writing: Promise<void> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #holds = 0
  #isLast = false
  #onFree: (() => void) | undefined

  constructor(parts: LinkBatchParts) {
    this.#parts = parts
  }

  /** Keep `finish` waiting until the function that is returned was called: names are still to come. */
  hold(): () => void {
    this.#holds += 1
    return () => {
      this.#holds -= 1
      if (this.#holds === 0) this.#onFree?.()
    }
  }

  /** Waits only while a batch is being written and the next one is full. */
  async add(name: NewName): Promise<void> {
    while (this.#names.length >= BATCH_NAMES_MAX) await this.#write()
    this.#names.push(name)
    if (this.#names.length >= BATCH_NAMES_MAX) void this.#write()
    else this.#timer ??= setTimeout(() => void this.#write(), BATCH_WAIT_MILLISECONDS)
  }

  /** All names have been written or have failed; a directory without names is made too. To be called once. */
  async finish(): Promise<void> {
    if (this.#holds > 0) {
      await new Promise<void>((resolve) => {
        this.#onFree = resolve
      })
    }
    this.#isLast = true
    await this.flush()
    await this.#parts.write([], true)
  }

  /** Whatever is there now is written or has failed. */
  async flush(): Promise<void> {
    while (this.#names.length > 0 || this.#writing !== undefined) await this.#write()
  }

  /** One edit at a time; never throws. */
  #write(): Promise<void> {
    this.#writing ??= this.#writeNames(this.#takeNames()).finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  #takeNames(): readonly NewName[] {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const names = this.#names
    this.#names = []
    return names
  }

  async #writeNames(names: readonly NewName[]): Promise<void> {
    if (names.length === 0) return
    let failure: unknown
    try {
      const children = names.map(({ child }) => child)
      await this.#parts.write(children, this.#isLast)
    } catch (error) {
      failure = error
    }
    for (const { onWritten } of names) onWritten(failure)
  }
}
