/** `daemon.json`: where the running daemon of a home listens, and the token it wants. Mode 0600. */
import { readFile, rm } from 'node:fs/promises'
import { z } from 'zod'
import { Secret } from '#crypto'
import type { Token } from '#gateway'
import type { Home } from './home.ts'
import { writePrivateFile } from './private-file.ts'

const daemonFile = z.object({ port: z.int().min(1).max(65_535), token: z.string().min(1), pid: z.int() })

export interface DaemonPlace {
  readonly port: number
  readonly token: Token
  readonly pid: number
}

export async function writeDaemonFile(home: Home, place: DaemonPlace): Promise<void> {
  const { port, token, pid } = place
  await writePrivateFile(home.daemonFile, `${JSON.stringify({ port, token: token.reveal(), pid })}\n`)
}

/** Undefined if there is none, or none that can be read: then no daemon is known, and the work is done without. */
export async function readDaemonFile(home: Home): Promise<DaemonPlace | undefined> {
  try {
    const parsed = daemonFile.safeParse(JSON.parse(await readFile(home.daemonFile, 'utf8')))
    return parsed.success ? { ...parsed.data, token: new Secret(parsed.data.token) } : undefined
  } catch {
    return undefined
  }
}

export async function removeDaemonFile(home: Home): Promise<void> {
  await rm(home.daemonFile, { force: true })
}
