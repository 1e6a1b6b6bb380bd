/** Where something is restored to, if nothing says what is to become of what is there. */
import { readdir } from 'node:fs/promises'
import { ConflictError } from '#node'
import { errnoOf, explain } from '../errno.ts'

/** What is there may be what somebody wants to keep. @throws ConflictError */
export async function requireEmpty(target: string): Promise<void> {
  const names = await readdir(target).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return []
    return explain('restoring to', target)(error)
  })
  if (names.length === 0) return
  throw new ConflictError(`${target} is not empty`, {
    hint:
      '--overwrite changed replaces the files that differ from the snapshot, and goes on with a restore that was ' +
      'broken off; --overwrite never leaves what is there.',
  })
}
