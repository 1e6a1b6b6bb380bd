/** The entries that an earlier snapshot has of a folder, met by name in the order of the walk. */
import { type Content, GridError, type TreeEntry } from '#crypto'
import type { RepositoryWriter } from '../repository/types.ts'

export interface EntriesBeforeOptions {
  readonly writer: Pick<RepositoryWriter, 'readTree'>
  readonly signal?: AbortSignal | undefined
}

export class EntriesBefore {
  /** Undefined where there was no such folder. */
  readonly content: Content | undefined
  readonly #signal: AbortSignal | undefined
  #entries: AsyncIterator<TreeEntry> | undefined
  #next: TreeEntry | undefined
  #count = 0
  #isWhole = false

  constructor(content: Content | undefined, { writer, signal }: EntriesBeforeOptions) {
    this.content = content
    this.#signal = signal
    this.#entries =
      content === undefined ? undefined : writer.readTree(content, { signal })[Symbol.asyncIterator]()
  }

  /**
   * The entry of that name. A tree that cannot be read (any more) has none: then everything is read anew.
   *
   * @param name after all that were asked for
   */
  async at(name: Uint8Array): Promise<TreeEntry | undefined> {
    if (this.#count === 0) await this.#advance()
    while (this.#next !== undefined && Buffer.compare(this.#next.name, name) < 0) await this.#advance()
    const next = this.#next
    return next !== undefined && Buffer.compare(next.name, name) === 0 ? next : undefined
  }

  /** How many there are; undefined if they could not all be read. */
  async count(): Promise<number | undefined> {
    if (this.#count === 0) await this.#advance()
    while (this.#next !== undefined) await this.#advance()
    return this.#isWhole ? this.#count - 1 : undefined
  }

  async #advance(): Promise<void> {
    // Counts the end too, so that 0 means that nothing was asked yet.
    this.#count += 1
    this.#next = undefined
    if (this.#entries === undefined) return
    try {
      const { done, value } = await this.#entries.next()
      if (done === true) {
        this.#isWhole = true
        this.#entries = undefined
      } else {
        this.#next = value
      }
    } catch (error) {
      this.#signal?.throwIfAborted()
      if (!(error instanceof GridError)) throw error
      this.#entries = undefined
    }
  }

  /** When no more is asked. */
  async close(): Promise<void> {
    const entries = this.#entries
    this.#entries = undefined
    await entries?.return?.()
  }
}
