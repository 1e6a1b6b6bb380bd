/** What of a backup, a restore or a drill went wrong by itself, while the rest was done. */
import { GridError } from '#crypto'
import { errnoOf } from '../errno.ts'
import type { Output } from '../output.ts'
import { pathJson, printablePath } from './byte-path.ts'

/** More than these are counted and told of, and not kept. */
const PROBLEMS_KEPT_MAX = 1000

export class Problems {
  readonly #output: Output
  readonly #kept: object[] = []
  #count = 0

  constructor(output: Output) {
    this.#output = output
  }

  get count(): number {
    return this.#count
  }

  /** For the result; the first PROBLEMS_KEPT_MAX. */
  get kept(): readonly object[] {
    return this.#kept
  }

  /** All is done anew. */
  forget(): void {
    this.#kept.length = 0
    this.#count = 0
  }

  readonly add = ({ path, error }: { readonly path: Uint8Array; readonly error: unknown }): void => {
    this.#count += 1
    const message = error instanceof Error ? error.message : String(error)
    const code = error instanceof GridError ? error.code : (errnoOf(error) ?? 'UNKNOWN')
    if (this.#kept.length < PROBLEMS_KEPT_MAX) this.#kept.push({ ...pathJson(path), code, message })
    this.#output.complaint(`${printablePath(path)}: ${message}`)
  }
}
