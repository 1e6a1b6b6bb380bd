/**
 * What of this machine a backup takes: the folders that lead to the paths that were named, and all below these but what
 * rules, marks and borders leave out. A folder at a time, by name, as bytes; whoever walks decides how.
 *
 * What is named is taken, whatever the rules say of it; they are about what lies below. The folders above are entered
 * as the system would, through symlinks; below, no symlink is followed.
 */
import type { BigIntStats } from 'node:fs'
import {
  closeSync,
  lstatSync,
  constants as openFlags,
  openSync,
  readdirSync,
  readSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { type EntryKind, InvalidInputError } from '#crypto'
import { errnoOf } from '../../errno.ts'
import { printablePath } from '../byte-path.ts'
import type { FolderPool, Identity, LocalFolder } from './folder.ts'
import { kindOf } from './metadata.ts'
import { fromByteText, matchText, namesOf, toByteText } from './paths.ts'
import type { PathRules } from './rules.ts'
import type { OnProblem } from './tree-progress.ts'

export interface WalkOptions {
  /** Absolute; at least one. */
  readonly paths: readonly Uint8Array[]
  readonly exclude: PathRules
  /** Paths of what is never taken, by whatever name it is met: what a backup itself writes while it runs. */
  readonly leaveOut: readonly Uint8Array[]
  /** Of a folder marked as a cache (CACHEDIR.TAG), take the mark alone. */
  readonly excludeCaches: boolean
  /** Folders on another file system than the path that was named are taken empty. */
  readonly oneFileSystem: boolean
}

/** A folder that the walk is in. */
export interface Place {
  readonly folder: LocalFolder
  /** Its path for rules, empty for the root of the machine. */
  readonly text: string
  /** The file system of the path that was named; undefined above it. */
  readonly device: bigint | undefined
  /** Which names are taken; undefined: all that the rules do not leave out. */
  readonly taken: ReadonlyMap<string, Named> | undefined
}

/** What is taken below a folder that leads to paths that were named; undefined: all. */
interface Named {
  readonly below: Map<string, Named> | undefined
}

/** A name that is taken. */
export interface Found {
  readonly name: Buffer
  readonly kind: EntryKind
  readonly stats: BigIntStats
  /** Of a folder: what is in it is not taken. */
  readonly isEmptied: boolean
}

const CACHE_TAG = 'CACHEDIR.TAG'
/** How such a file begins (bford.info/cachedir). */
const CACHE_SIGNATURE = Buffer.from('Signature: 8a477f597d28d172789f06886806bc55')

/**
 * What the kernel shows as files and nobody has stored, by the numbers of statfs(2): proc, sysfs, devpts, cgroup,
 * cgroup2, debugfs, tracefs, securityfs, bpf, pstore, configfs, fusectl, efivarfs, selinuxfs, binfmt_misc, mqueue.
 */
const KERNEL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x9fa0, 0x62656572, 0x1cd1, 0x27e0eb, 0x63677270, 0x64626720, 0x74726163, 0x73636673, 0xcafe4a11,
  0x6165676c, 0x62656570, 0x65735543, 0xde5e81e4, 0xf97cff8c, 0x42494e4d, 0x19800202,
])

export class LocalWalk {
  readonly #options: WalkOptions
  readonly #pool: FolderPool
  readonly #onProblem: OnProblem
  readonly #leaveOut: ReadonlySet<string>
  readonly #isKernelDevice = new Map<bigint, boolean>()

  constructor(
    options: WalkOptions,
    { pool, onProblem }: { readonly pool: FolderPool; readonly onProblem: OnProblem },
  ) {
    this.#options = options
    this.#pool = pool
    this.#onProblem = onProblem
    this.#leaveOut = new Set(options.leaveOut.map(identityAt).filter((key) => key !== undefined))
  }

  /** The root of the machine. @throws InvalidInputError for paths that are not absolute, or if none is there */
  root(): Place {
    if (!this.#options.paths.some(isThere)) {
      const paths = this.#options.paths.map(printablePath).join(', ')
      throw new InvalidInputError(`something to back up is wanted, found nothing at ${paths}`)
    }
    const { below } = namedOf(this.#options.paths)
    const folder = this.#pool.openPath(Buffer.from('/'))
    return { folder, text: '', device: below === undefined ? folder.identity.dev : undefined, taken: below }
  }

  /**
   * What is taken of a folder, by name. What cannot be looked at is told of.
   *
   * @throws the system's error if it cannot be listed
   */
  entries(place: Place): Iterable<Found> {
    const { folder, taken } = place
    const isTagged = taken === undefined && this.#options.excludeCaches && isCache(folder)
    const names = isTagged
      ? [CACHE_TAG]
      : [...(taken?.keys() ?? readdirSync(folder.at(EMPTY), { encoding: 'latin1' }))]
    // As text of a character a byte, so this is the order of the bytes.
    return this.#each(place, names.sort())
  }

  *#each(place: Place, names: readonly string[]): Generator<Found, void, undefined> {
    for (const text of names) {
      const name = fromByteText(text)
      try {
        const found = this.#look(place, { text, name })
        if (found !== undefined) yield found
      } catch (error) {
        if (errnoOf(error) === undefined && !(error instanceof InvalidInputError)) throw error
        this.#onProblem({ path: place.folder.pathOf(name), error })
      }
    }
  }

