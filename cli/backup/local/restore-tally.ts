/** What a restore has done so far. */
import type { EntryKind } from '#crypto'
import type { LocalFolder } from './folder.ts'
import type { ScanTotals } from './scan.ts'
import { type ProgressListeners, ProgressTeller } from './tree-progress.ts'

export interface RestoreCounts {
  /** Written, whole; of a dry run: that would be. */
  readonly files: number
  /** Made. */
  readonly folders: number
  /** Symlinks, devices, fifos and sockets, made. */
  readonly others: number
  /** Names given to something that was restored under another one. */
  readonly hardLinks: number
  /** Of the files that were written. */
  readonly bytes: number
  /** Were there already as the snapshot has them, and were left alone. */
  readonly unchanged: number
  /** Something else was there, and was to stay. */
  readonly skipped: number
  /** Files whose bytes were read back and are those of the snapshot. */
  readonly verified: number
  /** Belong to another owner than in the snapshot: only root may give files away. */
  readonly ownersNotKept: number
}

type Mutable<Record> = { -readonly [Name in keyof Record]: Record[Name] }

export class RestoreTally {
  readonly #progress: ProgressTeller
  readonly #attributesTold = new Set<string>()
  readonly counts: Mutable<RestoreCounts> = {
    files: 0,
    folders: 0,
    others: 0,
    hardLinks: 0,
    bytes: 0,
    unchanged: 0,
    skipped: 0,
    verified: 0,
    ownersNotKept: 0,
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

  problem(path: Uint8Array, error: unknown): void {
    this.#progress.problem(path, error)
  }

  /** Told once for each reason: what a file system does not take from one file it takes from none. */
  attributeProblem(path: Uint8Array, reason: string, error: unknown): void {
    if (this.#attributesTold.has(reason)) return
    this.#attributesTold.add(reason)
    this.problem(path, error)
  }

  moved(bytes: number, folder: LocalFolder, name: Uint8Array): void {
    this.#progress.moved(bytes, folder, name)
  }

  made(kind: EntryKind, sizeBytes: number): void {
    if (kind === 'folder') this.counts.folders += 1
    else if (kind !== 'file') this.counts.others += 1
    else {
      this.counts.files += 1
      this.counts.bytes += sizeBytes
      this.#progress.fileDone()
    }
  }

  /** Another name for what was made. */
  linked(kind: EntryKind): void {
    this.counts.hardLinks += 1
    if (kind === 'file') this.#progress.fileDone()
  }

  /** It was there. */
  left(
    kind: EntryKind,
    sizeBytes: number,
    { folder, name }: { readonly folder: LocalFolder; readonly name: Uint8Array },
  ): void {
    this.counts.unchanged += 1
    if (kind !== 'file') return
    this.#progress.fileDone()
    this.moved(sizeBytes, folder, name)
  }

  finish(): RestoreCounts {
    this.#progress.finish()
    return { ...this.counts }
  }
}
