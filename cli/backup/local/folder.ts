/**
 * Folders of this machine, held open while work is done in them.
 *
 * On Linux a folder is a handle, and what is in it is named through it: `/proc/self/fd/N/name` is the name in that very
 * folder, whatever has become of the path that led there. So paths may be longer than the 4,096 bytes that a call
 * takes, and nobody who swaps a folder for a symlink meanwhile leads a backup or a restore elsewhere. On other systems
 * a folder is its path; that it is a folder and no symlink is looked at when it is entered.
 *
 * A folder has a name, and a parent unless it was named by whoever backs up. Its handle comes and goes: some hundred
 * are open at a time however deep a tree is, and one that was closed is opened again through its parent and compared.
 */
import { closeSync, existsSync, fstatSync, lstatSync, constants as openFlags, openSync } from 'node:fs'
import { assert } from '#crypto'
import { joinPath } from './paths.ts'

/** Handles kept open without need; each process may have 1,024 of them on a system that is sparing. */
const IDLE_HANDLES_MAX = 128

/** Opens what needs no more than to be there, of whatever kind; the same number on all that Node runs on. */
export const O_PATH = 0o10000000
const FOLDER_FLAGS = O_PATH | openFlags.O_DIRECTORY

const EMPTY = Buffer.alloc(0)
const SEPARATOR = Buffer.from('/')

/** Which thing of a machine something is; two names of one thing have the same. */
export interface Identity {
  readonly dev: bigint
  readonly ino: bigint
}

/** The folders of one backup or restore. */
export class FolderPool implements Disposable {
  readonly #canHandle = process.platform === 'linux' && existsSync('/proc/self/fd')
  /** Those that nobody holds, the one used longest ago first. */
  readonly #idle = new Set<LocalFolder>()
  readonly #open = new Set<LocalFolder>()

  /** A folder by its path. Symlinks on the way and at its end are followed. @throws the system's error */
  openPath(path: Uint8Array): LocalFolder {
    const folder = new LocalFolder(this, { name: Buffer.from(path) })
    folder.at(EMPTY)
    return folder
  }

