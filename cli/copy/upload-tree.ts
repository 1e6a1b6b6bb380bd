/**
 * Files and folders of this machine onto the grid.
 *
 * The folders are walked as they are read, one after another; files are sent several at a time meanwhile; each
 * directory's names are written in batches. What is interrupted keeps the names written so far, and the next copy
 * finds them.
 */
import { checkedName, InvalidInputError } from '#crypto'
import { type NamedChild, type UploadSource, whileOpen } from '#node'
import { PATH_DEPTH_MAX } from '../grid-path.ts'
import { JobPool } from './job-pool.ts'
import { below, folderIdentity, LocalFile, localEntry, namesIn } from './local-tree.ts'
import { type LocalEntry, metadataOf, planUpload, type UploadAction } from './plan.ts'
import type { CopyParts, CopyTargets, TargetDirectory } from './target-directory.ts'

/**
 * Files up to so many bytes are sent eight in place of one: what servers do for one message and one synced commit they
 * then do for more of them, and eight together take less memory than a large one.
 */
const SMALL_FILE_MAX_BYTES = 64 * 1024
const SMALL_FILES_FOR_ONE = 8
/** Directories whose last names are being written, while others are walked already. */
const FINISHING_MAX = 16

export interface UploadOptions {
  readonly jobs: number
  readonly force: boolean
  readonly follow: boolean
}

interface Folder {
  readonly path: string
  readonly target: TargetDirectory
  /** Identities of the folders above: a link may lead back up. */
  readonly above: readonly string[]
}

export class UploadTree {
  readonly #targets: CopyTargets
  readonly #parts: CopyParts
  readonly #options: UploadOptions
  readonly #sending: JobPool
  readonly #finishing = new JobPool(FINISHING_MAX)

  constructor(targets: CopyTargets, options: UploadOptions) {
    this.#targets = targets
    this.#parts = targets.parts
    this.#options = options
    this.#sending = new JobPool(options.jobs * SMALL_FILES_FOR_ONE)
  }

  /** Send what has a path into a directory under a name. Returns when it is walked, not when it is sent. */
  async add(
    path: string,
    name: string,
    to: { readonly target: TargetDirectory; readonly existing: NamedChild | undefined },
  ): Promise<void> {
    await this.#entry({ path, target: to.target, above: [] }, { path, name, existing: to.existing })
  }

  /** Send what is in a folder into a directory that is there. */
  async addContents(path: string, target: TargetDirectory): Promise<void> {
    await this.#walk({ path, target, above: [] })
  }

  /** All is sent, and every directory below the one that was added to is written. */
  async drain(): Promise<void> {
    await this.#sending.drain()
    await this.#finishing.drain()
    this.#targets.check()
  }

  /** After an interruption: let everything end. */
  async settle(): Promise<void> {
    await this.#sending.settle()
    await this.#finishing.settle()
  }

