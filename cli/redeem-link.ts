/** An invitation as a person gives it, and what comes of it. */
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import {
  type Chain,
  type Invitation,
  type NodeKey,
  parseInvitation,
  redeemInvitation,
  silentLog,
  systemPlatform,
} from '#node'
import { explain } from './errno.ts'

/** @param link itself, `@FILE` that holds it, or `-` for standard input */
export async function readInvitation(link: string): Promise<Invitation> {
  return parseInvitation((await readLink(link)).trim())
}

/** Whoever has the key is a member then. */
export async function redeemFor(
  key: NodeKey,
  invitation: Invitation,
  { signal }: { readonly signal: AbortSignal },
): Promise<Chain> {
  const platform = systemPlatform(silentLog)
  const network = await platform.openNetwork({ key, listen: [], log: silentLog })
  try {
    return await redeemInvitation(invitation, { network, clock: platform.clock, signal })
  } finally {
    await network.close()
  }
}

async function readLink(link: string): Promise<string> {
  if (link === '-' || link === '@-') return await text(process.stdin)
  if (!link.startsWith('@')) return link
  const path = link.slice(1)
  return await readFile(path, 'utf8').catch(explain('reading', path))
}
