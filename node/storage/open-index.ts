/** Opening the storage index whatever state it is in. */
import type { Disk, Log } from '../platform/platform.ts'
import type { StoragePaths } from './paths.ts'
import { INDEX_VERSION, type IndexTotals, ShareIndex } from './share-index.ts'

export interface OpenedIndex {
  readonly index: ShareIndex
  /** What it summed up to when it was closed; undefined: the shares must be walked. */
  readonly totals: IndexTotals | undefined
}

/** What is done to a damaged index, from the mildest on. */
export type Remedy = 'none' | 'repair' | 'replace'

/** Have the index repaired when it is next opened. May be called again. */
export async function markDamaged(disk: Disk, paths: StoragePaths): Promise<void> {
  const standing = await disk.openFile(paths.damageMark)
  if (standing !== undefined) return standing.close()
  const file = await disk.createFile(paths.damageMark)
  await file.close()
  await disk.syncFolder(paths.root)
}

export async function firstRemedy(disk: Disk, paths: StoragePaths): Promise<Remedy> {
  const mark = await disk.openFile(paths.damageMark)
  await mark?.close()
  return mark === undefined ? 'none' : 'repair'
}

/** What to try when that was not enough. */
export function strongerRemedy(remedy: Remedy): Remedy | undefined {
  if (remedy === 'none') return 'repair'
  return remedy === 'repair' ? 'replace' : undefined
}

interface IndexParts {
  readonly disk: Disk
  readonly paths: StoragePaths
  readonly log: Log
}

/**
 * Open the index, after the remedy if there is one; if it is mended, of another version or distrusted, leave it as
 * one to be rebuilt. Small shares stand only here: a rebuilding keeps them, and so does a repair as far as they can
 * be read.
 *
 * @throws IntegrityError if a stronger remedy is needed
 */
export async function openShareIndex(
  parts: IndexParts,
  options: { readonly rebuild: boolean; readonly remedy: Remedy },
): Promise<OpenedIndex> {
  const { disk, paths, log } = parts
  if (options.remedy === 'repair') {
    log.error('the index is damaged and is repaired')
    await disk.repairIndex(paths.index)
  }
  if (options.remedy === 'replace') await putIndexAside(parts)
  const rebuild = options.rebuild || options.remedy !== 'none'
  const index = await ShareIndex.open(disk, paths.index)
  try {
    const version = await index.version()
    const totals = await index.takeClosed()
    if (version === INDEX_VERSION && !rebuild) return { index, totals }
    log.warn('the index is made anew from the shares', { version, rebuild })
    // Without a version it is new, or a repair could not read that entry.
    await index.clear({ leasesToo: version !== undefined && version !== INDEX_VERSION })
    // From here on the index itself remembers that it must be rebuilt.
    await disk.removeFile(paths.damageMark)
    return { index, totals: undefined }
  } catch (error) {
    await index[Symbol.asyncDispose]()
    throw error
  }
}

async function putIndexAside({ disk, paths, log }: IndexParts): Promise<void> {
  await disk.makeFolder(paths.corrupt)
  const count = (await disk.list(paths.corrupt)).length
  const target = `${paths.corrupt}/index.${count + 1}`
  log.error('the index cannot be repaired and is put aside', { target })
  await disk.rename(paths.index, target)
  await disk.syncFolder(paths.root)
}
