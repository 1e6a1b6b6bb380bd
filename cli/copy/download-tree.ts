/**
 * Files and directories of the grid onto this machine: each file a draft that gets its name when all of it is there,
 * several at a time. Nothing is written outside of the folder that the copy goes to, whatever the names.
 */
import { chmod, mkdir } from 'node:fs/promises'
import type { DirectoryCapability, Download, NamedChild } from '#node'
import { errnoOf, explain } from '../errno.ts'
import { TargetFile } from '../target-file.ts'
import { DirectoryStack, requireDirectory, requireFile } from './directory-stack.ts'
import { JobPool } from './job-pool.ts'
import { below, localEntry } from './local-tree.ts'
import { modeOf, planDownload } from './plan.ts'
import type { CopyParts } from './target-directory.ts'

export interface DownloadTreeOptions {
  readonly jobs: number
  readonly force: boolean
  /** Bits that a new file or folder never gets. */
  readonly umask: number
  readonly platform: string
}

interface Folder {
  readonly path: string
  readonly label: string
  readonly above: DirectoryStack
}

export class DownloadTree {
  readonly #parts: CopyParts
  readonly #options: DownloadTreeOptions
  readonly #fetching: JobPool

  constructor(parts: CopyParts, options: DownloadTreeOptions) {
    this.#parts = parts
    this.#options = options
    this.#fetching = new JobPool(options.jobs)
  }

  /** Copy a child into a folder that is there. */
  async add(child: NamedChild, folder: { readonly path: string; readonly label: string }): Promise<void> {
    await this.#child(child, { ...folder, above: new DirectoryStack() })
  }

  /** Copy what is in a directory into a folder that is there. */
  async addContents(
    directory: DirectoryCapability,
    folder: { readonly path: string; readonly label: string },
  ): Promise<void> {
    await this.#walk(directory, { ...folder, above: new DirectoryStack() })
  }

  /** All is there. */
  async drain(): Promise<void> {
    await this.#fetching.drain()
  }

  /** After an interruption: every draft is gone. */
  async settle(): Promise<void> {
    await this.#fetching.settle()
  }

  /** A directory is read whole before its files are fetched, so that no answer stays open for hours. */
  async #walk(directory: DirectoryCapability, folder: Folder): Promise<void> {
    const { files, signal, onWarning } = this.#parts
    const above = folder.above.enter(directory, folder.label)
    const children: NamedChild[] = []
    for await (const child of files.list(directory, { signal, onWarning })) children.push(child)
    for (const child of children) await this.#child(child, { ...folder, above })
  }

  async #child(child: NamedChild, folder: Folder): Promise<void> {
    const { report, signal } = this.#parts
    signal.throwIfAborted()
    const label = `${folder.label}/${child.name}`
    try {
      const path = below(folder.path, child.name)
      // The plan looks at the name first: a bad one never reaches the disk.
      const { platform } = this.#options
      const named = planDownload(child, undefined, this.#options)
      if (named.kind === 'refuse') return report.refused(label, named.why)
      const local = await localEntry(path, { follow: false })
      const action = planDownload(child, local, { ...this.#options, platform })
      switch (action.kind) {
        case 'refuse':
          return report.refused(label, action.why)
        case 'unchanged':
          return report.unchanged(label)
        case 'fetch':
          return await this.#fetching.start(() => this.#fetch(child, path, label))
        case 'make':
        case 'enter':
          await this.#directory(child, action.kind, { path, label, above: folder.above })
      }
    } catch (error) {
      signal.throwIfAborted()
      report.failed(label, error)
    }
  }

  async #directory(child: NamedChild, action: 'make' | 'enter', folder: Folder): Promise<void> {
    const isMade = action === 'make' && (await makeFolder(folder.path))
    if (isMade) this.#parts.report.madeDirectory()
    await this.#walk(requireDirectory(child.capability), folder)
    const mode = modeOf(child.metadata)
    if (!isMade || mode === undefined) return
    // Files are still to come into it, so its owner goes on writing.
    await chmod(folder.path, (mode & ~this.#options.umask) | 0o700).catch(explain('writing', folder.path))
  }

  async #fetch(child: NamedChild, path: string, label: string): Promise<void> {
    const { files, report, signal } = this.#parts
    let got = 0
    try {
      const target = await TargetFile.open(path, { replace: true })
      try {
        const download = await files.get(requireFile(child.capability), { signal })
        for await (const bytes of contentOf(download)) {
          signal.throwIfAborted()
          await target.append(bytes)
          got += bytes.length
          report.moved(bytes.length, label)
        }
        const mode = modeOf(child.metadata)
        await target.finish({
          modifiedAtMilliseconds: child.metadata.modifiedAtMilliseconds,
          mode: mode === undefined ? undefined : mode & ~this.#options.umask,
        })
      } finally {
        await target[Symbol.asyncDispose]()
      }
      report.copied(label)
    } catch (error) {
      report.moved(-got, label)
      report.failed(label, error)
    }
  }
}

async function* contentOf(download: Download): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* download.content
  } finally {
    await download.close()
  }
}

/** @returns false if it was there */
async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path)
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    return explain('making', path)(error)
  }
}
