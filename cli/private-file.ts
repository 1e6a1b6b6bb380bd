/** Files for their owner alone, there whole or not at all. */
import { randomBytes } from 'node:crypto'
import { link, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { explain } from './errno.ts'

/** At most 4 bytes each, of the 255 of a name. */
const DRAFT_CHARACTERS = 40

/** Replaces what stands there. Mode 0600. */
export async function writePrivateFile(path: string, content: string | Uint8Array): Promise<void> {
  const draft = draftOf(path)
  try {
    await writeDraft(draft, content)
    await rename(draft, path).catch(explain('writing', path))
  } finally {
    await rm(draft, { force: true })
  }
}

/** @throws ConflictError if something stands there */
export async function createPrivateFile(path: string, content: string | Uint8Array): Promise<void> {
  const draft = draftOf(path)
  try {
    await writeDraft(draft, content)
    await link(draft, path).catch(explain('writing', path))
  } finally {
    await rm(draft, { force: true })
  }
}

/** A name beside the file that nothing has: one rename away. */
export function draftOf(path: string): string {
  // A name may be as long as the system takes, and this one is longer: whole characters of the first part do.
  const begin = [...basename(path)].slice(0, DRAFT_CHARACTERS).join('')
  return join(dirname(path), `.${begin}.${randomBytes(6).toString('hex')}.part`)
}

async function writeDraft(draft: string, content: string | Uint8Array): Promise<void> {
  const file = await open(draft, 'wx', 0o600).catch(explain('writing', draft))
  try {
    await file.writeFile(content).catch(explain('writing', draft))
    await file.sync()
  } finally {
    await file.close()
  }
}
