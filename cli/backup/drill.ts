/**
 * A drill: files chosen by chance are restored to another place, read back, and compared with those of this machine
 * that have not changed since they were backed up.
 */
import { lstatSync } from 'node:fs'
import { IntegrityError, type Snapshot, type TreeEntry } from '#crypto'
import { errnoOf } from '../errno.ts'
import { digestOf } from './local/compare-file.ts'
import { matchText } from './local/paths.ts'
import type { OnProblem, OnProgress } from './local/tree-progress.ts'
import type { Cancel, RepositoryReader } from './repository/types.ts'
import { restoreTree } from './restore-tree.ts'
import { Sample } from './sample.ts'
import { walkTree } from './walk.ts'

type Reader = Pick<RepositoryReader, 'readTree' | 'readContent'>

export interface ChosenFile {
  readonly path: Uint8Array
  readonly entry: TreeEntry
  readonly sizeBytes: number
}

export interface DrillChoice {
  /** In the order of the draw. */
  readonly chosen: readonly ChosenFile[]
  /** That the snapshot has. */
  readonly files: number
  /** Drawn, and left out because there was no room for them. */
  readonly leftOut: number
}

export interface DrillSize {
  readonly seed: string
  readonly files: number
  /** Of all chosen files together. */
  readonly sizeMaxBytes: number
}

/** Each file is as likely as any other; one that does not fit any more is left out. */
export async function chooseFiles(
  reader: Reader,
  { root }: Pick<Snapshot, 'root'>,
  { seed, files, sizeMaxBytes, signal }: DrillSize & Cancel,
): Promise<DrillChoice> {
  const sample = new Sample<ChosenFile>({ seed, sizeMax: files })
  let count = 0
  for await (const { path, entry } of walkTree(reader, root, { signal })) {
    if (entry.kind !== 'file') continue
    count += 1
    const sizeBytes = entry.content?.sizeBytes ?? 0
    if (sizeBytes <= sizeMaxBytes) sample.offer(path, { path, entry, sizeBytes })
  }
  let restBytes = sizeMaxBytes
  const chosen = sample.items.filter(({ sizeBytes }) => {
    if (sizeBytes > restBytes) return false
    restBytes -= sizeBytes
    return true
  })
  return { chosen, files: count, leftOut: Math.min(files, count) - chosen.length }
}

export interface DrillReport {
  /** Restored, and read back as the repository has them. */
  readonly right: number
  readonly bytes: number
  /** Of those: this machine has the same bytes. */
  readonly same: number
  /** Of those: changed on this machine since, gone from it, or from another one. */
  readonly notCompared: number
  readonly problems: number
}

/**
 * @param target an empty folder
 * @throws what a restore throws
 */
export async function drill(
  reader: Reader,
  snapshot: Pick<Snapshot, 'root'>,
  options: Cancel & {
    readonly chosen: readonly ChosenFile[]
    readonly target: string
    readonly onProgress: OnProgress
    readonly onProblem: OnProblem
  },
): Promise<DrillReport> {
  const { chosen, target, onProgress, onProblem, signal } = options
  if (chosen.length === 0) return { right: 0, bytes: 0, same: 0, notCompared: 0, problems: 0 }
  const restored = await restoreTree(reader, snapshot.root, {
    target: Buffer.from(target),
    include: chosen.map(({ path }) => literalPattern(path)),
    verify: true,
    onProgress,
    onProblem,
    signal,
  })
  let [same, notCompared, wrong] = [0, 0, 0]
  for (const file of chosen) {
    signal?.throwIfAborted()
    const found = await compareWithHere(file, Buffer.concat([Buffer.from(target), file.path]))
    if (found === 'same') same += 1
    else if (found === 'elsewhere') notCompared += 1
    else {
      wrong += 1
      onProblem({ path: file.path, error: found })
    }
  }
  const { verified, hardLinks, bytes, problems } = restored
  // Another name of a file that was read back has the same bytes.
  return { right: verified + hardLinks, bytes, same, notCompared, problems: problems + wrong }
}

/** As rules of local/rules.ts have it: this path and no other. */
function literalPattern(path: Uint8Array): string {
  return matchText(path).replace(/[\\*?[\]!]/g, '\\$&')
}

/** `elsewhere`: what is here is another file by now, or none. */
async function compareWithHere(
  file: ChosenFile,
  restored: Buffer,
): Promise<'same' | 'elsewhere' | IntegrityError> {
  try {
    const here = Buffer.from(file.path)
    if (!isAsBackedUp(file, here)) return 'elsewhere'
    const digest = await digestOf(here)
    // It may have been changed while it was read.
    if (!isAsBackedUp(file, here)) return 'elsewhere'
    if (digest.equals(await digestOf(restored))) return 'same'
    return new IntegrityError('this machine has other bytes, though nothing says that the file was changed')
  } catch (error) {
    if (errnoOf(error) !== undefined) return 'elsewhere'
    throw error
  }
}

function isAsBackedUp({ entry, sizeBytes }: ChosenFile, path: Buffer): boolean {
  const stats = lstatSync(path, { bigint: true })
  return (
    stats.isFile() &&
    stats.size === BigInt(sizeBytes) &&
    stats.mtimeNs === entry.modifiedAtNanoseconds &&
    stats.ctimeNs === entry.changedAtNanoseconds &&
    stats.ino === entry.inode
  )
}
