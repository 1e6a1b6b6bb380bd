/** `cairn status`: what this member knows of itself and of the grid. */
import { fittingNumbers, type NodeStatus, survivalOf, whileOpen } from '#node'
import { accountLines, ownUse } from '../account-lines.ts'
import type { CommandContext } from '../context.ts'
import { formatBytes, formatNumbers } from '../describe.ts'
import { safetyLines } from '../durability-lines.ts'
import { EXIT_DONE } from '../exit-code.ts'
import type { StatusArgs } from '../invocation.ts'
import { describeOwnMembership } from '../member-lines.ts'

export async function status(_args: StatusArgs, context: CommandContext): Promise<number> {
  const { output, signal, home } = context
  const found = await whileOpen(await context.openFiles(), (files) => files.status({ signal }))
  await output.result({ home: home.folder, ...found }, describeStatus(home.folder, found))
  return EXIT_DONE
}

function describeStatus(folder: string, found: NodeStatus): string {
  const { peerId, addresses, lent, servers, numbers, bootstrapProblems } = found
  const answering = servers.filter(({ status: answer }) => answer !== undefined)
  const listening =
    addresses.length === 0 ? 'no: a client, or its daemon is not running' : addresses.join('\n          ')
  const lending =
    lent === undefined
      ? 'nothing now'
      : `${formatBytes(lent.usedBytes)} used by ${lent.shareCount} shares, ${formatBytes(lent.freeBytes)} free`
  const lines = [
    `home      ${folder}`,
    `peer id   ${peerId}`,
    `grid      ${describeOwnMembership(found.membership)}`,
    `listens   ${listening}`,
    `lends     ${lending}`,
    ...accountLines(found.accounting),
    `servers   ${answering.length} of ${servers.length} answer`,
  ]
  for (const { peerId: serverId, status: answer, problem, isLocal } of servers) {
    const state =
      answer === undefined
        ? (problem ?? 'no answer')
        : `${formatBytes(answer.freeBytes)} free${ownUse(answer)}`
    lines.push(`          ${serverId}  ${state}${isLocal ? '  (this one)' : ''}`)
  }
  for (const problem of bootstrapProblems) lines.push(`bootstrap ${problem}`)
  lines.push(`puts      ${formatNumbers(numbers)}: ${survivalOf(numbers)}`)
  if (servers.length > 0 && servers.length < numbers.totalShares) {
    const { neededShares, happyServers, totalShares } = fittingNumbers(servers.length)
    lines.push(
      `          fitting here: --needed ${neededShares} --happy ${happyServers} --total ${totalShares}`,
    )
  }
  lines.push(...safetyLines(found.durability))
  return lines.join('\n')
}
