/**
 * The entries of one folder on their way into a tree: they become known in any order and are put by name.
 *
 * A folder is put when the walk has left it and all below it is put. Of a huge one that would be too much to hold: its
 * tree is begun while it is walked, and then the walk waits for it.
 */
import type { TreeEntry } from '#crypto'
import type { PutContent } from '../repository/types.ts'

/** Some 4 MB; a folder with more names is put as it is walked. */
const HELD_MAX = 4096

export interface SavedEntry {
  readonly entry: TreeEntry
  /** It is the very entry of the snapshot that this one is compared with. */
  readonly isKept: boolean
}

/** Undefined: it could not be read, and is left out. */
type Slot = SavedEntry | undefined | Promise<SavedEntry | undefined>

export type PutEntries = (entries: AsyncIterable<TreeEntry>) => Promise<PutContent>

export class FolderEntries {
  readonly #put: PutEntries
  readonly #heldMax: number
  #slots: Slot[] = []
  #putting: Promise<PutContent> | undefined
  #state: 'open' | 'complete' | { readonly failure: unknown } = 'open'
  #changed = Promise.withResolvers<void>()

  constructor(put: PutEntries, heldMax = HELD_MAX) {
    this.#put = put
    this.#heldMax = heldMax
  }

  /** The next by name. Waits while as many are held as may be. @throws what putting them throws */
  async add(slot: Slot): Promise<void> {
    if (slot instanceof Promise) slot.catch(() => undefined)
    this.#slots.push(slot)
    if (this.#putting === undefined) {
      if (this.#slots.length <= this.#heldMax) return
      this.#putting = this.#put(this.#drain())
      this.#putting.catch(() => undefined)
    }
    this.#notify()
    while (this.#slots.length > this.#heldMax) await Promise.race([this.#changed.promise, this.#putting])
  }

  /**
   * All were added.
   *
   * @returns what was put, of a huge folder; of any other the entries, to be put by the caller
   */
  async finish(): Promise<PutContent | readonly SavedEntry[]> {
    this.#state = 'complete'
    this.#notify()
    if (this.#putting !== undefined) return this.#putting
    const saved: SavedEntry[] = []
    for (const slot of this.#slots) {
      const entry = await slot
      if (entry !== undefined) saved.push(entry)
    }
    return saved
  }

  /** No more will be added: whoever puts them learns of it. */
  fail(failure: unknown): void {
    this.#state = { failure }
    this.#notify()
  }

  async *#drain(): AsyncGenerator<TreeEntry, void, undefined> {
    for (;;) {
      const slots = this.#slots
      this.#slots = []
      this.#notify()
      for (const slot of slots) {
        const saved = await slot
        if (saved !== undefined) yield saved.entry
      }
      if (this.#slots.length > 0) continue
      if (typeof this.#state === 'object') throw this.#state.failure
      if (this.#state === 'complete') return
      await this.#changed.promise
    }
  }

  #notify(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}
