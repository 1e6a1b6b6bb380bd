/** The roster between two runs: a client that was here before starts without any bootstrap address. */
import { decodeFields, encodeFields, InvalidInputError } from '#crypto'
import { ANNOUNCEMENT_MAX_BYTES, ROSTER_ENTRIES_MAX } from '../limits.ts'
import type { Disk } from '../platform/platform.ts'
import type { Roster } from './roster.ts'

const ROSTER_FILE = 'roster.cbor'

/**
 * Add what the file holds; every announcement is verified again. A file that cannot be read is passed over: it is a
 * help, no truth.
 *
 * @returns how many were added
 */
export async function loadRoster(disk: Disk, folder: string, roster: Roster): Promise<number> {
  const file = await disk.openFile(`${folder}/${ROSTER_FILE}`)
  if (file === undefined) return 0
  try {
    if (file.sizeBytes > ROSTER_ENTRIES_MAX * (ANNOUNCEMENT_MAX_BYTES + 3) + 64) return 0
    const fields = decodeFields(await file.read(0, file.sizeBytes), 'roster file')
    let addedCount = 0
    for (const bytes of fields.list('announcements', ROSTER_ENTRIES_MAX)) {
      if (bytes instanceof Uint8Array && roster.add(bytes) === 'added') addedCount += 1
    }
    return addedCount
  } catch (error) {
    if (error instanceof InvalidInputError) return 0
    throw error
  } finally {
    await file.close()
  }
}

/** Replaces the file as a whole. One call at a time. */
export async function saveRoster(disk: Disk, folder: string, roster: Roster): Promise<void> {
  const draft = `${folder}/${ROSTER_FILE}.new`
  await disk.makeFolder(folder)
  await disk.removeFile(draft)
  const file = await disk.createFile(draft)
  try {
    await file.append(encodeFields({ announcements: roster.all().map(({ bytes }) => bytes) }))
    await file.sync()
  } finally {
    await file.close()
  }
  await disk.rename(draft, `${folder}/${ROSTER_FILE}`)
  await disk.syncFolder(folder)
}
