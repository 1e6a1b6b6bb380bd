/** Members of a grid as people read them. Pure. */
import type { ExpelReport, MemberList, MemberState, OwnMembership } from '#node'
import { formatBytes } from './describe.ts'
import { printable } from './names.ts'
import { dateText } from './when.ts'

const GRID_ID_SHOWN = 16

type Grant = Pick<MemberState, 'roles' | 'quotaBytes' | 'expiresAtSeconds' | 'inviteDepth'>

/** `client, server; 50 GB on each server; until 2027-11-28, may invite`. */
export function describeGrant(
  grant: Grant & { readonly isRenewed?: boolean; readonly lifetimeSeconds?: number | undefined },
): string {
  const { roles, quotaBytes, expiresAtSeconds, inviteDepth, isRenewed, lifetimeSeconds } = grant
  const isEnd = isRenewed === false || (isRenewed === undefined && lifetimeSeconds === undefined)
  return [
    roles.join(', ') || 'no role',
    quotaBytes === undefined ? 'no limit' : `${formatBytes(quotaBytes)} on each server`,
    `until ${dateText(expiresAtSeconds)}${isEnd ? '' : ', renewed'}`,
    ...(inviteDepth > 0 ? ['may invite'] : []),
  ].join('; ')
}

export function describeMembers({ gridId, members, expelled }: MemberList): string {
  const rows = members.map((member) => [
    titleOf(member),
    member.peerId,
    `${describeGrant(member)}; ${originOf(member)}${member.isSelf ? ' (this one)' : ''}`,
  ])
  const gone = expelled.map(({ name, peerId, by, atSeconds }) => [
    titleOf({ name }),
    peerId,
    `expelled ${dateText(atSeconds)} by ${by === undefined ? 'the founder' : named(by)}`,
  ])
  const all = [...rows, ...gone]
  const width = Math.max(0, ...all.map(([name = '']) => name.length))
  const lines = all.map(([name = '', peerId, what]) => `${name.padEnd(width)}  ${peerId}  ${what}`)
  const count = `${members.length} member${members.length === 1 ? '' : 's'}`
  return [`grid ${gridId.slice(0, GRID_ID_SHOWN)}…: ${count}`, ...lines].join('\n')
}

export function describeExpulsion({ name, peerId, fallen, told, missed }: ExpelReport): string {
  const others = told === 1 ? 'one other server' : `${told} other servers`
  const lines = [`expelled: ${named({ name, peerId })}; this node and ${others} know it now`]
  if (missed.length > 0) lines.push(`${missed.length} did not answer, and hear of it when they come back:`)
  lines.push(...missed.map((peer) => `  ${peer}`))
  if (fallen.length > 0)
    lines.push('with it these lose their place, whom it had invited; others can invite them anew:')
  lines.push(...fallen.map((member) => `  ${named(member)}`))
  return lines.join('\n')
}

/** For `cairn status`. */
export function describeOwnMembership(own: OwnMembership | undefined): string {
  if (own === undefined) return 'open: whoever reaches its nodes may use them'
  const { gridId, name, roles, expiresAtSeconds, isRenewed, problem } = own
  const title = printable(name) || 'a member without a name'
  const what = `${gridId.slice(0, GRID_ID_SHOWN)}…; here ${title} (${roles.join(', ')})`
  if (problem !== undefined) return `${what}\n          NOT ADMITTED: ${problem}`
  return `${what}, until ${dateText(expiresAtSeconds)}${isRenewed ? ', renewed' : ''}`
}

function originOf({ invitedBy }: MemberState): string {
  return invitedBy === undefined ? "the founder's own machine" : `invited by ${named(invitedBy)}`
}

function titleOf({ name }: { readonly name: string }): string {
  return printable(name) || '-'
}

function named({ name, peerId }: { readonly name: string; readonly peerId: string }): string {
  return printable(name) || peerId
}
