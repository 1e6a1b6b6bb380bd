/**
 * What a snapshot has of a name besides its bytes, onto what stands under that name here: owner, attributes, mode,
 * time, in the order in which none undoes another. Only what differs is changed, and no symlink is followed.
 */
import {
  type BigIntStats,
  chmodSync,
  closeSync,
  lchmodSync,
  lchownSync,
  lutimesSync,
  constants as openFlags,
  openSync,
} from 'node:fs'
import { compareBytes, type ExtendedAttribute, equalBytes, type TreeEntry } from '#crypto'
import { errnoOf } from '../../errno.ts'
import { O_PATH } from './folder.ts'
import type { LocalSystem } from './local-system.ts'
import { toByteText } from './paths.ts'

const MODE_BITS = 0o7777n
/** Set-uid and set-gid: of use to nobody, and a danger, on a file of another owner than the one they were meant for. */
const OWNER_MODE_BITS = 0o6000
const NANOSECONDS_PER_SECOND = 1_000_000_000n
/**
 * Without native calls a time is set as a number of seconds, a quarter of a microsecond exact, which Node 22 cuts to
 * whole microseconds: more than one may be lost.
 */
const ROUGH_NANOSECONDS = 2000n

export interface PutMetadataOptions {
  readonly system: LocalSystem
  /** Owners by the numbers of the snapshot; else by name, where this machine knows the name. */
  readonly numericOwners: boolean
  /** Called for each attribute that could not be kept. */
  readonly onAttributeProblem: (name: Uint8Array, error: unknown) => void
}

export interface PutMetadataResult {
  /** False: only root may give files away. */
  readonly isOwnerKept: boolean
}

/**
 * @param path for a call
 * @param stats of what stands there
 * @throws the system's error
 */
export function putMetadata(
  path: Buffer,
  { entry, stats }: { readonly entry: TreeEntry; readonly stats: BigIntStats },
  options: PutMetadataOptions,
): PutMetadataResult {
  const { system } = options
  const owner = putOwner(path, { entry, stats }, options)
  const hasNewAttributes = putAttributes(path, entry.attributes ?? [], options)
  const mode = owner === 'refused' ? entry.mode & ~OWNER_MODE_BITS : entry.mode
  // A new owner or attribute may have changed it.
  const isAsItWas = owner !== 'given' && !hasNewAttributes && Number(stats.mode & MODE_BITS) === mode
  if (entry.kind !== 'symlink' && !isAsItWas) putMode(path, mode)
  if (!isSameTime(stats.mtimeNs, entry.modifiedAtNanoseconds, system)) {
    putTime(path, entry.modifiedAtNanoseconds, system)
  }
  return { isOwnerKept: owner !== 'refused' }
}

/** As exact as this machine can set it. */
export function isSameTime(left: bigint, right: bigint, { native }: LocalSystem): boolean {
  if (native !== undefined) return left === right
  const apart = left > right ? left - right : right - left
  return apart <= ROUGH_NANOSECONDS
}

function putOwner(
  path: Buffer,
  { entry, stats }: { readonly entry: TreeEntry; readonly stats: BigIntStats },
  { system, numericOwners }: PutMetadataOptions,
): 'as it was' | 'given' | 'refused' {
  if (system.userId === undefined) return 'as it was'
  const { users, groups } = system.owners
  const known = (name: string | undefined, names: typeof users): number | undefined =>
    numericOwners || name === undefined ? undefined : names.idOf(name)
  const uid = known(entry.user, users) ?? entry.uid
  const gid = known(entry.group, groups) ?? entry.gid
  const [uidNow, gidNow] = [Number(stats.uid), Number(stats.gid)]
  if (uid === uidNow && gid === gidNow) return 'as it was'
  const isRoot = system.userId === 0
  try {
    // Who is not root may still give a file to another group of theirs.
    lchownSync(path, isRoot ? uid : uidNow, gid)
    return isRoot || uid === uidNow ? 'given' : 'refused'
  } catch (error) {
    if (errnoOf(error) !== 'EPERM' || isRoot) throw error
    return 'refused'
  }
}

/** @returns whether any was set or taken away */
function putAttributes(
  path: Buffer,
  wanted: readonly ExtendedAttribute[],
  { system, onAttributeProblem }: PutMetadataOptions,
): boolean {
  const { native } = system
  if (native === undefined) return false
  let isChanged = false
  const attempt = (name: Uint8Array, work: () => void): void => {
    try {
      work()
      isChanged = true
    } catch (error) {
      onAttributeProblem(name, error)
    }
  }
  for (const name of namesAt(path, native)) {
    if (wanted.some((one) => compareBytes(one.name, name) === 0) || isOfSystem(name)) continue
    attempt(name, () => native.removeAttribute(path, name))
  }
  for (const { name, value } of wanted) {
    const now = valueAt(path, { name, native })
    if (now === undefined || !equalBytes(now, value)) {
      attempt(name, () => native.setAttribute(path, name, value))
    }
  }
  return isChanged
}

/** Undefined if there is none, or none that we see: what cannot be set is told of when it is set. */
function valueAt(
  path: Buffer,
  { name, native }: { readonly name: Uint8Array; readonly native: NonNullable<LocalSystem['native']> },
): Uint8Array | undefined {
  try {
    return native.getAttribute(path, name)
  } catch {
    return undefined
  }
}

function namesAt(path: Buffer, native: NonNullable<LocalSystem['native']>): readonly Uint8Array[] {
  try {
    return native.listAttributes(path)
  } catch {
    // A file system without any.
    return []
  }
}

/** Labels that a system gives to every new file. */
function isOfSystem(name: Uint8Array): boolean {
  return /^(security\.|com\.apple\.provenance$)/.test(toByteText(name))
}

/** A name is not followed if it has become a symlink: Linux has no call for that but through a handle. */
export function putMode(path: Buffer, mode: number): void {
  if (process.platform !== 'linux') {
    lchmodSync(path, mode)
    return
  }
  const handle = openSync(path, O_PATH | openFlags.O_NOFOLLOW)
  try {
    chmodSync(`/proc/self/fd/${handle}`, mode)
  } finally {
    closeSync(handle)
  }
}

function putTime(path: Buffer, nanoseconds: bigint, { native }: LocalSystem): void {
  if (native !== undefined) {
    native.setModifiedAt(path, nanoseconds)
    return
  }
  // As text: Node takes a negative number for a mistake, and puts the present in its place.
  const seconds = secondsText(nanoseconds)
  lutimesSync(path, seconds, seconds)
}

function secondsText(nanoseconds: bigint): string {
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds
  const rest = (size % NANOSECONDS_PER_SECOND).toString().padStart(9, '0')
  return `${nanoseconds < 0n ? '-' : ''}${size / NANOSECONDS_PER_SECOND}.${rest}`
}
