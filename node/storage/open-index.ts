/** Opening the storage index whatever state it is in. */
import { IntegrityError } from '#crypto'
import type { Disk, Log } from '../platform/platform.ts'
import type { StoragePaths } from './paths.ts'
import { INDEX_VERSION, type IndexTotals, ShareIndex } from './share-index.ts'

export interface OpenedIndex {
  readonly index: ShareIndex
  /** What it summed up to when it was closed; undefined: the shares must be walked. */
  readonly totals: IndexTotals | undefined
}

/** Open the index; if it is damaged, of another version or distrusted, leave it as one to be rebuilt. */
export async function openShareIndex(
  parts: { readonly disk: Disk; readonly paths: StoragePaths; readonly log: Log },
  options: { readonly rebuild: boolean },
): Promise<OpenedIndex> {
  const index = await openOrReplace(parts)
  try {
    const version = await index.version()
    const totals = await index.takeClosed()
    if (version === INDEX_VERSION && !options.rebuild) return { index, totals }
    parts.log.warn('the index is made anew from the share files', { version, rebuild: options.rebuild })
    await index.clear({ leasesToo: version !== INDEX_VERSION })
    return { index, totals: undefined }
  } catch (error) {
    await index[Symbol.asyncDispose]()
    throw error
  }
}

async function openOrReplace(parts: {
  readonly disk: Disk
  readonly paths: StoragePaths
  readonly log: Log
}): Promise<ShareIndex> {
  const { disk, paths, log } = parts
  try {
    return await ShareIndex.open(disk, paths.index)
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error
    await disk.makeFolder(paths.corrupt)
    const count = (await disk.list(paths.corrupt)).length
    const target = `${paths.corrupt}/index.${count + 1}`
    log.error('the index is damaged and put aside', { error, target })
    await disk.rename(paths.index, target)
    await disk.syncFolder(paths.root)
    return ShareIndex.open(disk, paths.index)
  }
}
