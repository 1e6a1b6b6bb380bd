/** What is kept of a name in a folder, from what the system tells of it. */
import type { BigIntStats } from 'node:fs'
import { readlinkSync } from 'node:fs'
import {
  ATTRIBUTE_NAME_MAX_BYTES,
  ATTRIBUTE_VALUE_MAX_BYTES,
  ATTRIBUTES_MAX,
  compareBytes,
  type EntryKind,
  type ExtendedAttribute,
  InvalidInputError,
  type TreeEntry,
} from '#crypto'
import { errnoOf } from '../../errno.ts'
import { printableBytes } from '../byte-path.ts'
import type { LocalSystem } from './local-system.ts'

const MODE_BITS = 0o7777n
/** Of all attributes of one name together, so that they stand in one entry (FORMAT §18.7) with room for the rest. */
const ATTRIBUTES_SIZE_MAX_BYTES = 768 * 1024

/** Errors of a name that has none, or of a file system that knows none. */
const NO_ATTRIBUTES: readonly (string | undefined)[] = ['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'ENODATA']

export type EntryMetadata = Omit<TreeEntry, 'content' | 'isSparse'>

/** Undefined for what is of no kind that is kept. */
export function kindOf(stats: BigIntStats): EntryKind | undefined {
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'folder'
  if (stats.isSymbolicLink()) return 'symlink'
  if (stats.isFIFO()) return 'fifo'
  if (stats.isSocket()) return 'socket'
  if (stats.isBlockDevice()) return 'block-device'
  if (stats.isCharacterDevice()) return 'character-device'
  return undefined
}

export interface NamedStats {
  readonly name: Uint8Array
  readonly kind: EntryKind
  readonly stats: BigIntStats
}

/**
 * Everything of an entry but its bytes.
 *
 * Device and count of links are kept where they tie hard links together, and are 0 and 1 elsewhere: the number of a
 * device changes with the order in which disks are found, and each change would be a new tree.
 *
 * @param path for a call, good for its time
 * @param onProblem an attribute could not be read and is left out
 * @throws the system's error, for a symlink that has gone
 */
export function metadataOf(
  { name, kind, stats }: NamedStats,
  path: Uint8Array,
  { system, onProblem }: { readonly system: LocalSystem; readonly onProblem: (error: unknown) => void },
): EntryMetadata {
  const [uid, gid] = [Number(stats.uid), Number(stats.gid)]
  const isLinked = kind !== 'folder' && stats.nlink > 1n
  const isDevice = kind === 'block-device' || kind === 'character-device'
  const attributes = attributesOf(path, { system, onProblem })
  return {
    name,
    kind,
    mode: Number(stats.mode & MODE_BITS),
    uid,
    gid,
    user: system.owners.users.nameOf(uid),
    group: system.owners.groups.nameOf(gid),
    modifiedAtNanoseconds: stats.mtimeNs,
    changedAtNanoseconds: stats.ctimeNs,
    inode: stats.ino,
    device: isLinked ? stats.dev : 0n,
    linkCount: isLinked ? Number(stats.nlink) : 1,
    ...(kind === 'symlink' ? { target: readlinkSync(Buffer.from(path), 'buffer') } : {}),
    ...(isDevice ? { deviceNumber: stats.rdev } : {}),
    ...(attributes.length === 0 ? {} : { attributes }),
  }
}

/**
 * Whether what an earlier snapshot has under this name is what is here now, by what the system tells without reading.
 * Whoever changes bytes, modes, owners or attributes changes the ctime.
 */
export function isAsBefore(before: TreeEntry, { kind, stats }: NamedStats, { owners }: LocalSystem): boolean {
  return (
    before.kind === kind &&
    before.inode === stats.ino &&
    before.changedAtNanoseconds === stats.ctimeNs &&
    before.modifiedAtNanoseconds === stats.mtimeNs &&
    (kind !== 'file' || before.content?.sizeBytes === Number(stats.size)) &&
    (before.linkCount === 1 || before.device === stats.dev) &&
    // What /etc/passwd calls them may change without a file changing.
    before.user === owners.users.nameOf(Number(stats.uid)) &&
    before.group === owners.groups.nameOf(Number(stats.gid))
  )
}

function attributesOf(
  path: Uint8Array,
  { system, onProblem }: { readonly system: LocalSystem; readonly onProblem: (error: unknown) => void },
): readonly ExtendedAttribute[] {
  const { native } = system
  if (native === undefined) return []
  const names = namesOfAttributes(path, { native, onProblem })
  const found: ExtendedAttribute[] = []
  let sizeBytes = 0
  for (const name of names) {
    try {
      const value = native.getAttribute(path, name)
      if (value === undefined) continue
      const attribute = { name, value }
      const withIt = sizeBytes + name.length + value.length
      checkAttribute(attribute, { sizeBytes: withIt, count: found.length + 1 })
      found.push(attribute)
      sizeBytes = withIt
    } catch (error) {
      onProblem(error)
    }
  }
  return found
}

/** By name, each once. */
function namesOfAttributes(
  path: Uint8Array,
  options: {
    readonly native: NonNullable<LocalSystem['native']>
    readonly onProblem: (error: unknown) => void
  },
): readonly Uint8Array[] {
  try {
    return options.native
      .listAttributes(path)
      .sort(compareBytes)
      .filter((name, index, all) => index === 0 || compareBytes(all[index - 1] ?? name, name) !== 0)
  } catch (error) {
    if (!NO_ATTRIBUTES.includes(errnoOf(error))) options.onProblem(error)
    return []
  }
}

function checkAttribute(
  { name, value }: ExtendedAttribute,
  { sizeBytes, count }: { readonly sizeBytes: number; readonly count: number },
): void {
  const fits =
    count <= ATTRIBUTES_MAX &&
    name.length <= ATTRIBUTE_NAME_MAX_BYTES &&
    value.length <= ATTRIBUTE_VALUE_MAX_BYTES &&
    sizeBytes <= ATTRIBUTES_SIZE_MAX_BYTES
  if (fits) return
  throw new InvalidInputError(
    `the attribute ${printableBytes(name)} of ${value.length} bytes is left out: a file keeps ${ATTRIBUTES_MAX} of ` +
      `at most ${ATTRIBUTE_VALUE_MAX_BYTES} bytes each, ${ATTRIBUTES_SIZE_MAX_BYTES} together`,
  )
}
