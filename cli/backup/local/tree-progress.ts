/** How far a backup or a restore is, told as often as somebody can follow. */
import { getSystemErrorMessage } from 'node:util'
import { errnoOf } from '../../errno.ts'
import type { LocalFolder } from './folder.ts'
import type { ScanTotals } from './scan.ts'

const TELL_MILLISECONDS = 50

export interface TreeProgress {
  readonly filesDone: number
  /** Undefined until they are known. */
  readonly filesTotal: number | undefined
  readonly bytesDone: number
  readonly bytesTotal: number | undefined
  readonly problems: number
  /** Undefined at the end. */
  readonly currentPath: Uint8Array | undefined
}

export type OnProgress = (progress: TreeProgress) => void

/** Something that could not be taken or brought back as it is. The error of a system's call names no path. */
export type OnProblem = (problem: { readonly path: Uint8Array; readonly error: unknown }) => void

export interface ProgressListeners {
  readonly onProgress?: OnProgress | undefined
  readonly onProblem?: OnProblem | undefined
}

export class ProgressTeller {
  readonly #onProgress: OnProgress | undefined
  readonly #onProblem: OnProblem | undefined
  #toldAt = Number.NEGATIVE_INFINITY
  #totals: ScanTotals | undefined
  #filesDone = 0
  #bytesDone = 0
  #problems = 0

  constructor({ onProgress, onProblem }: ProgressListeners) {
    this.#onProgress = onProgress
    this.#onProblem = onProblem
  }

  get problems(): number {
    return this.#problems
  }

  problem(path: Uint8Array, error: unknown): void {
    this.#problems += 1
    this.#onProblem?.({ path, error: withoutPath(error) })
  }

  /** Known when a scan has ended. */
  scanned(totals: ScanTotals): void {
    this.#totals = totals
  }

  fileDone(): void {
    this.#filesDone += 1
  }

  /** Bytes of a file are done; negative if they are to be done again. */
  moved(bytes: number, folder: LocalFolder, name: Uint8Array): void {
    this.#bytesDone += bytes
    if (this.#onProgress === undefined) return
    const now = performance.now()
    if (now - this.#toldAt < TELL_MILLISECONDS) return
    this.#toldAt = now
    this.#tell(folder.pathOf(name))
  }

  finish(): void {
    this.#tell(undefined)
  }

  #tell(currentPath: Uint8Array | undefined): void {
    this.#onProgress?.({
      filesDone: this.#filesDone,
      filesTotal: this.#totals?.files,
      bytesDone: this.#bytesDone,
      bytesTotal: this.#totals?.bytes,
      problems: this.#problems,
      currentPath,
    })
  }
}

/** A call is made through the handle of a folder, whose name means nothing to anybody. */
function withoutPath(error: unknown): unknown {
  const code = errnoOf(error)
  if (code === undefined || !(error instanceof Error && 'errno' in error)) return error
  if (typeof error.errno !== 'number') return error
  return Object.assign(new Error(`${getSystemErrorMessage(error.errno)} (${code})`, { cause: error }), {
    code,
  })
}
