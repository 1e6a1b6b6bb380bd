/** What a copy has done so far, for whoever watches it and for the end. */
import { GridError } from '#crypto'
import { NoSpaceError, NotEnoughSharesError, UnhappyError, UnreachableError } from '#node'
import { countOf, formatBytes, formatTransfer } from '../describe.ts'
import { errnoOf } from '../errno.ts'
import { EXIT_DONE, EXIT_PARTLY } from '../exit-code.ts'
import { printable } from '../names.ts'
import type { Output } from '../output.ts'

/** More than these are counted and told of, and not kept. */
const FAILURES_KEPT_MAX = 1000
/** So many failures in a row of the grid or for want of space, and the rest would fail too. */
const FAILURES_IN_ROW_MAX = 16

export class CopyReport {
  readonly #output: Output
  readonly #signal: AbortSignal
  readonly #startedAt = performance.now()
  readonly #failures: { readonly path: string; readonly code: string; readonly message: string }[] = []
  readonly counts = { files: 0, bytes: 0, directories: 0, unchanged: 0, skipped: 0, failed: 0 }
  #failuresInRow = 0

  constructor(output: Output, signal: AbortSignal) {
    this.#output = output
    this.#signal = signal
  }

  /** Bytes of a file that is under way. */
  moved(bytes: number, path: string): void {
    this.counts.bytes += bytes
    this.#show(path)
  }

  copied(path: string): void {
    this.counts.files += 1
    this.#failuresInRow = 0
    this.#show(path)
  }

  madeDirectory(): void {
    this.counts.directories += 1
  }

  unchanged(path: string): void {
    this.counts.unchanged += 1
    this.#show(path)
  }

  skipped(path: string, why: string): void {
    this.counts.skipped += 1
    this.#output.note(`left out ${printable(path)}: ${why}`)
  }

  refused(path: string, why: string): void {
    this.#failed(path, 'REFUSED', `not copied: ${why}`)
  }

  /** It is counted as copied and as failed: what was read may be neither what was there before nor what came after. */
  changed(path: string): void {
    this.#failed(
      path,
      'CHANGED',
      'it changed while it was read; what was read is there, and is sent again the next time',
    )
  }

  /** @throws the error if it ends the whole: an interruption, a bug, or a grid that takes nothing more */
  failed(path: string, error: unknown): void {
    if (this.#signal.aborted) throw this.#signal.reason
    // The system has more ways to refuse a file than can be told apart; each is about that file.
    const errno = errnoOf(error)
    const isExpected = error instanceof GridError || (error instanceof Error && errno !== undefined)
    if (!isExpected) throw error
    this.#failed(
      path,
      error instanceof GridError ? error.code : (errno ?? ''),
      `not copied: ${error.message}`,
    )
    const isOfAll =
      error instanceof NoSpaceError ||
      error instanceof UnhappyError ||
      error instanceof UnreachableError ||
      error instanceof NotEnoughSharesError
    if (!isOfAll) return
    this.#failuresInRow += 1
    if (this.#failuresInRow >= FAILURES_IN_ROW_MAX) throw error
  }

  /** Print the end of it. @returns the exit code */
  async finish(): Promise<number> {
    const { files, bytes, directories, unchanged, skipped, failed } = this.counts
    const milliseconds = performance.now() - this.#startedAt
    const rate = (1000 * files) / Math.max(1, milliseconds)
    const parts = [
      `copied ${countOf(files, 'file')}${bytes > 0 ? `, ${formatTransfer(bytes, milliseconds)}` : ''}`,
      ...(files > 1 ? [`${rate.toFixed(rate < 10 ? 1 : 0)} files/s`] : []),
      ...(directories > 0 ? [`${countOf(directories, 'new folder')}`] : []),
      ...(unchanged > 0 ? [`${unchanged} unchanged`] : []),
      ...(skipped > 0 ? [`${skipped} left out`] : []),
      ...(failed > 0 ? [`${failed} FAILED`] : []),
    ]
    this.#output.note(parts.join('; '))
    const seconds = milliseconds / 1000
    await this.#output.report({ ...this.counts, failures: this.#failures, seconds })
    return failed > 0 ? EXIT_PARTLY : EXIT_DONE
  }

  #failed(path: string, code: string, message: string): void {
    this.counts.failed += 1
    if (this.#failures.length < FAILURES_KEPT_MAX) this.#failures.push({ path, code, message })
    this.#output.complaint(`${printable(path)}: ${message}`)
  }

  #show(path: string): void {
    const { files, bytes, unchanged } = this.counts
    const state = { stage: 'copying', files, bytes, unchanged, name: path }
    this.#output.activity(state, (elapsedMilliseconds) => {
      const rate = formatBytes((1000 * bytes) / Math.max(1, elapsedMilliseconds))
      const same = unchanged > 0 ? `  ${unchanged} unchanged` : ''
      return `copying  ${countOf(files, 'file')}  ${formatBytes(bytes)}  ${rate}/s${same}  ${printable(path)}`
    })
  }
}
