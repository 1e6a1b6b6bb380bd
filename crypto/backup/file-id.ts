/** How `data/` and `snapshots/` name what they hold: by a hash of it (FORMAT §18.5, §18.8, §18.9). */
import { toBase32 } from '../bytes.ts'
import { taggedHash } from '../hash.ts'
import type { Tag } from '../tags.ts'

/** Before they are written in base32, in FILE_ID_LENGTH characters. */
const FILE_ID_SIZE_BYTES = 16
export const FILE_ID_LENGTH = 26

export function fileIdOf(tag: Tag, bytes: Uint8Array): string {
  return toBase32(taggedHash(tag, bytes).subarray(0, FILE_ID_SIZE_BYTES))
}
