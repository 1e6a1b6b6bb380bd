/** `cairn status`: what this member knows of itself and of the grid. */
import { GridError } from '#crypto'
import type { GridFiles } from '#gateway'
import { fittingNumbers, type NodeStatus, survivalOf, whileOpen } from '#node'
import { accountLines, ownUse } from '../account-lines.ts'
import { readAliases } from '../alias-file.ts'
import type { CommandContext } from '../context.ts'
import { formatBytes, formatNumbers } from '../describe.ts'
import { rootLines, safetyLines, type ToldRoot } from '../durability-lines.ts'
import { EXIT_DONE } from '../exit-code.ts'
import type { StatusArgs } from '../invocation.ts'
import { Lookup } from '../lookup.ts'
import { describeOwnMembership } from '../member-lines.ts'
import { findLayouts, tellSafety } from '../root-safety.ts'

export async function status(args: StatusArgs, context: CommandContext): Promise<number> {
  const { output, signal, home } = context
  return whileOpen(await context.openFiles(), async (files) => {
    const found = await files.status({ signal })
    const roots = args.roots ? await safetyOfRoots(files, found, context) : undefined
    const lines = [describeStatus(home.folder, found), ...rootLines(roots ?? [])]
    await output.result({ home: home.folder, ...found, roots }, lines.join('\n'))
    return EXIT_DONE
  })
}

/** Of everything that has an alias in this home. One that cannot be looked at is told of, and holds up no other. */
async function safetyOfRoots(
  files: GridFiles,
  found: NodeStatus,
  context: CommandContext,
): Promise<readonly ToldRoot[]> {
  const { home, output, signal } = context
  const { onWarning } = new Lookup(files, context)
  const roots: ToldRoot[] = []
  for (const [name, capability] of await readAliases(home)) {
    if (capability.kind === 'lit') continue
    const onFile = (fileCount: number): void =>
      output.activity({ stage: name, files: fileCount }, () => `${name}  ${fileCount} files`)
    try {
      const layouts = await findLayouts(files, capability, { signal, onWarning, onFile })
      roots.push({ name, durability: tellSafety(layouts, found), problem: undefined })
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof GridError)) throw error
      roots.push({ name, durability: undefined, problem: error.message })
    }
  }
  return roots
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