  /** For LocalFolder alone. Undefined where there are no handles. */
  open(folder: LocalFolder, path: Uint8Array, { follow }: { readonly follow: boolean }): number | undefined {
    if (!this.#canHandle) return undefined
    const flags = follow ? FOLDER_FLAGS : FOLDER_FLAGS | openFlags.O_NOFOLLOW
    const handle = openSync(Buffer.from(path), flags)
    this.#open.add(folder)
    return handle
  }

  /** For LocalFolder alone: it may be closed when others need the room. */
  idle(folder: LocalFolder): void {
    this.#idle.delete(folder)
    this.#idle.add(folder)
    if (this.#idle.size <= IDLE_HANDLES_MAX) return
    const [oldest] = this.#idle
    if (oldest !== undefined) this.close(oldest)
  }

  /** For LocalFolder alone. */
  held(folder: LocalFolder): void {
    this.#idle.delete(folder)
  }

  close(folder: LocalFolder): void {
    this.#idle.delete(folder)
    this.#open.delete(folder)
    folder.closeHandle()
  }

  [Symbol.dispose](): void {
    for (const folder of [...this.#open]) this.close(folder)
  }
}

type Origin =
  | { readonly name: Buffer }
  | { readonly parent: LocalFolder; readonly name: Buffer; readonly follow: boolean }

export class LocalFolder {
  readonly #pool: FolderPool
  readonly #origin: Origin
  #handle: number | undefined
  #prefix: Buffer | undefined
  #identity: Identity | undefined
  #holds = 0

  /** @param origin without a parent: a path */
  constructor(pool: FolderPool, origin: Origin) {
    this.#pool = pool
    this.#origin = origin
  }

  /**
   * A folder in this one. A symlink is followed only if that is asked for.
   *
   * @throws the system's error, ENOTDIR for what is no folder
   */
  enter(name: Uint8Array, { follow = false } = {}): LocalFolder {
    const folder = new LocalFolder(this.#pool, { parent: this, name: Buffer.from(name), follow })
    folder.at(EMPTY)
    return folder
  }

  /** The path as people know it. */
  get path(): Buffer {
    const names: Buffer[] = []
    let origin = this.#origin
    for (; 'parent' in origin; origin = origin.parent.#origin) names.push(origin.name)
    const above = origin.name
    if (names.length === 0) return above
    const isRoot = above.length === 1 && above[0] === 0x2f
    return joinAll(isRoot ? EMPTY : above, names.reverse())
  }

  pathOf(name: Uint8Array): Buffer {
    return joinPath(this.path, name)
  }

  get identity(): Identity {
    this.at(EMPTY)
    assert(this.#identity !== undefined, 'a folder that was opened has an identity')
    return this.#identity
  }

  /**
   * What a call takes to reach a name in this folder, or the folder itself if the name is empty: good until the next
   * turn of the event loop, or as long as the folder is held.
   *
   * @throws the system's error; ESTALE if another folder has its place by now
   */
  at(name: Uint8Array): Buffer {
    const prefix = this.#prefix ?? this.#reopen()
    if (this.#holds === 0) this.#pool.idle(this)
    if (name.length > 0) return Buffer.concat([prefix, name])
    return prefix.length === 1 ? prefix : prefix.subarray(0, -1)
  }

  /** Keeps what `at` gave good until it is released, once for each hold. */
  hold(): void {
    this.at(EMPTY)
    this.#holds += 1
    this.#pool.held(this)
  }

  release(): void {
    assert(this.#holds > 0, 'a folder is released once for each hold')
    this.#holds -= 1
    if (this.#holds === 0) this.#pool.idle(this)
  }

  /** For FolderPool alone. */
  closeHandle(): void {
    this.#prefix = undefined
    if (this.#handle === undefined) return
    closeSync(this.#handle)
    this.#handle = undefined
  }

  /** Those above that were closed first: not by recursion, which would need a stack as deep as the tree. */
  #reopen(): Buffer {
    const closed: LocalFolder[] = []
    let folder: LocalFolder = this
    while (folder.#prefix === undefined) {
      closed.push(folder)
      if (!('parent' in folder.#origin)) break
      folder = folder.#origin.parent
    }
    for (const next of closed.reverse()) next.#open()
    assert(this.#prefix !== undefined, 'a folder that was opened has a path')
    return this.#prefix
  }

  /** Its parent is open. */
  #open(): void {
    const origin = this.#origin
    const follow = !('parent' in origin) || origin.follow
    const path = 'parent' in origin ? origin.parent.at(origin.name) : origin.name
    const handle = this.#pool.open(this, path, { follow })
    this.#handle = handle
    const found =
      handle === undefined ? lstatSync(path, { bigint: true }) : fstatSync(handle, { bigint: true })
    this.#check(found, { isFolder: follow || found.isDirectory() })
    this.#prefix = handle === undefined ? joinPath(path, EMPTY) : Buffer.from(`/proc/self/fd/${handle}/`)
    this.#pool.idle(this)
  }

  #check({ dev, ino }: Identity, { isFolder }: { readonly isFolder: boolean }): void {
    const expected = this.#identity
    const isSame = expected === undefined || (expected.dev === dev && expected.ino === ino)
    if (isFolder && isSame) {
      this.#identity = { dev, ino }
      return
    }
    this.#pool.close(this)
    const [code, why] = isFolder ? ['ESTALE', 'another folder has its place'] : ['ENOTDIR', 'it is no folder']
    throw Object.assign(new Error(`${why} (${code})`), { code })
  }
}

function joinAll(above: Buffer, names: readonly Buffer[]): Buffer {
  return Buffer.concat([above, ...names.flatMap((name) => [SEPARATOR, name])])
}
