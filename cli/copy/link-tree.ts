/** Within the grid: what never changes gets one more name, directories are made anew, mutable files are copied. */
import type { DirectoryCapability, Download, NamedChild, UploadSource } from '#node'
import { DirectoryStack, identityOf, requireDirectory, requireFile } from './directory-stack.ts'
import { JobPool } from './job-pool.ts'
import { planLink } from './plan.ts'
import type { CopyParts, CopyTargets, TargetDirectory } from './target-directory.ts'

interface Place {
  readonly target: TargetDirectory
  readonly above: DirectoryStack
}

export class LinkTree {
  readonly #targets: CopyTargets
  readonly #parts: CopyParts
  readonly #copying: JobPool
  readonly #finishing: JobPool
  /** A copy does not copy itself, when it lies in what is copied. */
  readonly #own: Set<string>

  constructor(targets: CopyTargets, options: { readonly jobs: number; readonly into: DirectoryCapability }) {
    this.#targets = targets
    this.#parts = targets.parts
    this.#copying = new JobPool(options.jobs)
    this.#finishing = new JobPool(options.jobs)
    this.#own = new Set([identityOf(options.into)])
  }

  async add(
    child: NamedChild,
    to: { readonly target: TargetDirectory; readonly existing: NamedChild | undefined },
  ): Promise<void> {
    await this.#child(child, to.existing, { target: to.target, above: new DirectoryStack() })
  }

  async addContents(directory: DirectoryCapability, target: TargetDirectory): Promise<void> {
    await this.#walk(directory, { target, above: new DirectoryStack() })
  }

  /** All is copied, and every directory below the one that was added to is written. */
  async drain(): Promise<void> {
    await this.#copying.drain()
    await this.#finishing.drain()
    this.#targets.check()
  }

  /** After an interruption: let everything end. */
  async settle(): Promise<void> {
    await this.#copying.settle()
    await this.#finishing.settle()
  }

  async #walk(directory: DirectoryCapability, { target, above }: Place): Promise<void> {
    const { files, signal, onWarning } = this.#parts
    const inside = { target, above: above.enter(directory, target.label) }
    const children: NamedChild[] = []
    for await (const child of files.list(directory, { signal, onWarning })) children.push(child)
    const existing = await target.entries()
    for (const child of children) await this.#child(child, existing.get(child.name), inside)
  }

  async #child(child: NamedChild, existing: NamedChild | undefined, place: Place): Promise<void> {
    const { report } = this.#parts
    const { target } = place
    const label = target.labelOf(child.name)
    this.#targets.check()
    try {
      const action = planLink(child, existing)
      switch (action.kind) {
        case 'refuse':
          return report.refused(label, action.why)
        case 'unchanged':
          return report.unchanged(label)
        case 'link':
          return await target.link(child, () => report.copied(label))
        case 'copy': {
          const release = target.batch.hold()
          return await this.#copying
            .start(() => this.#copy(child, target, label).finally(release))
            .catch((error: unknown) => {
              release()
              throw error
            })
        }
        case 'make':
        case 'enter':
          await this.#directory(child, existing, place)
      }
    } catch (error) {
      this.#targets.check()
      report.failed(label, error)
    }
  }

  async #directory(child: NamedChild, existing: NamedChild | undefined, place: Place): Promise<void> {
    const { target, above } = place
    const directory = requireDirectory(child.capability)
    const label = target.labelOf(child.name)
    if (this.#own.has(identityOf(directory))) {
      return this.#parts.report.refused(label, 'a directory is not copied into itself')
    }
    const own =
      existing?.capability.kind === 'dir'
        ? target.enter(child.name, existing.capability)
        : target.make(child.name, child.metadata)
    own.onMade((made) => this.#own.add(identityOf(made)))
    try {
      await this.#walk(directory, { target: own, above })
    } finally {
      if (!this.#parts.signal.aborted) await this.#finishing.start(() => own.finish())
    }
  }

  async #copy(child: NamedChild, target: TargetDirectory, label: string): Promise<void> {
    const { files, report, signal } = this.#parts
    try {
      const download = await files.get(requireFile(child.capability), { signal })
      const { capability, fileSizeBytes } = await files.put(sourceOf(download), { signal })
      report.moved(fileSizeBytes, label)
      await target.link({ ...child, capability }, () => report.copied(label))
    } catch (error) {
      report.failed(label, error)
    }
  }
}

function sourceOf(download: Download): UploadSource {
  async function* read(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* download.content
    } finally {
      await download.close()
    }
  }
  return { sizeBytes: download.fileSizeBytes, rereadable: false, open: read }
}
