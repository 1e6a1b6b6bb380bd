/**
 * A folder that a restore writes into.
 *
 * It is made when it is first needed, open to its owner alone, and gets its own mode, owner and time when all that
 * belongs into it is done: so a folder that is read-only in the snapshot can be filled by who is not root, and its time
 * stays what it was. A symlink where a folder should be is never gone through.
 */
import { lstatSync, mkdirSync, readdirSync, unlinkSync } from 'node:fs'
import { assert, InvalidInputError, type TreeEntry } from '#crypto'
import { errnoOf } from '../../errno.ts'
import type { LocalFolder } from './folder.ts'
import { fromByteText, joinPath } from './paths.ts'
import { putMode } from './put-metadata.ts'

/** Names of what a restore has begun to write; one that it left behind when it died is taken away by the next. */
export const DRAFT_PREFIX = '.cairn-restore-'
const OWNER_BITS = 0o700
const MODE_BITS = 0o7777

/** The folder that a restore goes to, undefined if it is not there; or one of the snapshot, in its parent. */
export type TargetOrigin =
  | { readonly local: LocalFolder | undefined }
  | {
      readonly parent: TargetFolder
      readonly entry: TreeEntry
      /** It is itself to come back; else it only leads to what is. */
      readonly isWanted: boolean
    }

export interface TargetFolderParts {
  readonly dryRun: boolean
  readonly userId: number | undefined
  /** Drafts that are older were left behind. Milliseconds since 1970. */
  readonly startedAtMilliseconds: number
  /** All that belongs into the folder is done, well or not. Called once for each, children before their parents. */
  readonly onDone: (folder: TargetFolder) => void
}

export class TargetFolder {
  readonly parent: TargetFolder | undefined
  readonly entry: TreeEntry | undefined
  readonly isWanted: boolean
  readonly #parts: TargetFolderParts
  #local: LocalFolder | undefined
  #failure: { readonly error: unknown } | undefined
  #isMade = false
  /** Taken from it so that it can be written into; undefined: it was writable. */
  #modeBefore: number | undefined
  /** Parts of the work that are not done; its own walk is one. */
  #open = 1

  constructor(origin: TargetOrigin, parts: TargetFolderParts) {
    this.#parts = parts
    if ('parent' in origin) {
      this.parent = origin.parent
      this.entry = origin.entry
      this.isWanted = origin.isWanted
      origin.parent.begin()
    } else {
      this.parent = undefined
      this.entry = undefined
      this.isWanted = false
      this.#local = origin.local
    }
  }

  /** The folder, once it was asked for and is there. */
  get local(): LocalFolder | undefined {
    return this.#local
  }

  /** It was not there before. */
  get isMade(): boolean {
    return this.#isMade
  }

  get modeBefore(): number | undefined {
    return this.#modeBefore
  }

  /** Its path, whether it is there or not. */
  get path(): Buffer {
    const unknown = this.#unknown()
    const above = (unknown[0]?.parent ?? this).local?.path ?? EMPTY
    return unknown.reduce((path, { entry }) => joinPath(path, entry?.name ?? EMPTY), above)
  }

  pathOf(name: Uint8Array): Buffer {
    return joinPath(this.path, name)
  }

  /** The folder if it is there. @throws InvalidInputError if something else has its place; the system's error */
  existing(): LocalFolder | undefined {
    for (const folder of this.#unknown()) {
      if (folder.#look() === undefined) return undefined
    }
    return this.#local
  }

  /** The folder, made if it was not there, and those above. @throws as `existing` */
  made(): LocalFolder {
    for (const folder of this.#unknown()) {
      if (folder.#look() === undefined) folder.#make()
    }
    assert(this.#local !== undefined, 'the folder that a restore goes to is there')
    return this.#local
  }

  /** A part of the work begins. */
  begin(): void {
    this.#open += 1
  }

  /** A part has ended, well or not. */
  end(): void {
    let folder: TargetFolder | undefined = this
    while (folder !== undefined) {
      assert(folder.#open > 0, 'what ends has begun')
      folder.#open -= 1
      if (folder.#open > 0) return
      folder.#parts.onDone(folder)
      folder = folder.parent
    }
  }

  /** This and those above that are not known to be there, the highest first. Not by recursion: a tree may be deep. */
  #unknown(): readonly TargetFolder[] {
    const folders: TargetFolder[] = []
    for (let folder: TargetFolder = this; folder.#local === undefined; folder = folder.parent) {
      if (folder.parent === undefined) break
      folders.push(folder)
    }
    return folders.reverse()
  }

  /** Whether it is there, in a parent of which that is known. */
  #look(): LocalFolder | undefined {
    if (this.#failure !== undefined) throw this.#failure.error
    const above = this.parent?.local
    if (above === undefined || this.entry === undefined) return undefined
    const stats = lstatSync(above.at(this.entry.name), { throwIfNoEntry: false })
    if (stats === undefined) return undefined
    if (!stats.isDirectory()) throw this.#failed(inTheWay())
    this.#local = above.enter(this.entry.name)
    if (!this.#parts.dryRun) this.#prepare(above, stats)
    return this.#local
  }

  #make(): void {
    const above = this.parent?.local
    assert(above !== undefined && this.entry !== undefined, 'a folder is made in one that is there')
    try {
      mkdirSync(above.at(this.entry.name), OWNER_BITS)
      this.#isMade = true
      this.#local = above.enter(this.entry.name)
    } catch (error) {
      throw this.#failed(error)
    }
  }

  #failed(error: unknown): unknown {
    this.#failure = { error }
    return error
  }

  /** What somebody else made, or an earlier restore. */
  #prepare(parent: LocalFolder, { uid, mode }: { readonly uid: number; readonly mode: number }): void {
    assert(this.entry !== undefined, 'only a folder of the snapshot is prepared')
    const { userId } = this.#parts
    if (userId !== 0 && uid === userId && (mode & OWNER_BITS) !== OWNER_BITS) {
      putMode(parent.at(this.entry.name), (mode & MODE_BITS) | OWNER_BITS)
      this.#modeBefore = mode & MODE_BITS
    }
    if (this.#local !== undefined) removeOldDrafts(this.#local, this.#parts.startedAtMilliseconds)
  }
}

const EMPTY = Buffer.alloc(0)

function inTheWay(): InvalidInputError {
  return new InvalidInputError(
    'a folder is wanted here, found something else: move it away, or restore elsewhere',
  )
}

/** A restore that was killed leaves them; nobody else has names like these. */
export function removeOldDrafts(folder: LocalFolder, startedAtMilliseconds: number): void {
  let names: readonly string[]
  try {
    names = readdirSync(folder.at(EMPTY), { encoding: 'latin1' })
  } catch {
    // A folder that we may write into and not list.
    return
  }
  for (const text of names) {
    if (!text.startsWith(DRAFT_PREFIX)) continue
    const path = folder.at(fromByteText(text))
    const stats = lstatSync(path, { throwIfNoEntry: false })
    if (stats === undefined || stats.isDirectory() || stats.ctimeMs >= startedAtMilliseconds) continue
    try {
      unlinkSync(path)
    } catch (error) {
      // Gone already, or of somebody else: then it stays.
      if (errnoOf(error) === undefined) throw error
    }
  }
}
