/** A directory of the grid that a copy writes into: one that is there, or one that is made when it is first written. */
import type { DirectoryWriteCapability, EntryMetadata } from '#crypto'
import type { GridFiles } from '#gateway'
import type { NamedChild, SlotWarning } from '#node'
import type { CopyReport } from './copy-report.ts'
import { LinkBatch } from './link-batch.ts'

/** What is known already is still written after an interruption, if the grid takes it within this time. */
const FAREWELL_MILLISECONDS = 5000

/** What every part of one copy works with. */
export interface CopyParts {
  readonly files: GridFiles
  readonly report: CopyReport
  readonly signal: AbortSignal
  readonly acceptRollback: boolean
  readonly onWarning: (warning: SlotWarning) => void
}

/** The directories of one copy, and what ends it. */
export class CopyTargets {
  readonly parts: CopyParts
  readonly #open = new Set<TargetDirectory>()
  #failure: { readonly error: unknown } | undefined
  #farewell: AbortSignal | undefined

  constructor(parts: CopyParts) {
    this.parts = parts
  }

  existing(capability: DirectoryWriteCapability, label: string): TargetDirectory {
    return new TargetDirectory(this, { capability, label })
  }

  /** For edits: they are let through for a while after an interruption. */
  get editSignal(): AbortSignal {
    if (!this.parts.signal.aborted) return this.parts.signal
    this.#farewell ??= AbortSignal.timeout(FAREWELL_MILLISECONDS)
    return this.#farewell
  }

  /** @throws what ended the copy where nobody was waiting for it */
  check(): void {
    this.parts.signal.throwIfAborted()
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** As the report's `failed`, for where nothing can be thrown. */
  failed(label: string, error: unknown): void {
    try {
      this.parts.report.failed(label, error)
    } catch (fatal) {
      this.#failure ??= { error: fatal }
    }
  }

  opened(target: TargetDirectory): void {
    this.#open.add(target)
  }

  closed(target: TargetDirectory): void {
    this.#open.delete(target)
  }

  /** Write what is known, children before the parents that they are linked to. */
  async flush(): Promise<void> {
    for (const target of [...this.#open].reverse()) await target.batch.flush()
  }
}

type Origin =
  | { readonly capability: DirectoryWriteCapability; readonly label: string }
  | { readonly parent: TargetDirectory; readonly name: string; readonly metadata: EntryMetadata }

export class TargetDirectory {
  readonly label: string
  readonly batch: LinkBatch
  readonly #targets: CopyTargets
  readonly #origin: Origin
  readonly #release: () => void
  /** Undefined until it is made. */
  #capability: DirectoryWriteCapability | undefined
  #onMade: (made: DirectoryWriteCapability) => void = () => undefined

  constructor(targets: CopyTargets, origin: Origin) {
    this.#targets = targets
    this.#origin = origin
    this.label = 'parent' in origin ? origin.parent.labelOf(origin.name) : origin.label
    this.#capability = 'capability' in origin ? origin.capability : undefined
    this.#release = 'parent' in origin ? origin.parent.batch.hold() : () => undefined
    this.batch = new LinkBatch({ write: (children, isLast) => this.#write(children, isLast) })
    targets.opened(this)
  }

  /** A new directory in this one. */
  make(name: string, metadata: EntryMetadata): TargetDirectory {
    return new TargetDirectory(this.#targets, { parent: this, name, metadata })
  }

  /** A directory in this one that is there. */
  enter(name: string, capability: DirectoryWriteCapability): TargetDirectory {
    return new TargetDirectory(this.#targets, { capability, label: this.labelOf(name) })
  }

  /** Called when it is made, if it was not there. */
  onMade(listener: (made: DirectoryWriteCapability) => void): void {
    this.#onMade = listener
  }

  labelOf(name: string): string {
    return this.label === '' || /[:/]$/.test(this.label) ? `${this.label}${name}` : `${this.label}/${name}`
  }

  /** What is in it before the copy; nothing in a new one. */
  async entries(): Promise<Map<string, NamedChild>> {
    const entries = new Map<string, NamedChild>()
    if ('parent' in this.#origin) return entries
    const { files, signal, onWarning } = this.#targets.parts
    for await (const child of files.list(this.#origin.capability, { signal, onWarning })) {
      entries.set(child.name, child)
    }
    return entries
  }

  /** Link a child; it is counted as soon as it is written. */
  async link(child: NamedChild, onLinked: () => void): Promise<void> {
    const label = this.labelOf(child.name)
    await this.batch.add({
      child,
      onWritten: (failure) => {
        if (failure === undefined) onLinked()
        else this.#targets.failed(label, failure)
      },
    })
  }

  /** All that was linked is written or told of as failed. Never throws. */
  async finish(): Promise<void> {
    try {
      await this.batch.finish()
    } catch (error) {
      this.#targets.failed(this.label, error)
    } finally {
      this.#targets.closed(this)
      this.#release()
    }
  }

  /** A directory that is not there yet is made with them. */
  async #write(children: readonly NamedChild[], isLast: boolean): Promise<void> {
    const { files, report, acceptRollback, onWarning } = this.#targets.parts
    const signal = this.#targets.editSignal
    if (this.#capability === undefined && 'parent' in this.#origin) {
      const { parent, name, metadata } = this.#origin
      const capability = await files.makeDirectory({ children, signal })
      this.#capability = capability
      this.#onMade(capability)
      await parent.link({ name, capability, metadata }, () => report.madeDirectory())
      // While more is to come it has to be found again, should the copy end here; a small one waits for its like.
      if (!isLast) void parent.batch.flush()
    } else if (this.#capability !== undefined && children.length > 0) {
      const changes = children.map((child) => ({ kind: 'set', ...child, ifExists: 'replace' }) as const)
      const { warnings } = await files.edit(this.#capability, changes, { signal, acceptRollback })
      warnings.forEach(onWarning)
    }
  }
}
