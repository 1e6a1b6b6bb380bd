/** The JSON about members (API.md §10). The server is typed to write it; the client parses it. */
import { z } from 'zod'
import type { ExpelReport, Invited, InviteOptions, MemberList } from '#node'
import { count, maybe } from './message-parts.ts'

/** A name or a peer id is short; so is all that is said of an invitation, times a few hundred. */
export const MEMBERS_BODY_MAX_BYTES = 64 * 1024
/** Links made in one request. */
const NAMES_MAX = 256

const wholeNumber = z.int().min(0)

export const inviteBody: z.ZodType<InviteOptions> = z
  .strictObject({
    names: z.array(z.string().max(64)).min(1).max(NAMES_MAX),
    roles: z.array(z.string().max(16)).max(8),
    quotaBytes: wholeNumber.optional(),
    endsAtSeconds: wholeNumber.optional(),
    inviteDepth: wholeNumber,
    validSeconds: wholeNumber,
  })
  .transform(({ quotaBytes, endsAtSeconds, ...rest }) => ({ ...rest, quotaBytes, endsAtSeconds }))

export const expelBody = z.strictObject({ member: z.string().min(1).max(128) })

const named = z.object({ peerId: z.string(), name: z.string() })

export const invitedMessage: z.ZodType<{ readonly invitations: readonly Invited[] }> = z.object({
  invitations: z.array(
    z.object({
      name: z.string(),
      link: z.string(),
      validUntilSeconds: count,
      addresses: z.array(z.string()),
    }),
  ),
})

export const memberListMessage: z.ZodType<MemberList> = z.object({
  gridId: z.string(),
  members: z.array(
    z.object({
      peerId: z.string(),
      name: z.string(),
      roles: z.array(z.string()),
      quotaBytes: maybe(count),
      expiresAtSeconds: count,
      isRenewed: z.boolean(),
      inviteDepth: count,
      invitedBy: maybe(named),
      isSelf: z.boolean(),
      isAnnounced: z.boolean(),
    }),
  ),
  expelled: z.array(z.object({ peerId: z.string(), name: z.string(), by: maybe(named), atSeconds: count })),
})

export const expelMessage: z.ZodType<ExpelReport> = z.object({
  peerId: z.string(),
  name: z.string(),
  fallen: z.array(named),
  told: count,
  missed: z.array(z.string()),
})

export const membershipMessage = z.object({
  gridId: z.string(),
  name: z.string(),
  roles: z.array(z.string()),
  inviteDepth: count,
  expiresAtSeconds: count,
  isRenewed: z.boolean(),
  problem: maybe(z.string()),
})