  async #walk(folder: Folder): Promise<void> {
    const { path, target, above } = folder
    const identity = await folderIdentity(path)
    if (above.includes(identity) || above.length >= PATH_DEPTH_MAX) {
      throw new InvalidInputError(`${path} is a folder that it lies in itself, or too deep`)
    }
    const existing = await target.entries()
    const inside = { path, target, above: [...above, identity] }
    const seen = new Set<string>()
    const later: {
      readonly path: string
      readonly name: string
      readonly existing: NamedChild | undefined
    }[] = []
    for await (const localName of namesIn(path)) {
      this.#targets.check()
      const entryPath = below(path, localName)
      const name = this.#nameOf(localName, { target, seen })
      if (name === undefined) continue
      const entry = { path: entryPath, name, existing: existing.get(name) }
      if (!(await this.#entry(inside, entry, { foldersLater: true }))) later.push(entry)
    }
    existing.clear()
    for (const entry of later) await this.#entry(inside, entry)
  }

  /** @returns false for a folder that is left for later, so that only one folder is open at a time */
  async #entry(
    folder: Folder,
    entry: { readonly path: string; readonly name: string; readonly existing: NamedChild | undefined },
    { foldersLater = false } = {},
  ): Promise<boolean> {
    const { path, name, existing } = entry
    const { report } = this.#parts
    const label = folder.target.labelOf(name)
    try {
      const local = await localEntry(path, this.#options)
      if (local === undefined) throw new InvalidInputError(`${path} has gone`)
      if (local.kind === 'folder' && foldersLater) return false
      const action = planUpload(local, existing, this.#options)
      await this.#act(action, { ...entry, label, local, folder })
    } catch (error) {
      this.#targets.check()
      report.failed(label, error)
    }
    return true
  }

  async #act(
    action: UploadAction,
    entry: {
      readonly path: string
      readonly name: string
      readonly label: string
      readonly local: LocalEntry
      readonly existing: NamedChild | undefined
      readonly folder: Folder
    },
  ): Promise<void> {
    const { path, name, label, local, existing, folder } = entry
    const { target, above } = folder
    const { report } = this.#parts
    switch (action.kind) {
      case 'skip':
        return report.skipped(label, action.why)
      case 'refuse':
        return report.refused(label, action.why)
      case 'unchanged':
        return report.unchanged(label)
      case 'send':
      case 'write': {
        const release = target.batch.hold()
        const send = () => this.#send(action, { path, name, label, target }).finally(release)
        const weight = local.sizeBytes <= SMALL_FILE_MAX_BYTES ? 1 : SMALL_FILES_FOR_ONE
        return this.#sending.start(send, weight).catch((error: unknown) => {
          release()
          throw error
        })
      }
      case 'make':
      case 'enter': {
        const child =
          action.kind === 'enter' && existing?.capability.kind === 'dir'
            ? target.enter(name, existing.capability)
            : target.make(name, { user: { mode: local.mode } })
        try {
          await this.#walk({ path, target: child, above })
        } finally {
          // After an interruption only what is known is written; see settle.
          if (!this.#parts.signal.aborted) await this.#finishing.start(() => child.finish())
        }
      }
    }
  }

  async #send(
    action: UploadAction,
    to: {
      readonly path: string
      readonly name: string
      readonly label: string
      readonly target: TargetDirectory
    },
  ): Promise<void> {
    const { path, name, label, target } = to
    const { report } = this.#parts
    let sent = 0
    const onBytes = (done: number): void => {
      report.moved(done - sent, label)
      sent = done
    }
    try {
      await whileOpen(await LocalFile.open(path, this.#options), async (file) => {
        const capability = await this.#put(action, counted(file.source, onBytes))
        const isUnchanged = await file.isUnchanged()
        const metadata = metadataOf(file.entry, sent)
        await target.link({ name, capability, metadata }, () => report.copied(label))
        if (!isUnchanged) report.changed(label)
      })
    } catch (error) {
      report.moved(-sent, label)
      report.failed(label, error)
    }
  }

  async #put(action: UploadAction, source: UploadSource): Promise<NamedChild['capability']> {
    const { files, signal, acceptRollback } = this.#parts
    if (action.kind === 'write') return files.putSlot(action.slot, source, { signal, acceptRollback })
    return (await files.put(source, { signal })).capability
  }

  /** As the grid has it: NFC. Undefined if it cannot be. */
  #nameOf(
    localName: string,
    { target, seen }: { readonly target: TargetDirectory; readonly seen: Set<string> },
  ): string | undefined {
    const { report } = this.#parts
    try {
      const name = checkedName(localName)
      if (!seen.has(name)) {
        seen.add(name)
        return name
      }
      report.refused(target.labelOf(localName), 'another name here is the same in normal form')
      return undefined
    } catch (error) {
      report.failed(target.labelOf(localName), error)
      return undefined
    }
  }
}

/** Tells how far it was read; from the start again if it is read again. */
function counted(source: UploadSource, onBytes: (done: number) => void): UploadSource {
  async function* read(): AsyncGenerator<Uint8Array, void, undefined> {
    let done = 0
    onBytes(0)
    for await (const bytes of source.open()) {
      done += bytes.length
      yield bytes
      onBytes(done)
    }
  }
  return { ...source, open: read }
}
