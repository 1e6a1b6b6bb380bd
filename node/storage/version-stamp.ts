/** The stamp that says which layout a storage folder has, so that a later version knows what it finds. */
import { InvalidInputError, utf8 } from '#crypto'
import type { Disk } from '../platform/platform.ts'
import type { StoragePaths } from './paths.ts'

const STAMP = 'cairn-storage 1\n'
const STAMP_SIZE_MAX_BYTES = 64

/**
 * Make sure that the folder has this version's layout; an unstamped one is stamped, durably.
 *
 * @throws InvalidInputError if it has another; nothing is touched then
 */
export async function ensureVersionStamp(disk: Disk, paths: StoragePaths): Promise<void> {
  const found = await readStamp(disk, paths)
  if (found === STAMP) return
  if (found !== undefined) {
    throw new InvalidInputError(
      `the storage folder is stamped ${JSON.stringify(found)}, this version reads ${JSON.stringify(STAMP)}`,
    )
  }
  const draft = `${paths.versionFile}.new`
  await disk.removeFile(draft)
  const file = await disk.createFile(draft)
  try {
    await file.append(utf8(STAMP))
    await file.sync()
  } finally {
    await file.close()
  }
  await disk.rename(draft, paths.versionFile)
  await disk.syncFolder(paths.root)
  // The folder itself may be new.
  await disk.syncFolder(parentOf(paths.root))
}

function parentOf(path: string): string {
  const end = path.lastIndexOf('/')
  if (end < 0) return '.'
  return end === 0 ? '/' : path.slice(0, end)
}

async function readStamp(disk: Disk, paths: StoragePaths): Promise<string | undefined> {
  const file = await disk.openFile(paths.versionFile)
  if (file === undefined) return undefined
  try {
    return new TextDecoder().decode(await file.read(0, Math.min(file.sizeBytes, STAMP_SIZE_MAX_BYTES)))
  } finally {
    await file.close()
  }
}
