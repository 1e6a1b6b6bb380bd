/**
 * With what a recovery kit is admitted to a grid of members: a key of its own, which can be expelled without anybody
 * else, may store nothing unless the kit makes backups too, and has no power over the leases of the machine that is
 * lost.
 */
import {
  ANNOUNCED_NAME_LENGTH_MAX,
  issueChain,
  loadOrCreateNodeKey,
  loadOwnChain,
  nodeDisk,
  publicKeyOf,
  ROLE_CLIENT,
  signerOf,
  systemClock,
  temporaryNodeKey,
} from '#node'
import type { Home } from '../home.ts'
import { readInvitation, redeemFor } from '../redeem-link.ts'
import type { RecoveryKitArgs } from './invocation.ts'
import type { KitMembership } from './recovery-kit.ts'

/**
 * @param options `invitation`: redeemed for the kit; else this home signs for it, if it may invite
 * @returns undefined if the home is of an open grid, or may not invite
 */
export async function makeKitMember(
  home: Home,
  options: Pick<RecoveryKitArgs, 'right' | 'invitation'> & { readonly signal: AbortSignal },
): Promise<KitMembership | undefined> {
  const { invitation, right, signal } = options
  const key = temporaryNodeKey()
  if (invitation !== undefined) {
    return { key, chain: await redeemFor(key, await readInvitation(invitation), { signal }) }
  }
  const parent = await loadOwnChain(nodeDisk, home.folder)
  if (parent === undefined || parent.own.inviteDepth === 0) return undefined
  const { name, quotaBytes, expiresAtSeconds, lifetimeSeconds } = parent.own
  const chain = await issueChain(signerOf(await loadOrCreateNodeKey(home.keyFile)), {
    parent,
    subject: publicKeyOf(key),
    name: `recovery of ${name}`.slice(0, ANNOUNCED_NAME_LENGTH_MAX),
    serial: systemClock.now(),
    grant: {
      roles: [ROLE_CLIENT],
      quotaBytes: right === 'read' ? 0 : quotaBytes,
      expiresAtSeconds,
      lifetimeSeconds,
      inviteDepth: 0,
    },
  })
  return { key, chain }
}
