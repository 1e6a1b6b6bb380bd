/** The roster between two runs: a client that was here before starts without any bootstrap address. */
import { decodeFields, encodeFields, IntegrityError, InvalidInputError } from '#crypto'
import {
  CERTIFIED_ANNOUNCEMENT_MAX_BYTES,
  EXPULSIONS_MAX,
  MEMBERS_MAX,
  ROSTER_ENTRIES_MAX,
} from '../limits.ts'
import type { Disk } from '../platform/platform.ts'
import { readWholeFile, replaceFile } from '../replace-file.ts'
import type { Roster } from './roster.ts'

const ROSTER_FILE = 'roster.cbor'
const KEPT_MAX = ROSTER_ENTRIES_MAX + MEMBERS_MAX + EXPULSIONS_MAX
const FILE_MAX_BYTES = KEPT_MAX * (CERTIFIED_ANNOUNCEMENT_MAX_BYTES + 3) + 64

/**
 * Add what the file holds; every entry is verified again. A file that cannot be read is passed over: it is a
 * help, no truth.
 *
 * @returns how many were added
 */
export async function loadRoster(disk: Disk, folder: string, roster: Roster): Promise<number> {
  try {
    const bytes = await readWholeFile(disk, `${folder}/${ROSTER_FILE}`, FILE_MAX_BYTES)
    if (bytes === undefined) return 0
    const fields = decodeFields(bytes, 'roster file')
    let addedCount = 0
    for (const entry of fields.list('announcements', KEPT_MAX)) {
      if (entry instanceof Uint8Array && roster.add(entry) === 'added') addedCount += 1
    }
    return addedCount
  } catch (error) {
    if (error instanceof InvalidInputError || error instanceof IntegrityError) return 0
    throw error
  }
}

/** Replaces the file as a whole. One call at a time. */
export async function saveRoster(disk: Disk, folder: string, roster: Roster): Promise<void> {
  const bytes = encodeFields({ announcements: roster.items().map((item) => item.bytes) })
  await replaceFile(disk, folder, { name: ROSTER_FILE, bytes })
}
