/** Layouts of many files as they are found, in bounded memory. */
import { type FileLayout, joinEqual, leastMarginFirst } from './layout.ts'

/** Different layouts remembered, those with the smallest margin; 1 KB each. */
const LAYOUTS_MAX = 1024
/** Files that wait until layouts are joined. */
const WAITING_MAX = 1024

export class LayoutTally {
  readonly #layoutsMax: number
  #layouts: readonly FileLayout[] = []
  #waiting: FileLayout[] = []
  #otherCount = 0

  /** @param layoutsMax for tests */
  constructor(layoutsMax = LAYOUTS_MAX) {
    this.#layoutsMax = layoutsMax
  }

  add(layout: FileLayout): void {
    this.#waiting.push(layout)
    if (this.#waiting.length >= WAITING_MAX) this.#join()
  }

  /** Those with the least to spare, and the number of files of others. */
  finish(): { readonly layouts: readonly FileLayout[]; readonly otherCount: number } {
    this.#join()
    return { layouts: this.#layouts, otherCount: this.#otherCount }
  }

  #join(): void {
    const byMargin = leastMarginFirst(joinEqual([...this.#layouts, ...this.#waiting]))
    this.#waiting = []
    this.#layouts = byMargin.slice(0, this.#layoutsMax)
    for (const { fileCount } of byMargin.slice(this.#layoutsMax)) this.#otherCount += fileCount
  }
}
