/** What a backup has done so far. */
import type { SnapshotTotals } from '#crypto'
import type { LocalFolder } from './folder.ts'
import type { ScanTotals } from './scan.ts'
import { type ProgressListeners, ProgressTeller } from './tree-progress.ts'

type Counts = Omit<SnapshotTotals, 'milliseconds'>

export class SaveTally {
  readonly #progress: ProgressTeller
  readonly #startedAt = performance.now()
  readonly #counts: { -readonly [Name in keyof Counts]: number } = {
    files: 0,
    folders: 0,
    bytes: 0,
    newFiles: 0,
    changedFiles: 0,
    unmodifiedFiles: 0,
    unreadableFiles: 0,
    addedBytes: 0,
    storedBytes: 0,
  }

  constructor(listeners: ProgressListeners) {
    this.#progress = new ProgressTeller(listeners)
  }

  scanned(totals: ScanTotals): void {
    this.#progress.scanned(totals)
  }

  get problems(): number {
    return this.#progress.problems
  }

  /** Something is not in the snapshot, or not as it should be. @param count 1 if that is a file or folder */
  problem(path: Uint8Array, error: unknown, count: 0 | 1 = 1): void {
    this.#counts.unreadableFiles += count
    this.#progress.problem(path, error)
  }

  folder(): void {
    this.#counts.folders += 1
  }

  /** Bytes of a file that were read, or need not be; negative if they are read again. */
  moved(bytes: number, folder: LocalFolder, name: Uint8Array): void {
    this.#progress.moved(bytes, folder, name)
  }

  file(how: 'newFiles' | 'changedFiles' | 'unmodifiedFiles', sizeBytes: number): void {
    this.#counts.files += 1
    this.#counts.bytes += sizeBytes
    this.#counts[how] += 1
    this.#progress.fileDone()
  }

  added({ addedBytes, storedBytes }: { readonly addedBytes: number; readonly storedBytes: number }): void {
    this.#counts.addedBytes += addedBytes
    this.#counts.storedBytes += storedBytes
  }

  finish(): SnapshotTotals {
    this.#progress.finish()
    return { ...this.#counts, milliseconds: Math.round(performance.now() - this.#startedAt) }
  }
}
