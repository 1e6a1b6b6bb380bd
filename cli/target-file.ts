/** The file that a get writes: a draft beside it, and the name only when all of it is there. */
import { type FileHandle, link, lstat, open, rename, rm } from 'node:fs/promises'
import { assert, InvalidInputError } from '#crypto'
import { ConflictError } from '#node'
import { errnoOf, explain } from './errno.ts'
import { draftOf } from './private-file.ts'

/** What is left out stays as the system makes it. */
interface FileAttributes {
  readonly mode?: number | undefined
  readonly modifiedAtMilliseconds?: number | undefined
}

export class TargetFile implements AsyncDisposable {
  readonly path: string
  readonly #replace: boolean
  readonly #draft: string
  readonly #file: FileHandle
  #isClosed = false

  private constructor(
    path: string,
    parts: { readonly replace: boolean; readonly draft: string; readonly file: FileHandle },
  ) {
    this.path = path
    this.#replace = parts.replace
    this.#draft = parts.draft
    this.#file = parts.file
  }

  /** @throws ConflictError if something has the name and is not to be replaced; InvalidInputError for a folder */
  static async open(path: string, options: { readonly replace: boolean }): Promise<TargetFile> {
    const found = await lstat(path).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return undefined
      return explain('writing', path)(error)
    })
    if (found?.isDirectory() === true) throw new InvalidInputError(`writing ${path}: it is a folder`)
    if (found !== undefined && !found.isFile() && !found.isSymbolicLink()) {
      throw new InvalidInputError(`writing ${path}: it is a device or the like`, {
        hint: 'Use - and redirect.',
      })
    }
    if (found !== undefined && !options.replace) throw taken(path)
    const draft = draftOf(path)
    // Others may read what one gets, as with any program, if the umask lets them.
    const file = await open(draft, 'wx', 0o666).catch(explain('writing', path))
    return new TargetFile(path, { ...options, draft, file })
  }

  /** @throws NoSpaceError */
  async append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await this.#file.write(bytes, done).catch(explain('writing', this.path))).bytesWritten
    }
  }

  /** The file is durable and has its name. @throws ConflictError if something took the name meanwhile */
  async finish(attributes: FileAttributes = {}): Promise<void> {
    assert(!this.#isClosed, 'a target is finished once')
    const { mode, modifiedAtMilliseconds } = attributes
    if (mode !== undefined) await this.#file.chmod(mode).catch(explain('writing', this.path))
    if (modifiedAtMilliseconds !== undefined) {
      const modifiedAt = new Date(modifiedAtMilliseconds)
      await this.#file.utimes(modifiedAt, modifiedAt).catch(explain('writing', this.path))
    }
    await this.#file.sync().catch(explain('writing', this.path))
    await this.#close()
    if (this.#replace) await rename(this.#draft, this.path).catch(explain('writing', this.path))
    else await this.#claimName()
  }

  /** Nothing is left of a target that was not finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
    await rm(this.#draft, { force: true })
  }

  /** A link fails where a rename would replace; file systems without links get a rename. */
  async #claimName(): Promise<void> {
    try {
      await link(this.#draft, this.path)
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') throw taken(this.path)
      await rename(this.#draft, this.path).catch(explain('writing', this.path))
    }
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#file.close()
  }
}

function taken(path: string): ConflictError {
  return new ConflictError(`${path} exists already`, { hint: '--force replaces it.' })
}
