/** Whether a recovery kit does what it is for: it is tried out before anybody relies on it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GridError } from '#crypto'
import { whileOpen } from '#node'
import { Home } from '../home.ts'
import { openFiles } from '../session.ts'
import { makeKitHome } from './kit-home.ts'
import type { RecoveryKit } from './recovery-kit.ts'
import { openReader } from './repository/reader.ts'

/**
 * Makes a home of it in a folder for that alone, and opens the repository there. So the servers have heard of the kit's
 * membership, too, and it can be expelled.
 *
 * @returns what is wrong, undefined if nothing is
 */
export async function tryKit(kit: RecoveryKit, signal: AbortSignal): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-kit-'))
  try {
    const home = new Home(join(folder, 'home'))
    await makeKitHome(home, kit, {})
    await whileOpen(await openFiles(home, signal), async (files) => {
      await whileOpen(await openReader(files, kit.repository, { signal }), async (reader) => {
        for await (const snapshot of reader.snapshots({ signal })) if (!('error' in snapshot)) return
      })
    })
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof GridError)) throw error
    return error.message
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