  /** A folder that was found. @throws the system's error if it has gone or is something else by now */
  enter(place: Place, { name, stats, isEmptied }: Found): Place {
    const below = place.taken?.get(toByteText(name))?.below
    const folder = place.folder.enter(name, { follow: below !== undefined })
    const device = below === undefined ? (place.device ?? stats.dev) : undefined
    const taken = isEmptied ? new Map<string, Named>() : below
    return { folder, text: `${place.text}/${matchText(name)}`, device, taken }
  }

  /** Undefined for what is left out. */
  #look(place: Place, { text, name }: { readonly text: string; readonly name: Buffer }): Found | undefined {
    const { folder, taken, device } = place
    const isAbove = taken?.get(text)?.below !== undefined
    const path = folder.at(name)
    const stats = isAbove ? statSync(path, { bigint: true }) : lstatSync(path, { bigint: true })
    const kind = kindOf(stats)
    if (kind === undefined)
      throw new InvalidInputError(`a file, folder or the like is wanted: ${printablePath(name)}`)
    const isFolder = kind === 'folder'
    if (taken === undefined && this.#isExcluded(place, { name, isFolder })) return undefined
    if (this.#leaveOut.size > 0 && this.#leaveOut.has(keyOf(stats))) return undefined
    const isElsewhere = this.#options.oneFileSystem && device !== undefined && stats.dev !== device
    const isEmptied = isFolder && !isAbove && (isElsewhere || this.#isOfKernel(place, { path, stats }))
    return { name, kind, stats, isEmptied }
  }

  #isExcluded(
    place: Place,
    { name, isFolder }: { readonly name: Buffer; readonly isFolder: boolean },
  ): boolean {
    const { exclude } = this.#options
    return !exclude.isEmpty && exclude.matches(`${place.text}/${matchText(name)}`, { isFolder })
  }

  /** Asked once for each file system: where one begins. */
  #isOfKernel(
    place: Place,
    { path, stats }: { readonly path: Buffer; readonly stats: BigIntStats },
  ): boolean {
    if (stats.dev === place.folder.identity.dev) return false
    const known = this.#isKernelDevice.get(stats.dev)
    if (known !== undefined) return known
    const isOfKernel = KERNEL_FILE_SYSTEMS.has(statfsSync(path).type)
    this.#isKernelDevice.set(stats.dev, isOfKernel)
    return isOfKernel
  }
}

const EMPTY = Buffer.alloc(0)

/** The names above what was named; what lies below something named is in it anyway. */
function namedOf(paths: readonly Uint8Array[]): Named {
  const root: { below: Map<string, Named> | undefined } = { below: new Map() }
  for (const path of paths) {
    const names = namesOf(path).map(toByteText)
    if (names.length === 0) return { below: undefined }
    let here: Named = root
    for (const [index, name] of names.entries()) {
      if (here.below === undefined) break
      const isLast = index === names.length - 1
      const next: Named = here.below.get(name) ?? { below: new Map() }
      here.below.set(name, isLast ? { below: undefined } : next)
      here = next
    }
  }
  return root
}

function keyOf({ dev, ino }: Identity): string {
  return `${dev}:${ino}`
}

function identityAt(path: Uint8Array): string | undefined {
  const stats = statSync(Buffer.from(path), { bigint: true, throwIfNoEntry: false })
  return stats === undefined ? undefined : keyOf(stats)
}

/** What cannot be looked at may be there; the walk will tell. */
function isThere(path: Uint8Array): boolean {
  try {
    return lstatSync(Buffer.from(path), { throwIfNoEntry: false }) !== undefined
  } catch {
    return true
  }
}

function isCache(folder: LocalFolder): boolean {
  let file: number
  try {
    const flags = openFlags.O_RDONLY | openFlags.O_NOFOLLOW | openFlags.O_NONBLOCK
    file = openSync(folder.at(Buffer.from(CACHE_TAG)), flags)
  } catch {
    return false
  }
  try {
    const begin = Buffer.alloc(CACHE_SIGNATURE.length)
    return readSync(file, begin, 0, begin.length, 0) === begin.length && begin.equals(CACHE_SIGNATURE)
  } catch {
    return false
  } finally {
    closeSync(file)
  }
}
