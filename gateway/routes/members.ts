/** Invitations, the list of members, and expulsions (API.md §10). */
import type { FastifyInstance } from 'fastify'
import type { ExpelReport, Invited, MemberList } from '#node'
import { expelBody, inviteBody, MEMBERS_BODY_MAX_BYTES } from '../member-messages.ts'
import type { RouteParts } from '../server.ts'
import { jsonOf } from './request.ts'

export function addMemberRoutes(app: FastifyInstance, parts: RouteParts): void {
  app.post('/v1/invitations', async (request, reply): Promise<{ invitations: readonly Invited[] }> => {
    const options = await jsonOf({ request, reply }, inviteBody, MEMBERS_BODY_MAX_BYTES)
    return { invitations: await parts.files.invite({ ...options, signal: parts.signalOf(reply) }) }
  })

  app.get('/v1/members', async (_request, reply): Promise<MemberList> => {
    return await parts.files.members({ signal: parts.signalOf(reply) })
  })

  app.post('/v1/expulsions', async (request, reply): Promise<ExpelReport> => {
    const { member } = await jsonOf({ request, reply }, expelBody, MEMBERS_BODY_MAX_BYTES)
    return await parts.files.expel(member, { signal: parts.signalOf(reply) })
  })
}
