/** `cairn join`: redeem an invitation, and be a member of the grid. */
import { readFile } from 'node:fs/promises'
import { equalBytes } from '#crypto'
import {
  type Chain,
  ConflictError,
  type Invitation,
  loadOrCreateNodeKey,
  loadOwnChain,
  nodeDisk,
  peerIdOfPublicKey,
  saveOwnChain,
} from '#node'
import { asMemberConfig } from '../config-edit.ts'
import type { CommandContext } from '../context.ts'
import { holdHome } from '../daemon.ts'
import { EXIT_DONE } from '../exit-code.ts'
import type { Home } from '../home.ts'
import type { JoinArgs } from '../invocation.ts'
import { makeMemberHome } from '../make-home.ts'
import { describeGrant } from '../member-lines.ts'
import { writePrivateFile } from '../private-file.ts'
import { readInvitation, redeemFor } from '../redeem-link.ts'
import { goOn } from './run.ts'

export async function join(args: JoinArgs, context: CommandContext): Promise<number> {
  const { home, output, signal } = context
  const invitation = await readInvitation(args.link)
  const inviter = peerIdOfPublicKey(invitation.inviter)
  const bootstrap = invitation.addresses.map((address) => `${address}/p2p/${inviter}`)
  const certify = async () => redeemFor(await loadOrCreateNodeKey(home.keyFile), invitation, { signal })
  const isThere = await home.exists()
  if (isThere) output.note(`${home.configFile} stays as it is, but for whose grid this is.`)
  const chain = isThere
    ? await rejoin(home, { invitation, bootstrap, certify })
    : await makeMemberHome(home, { ...args, bootstrap }, certify)
  const { own, peerId } = chain
  output.note('cairn run starts the node, cairn put stores a file.')
  await output.result(
    { home: home.folder, config: home.configFile, peerId, name: own.name, roles: own.roles },
    `${home.folder} is a member of the grid: ${peerId}\n${describeGrant(own)}`,
  )
  return args.run ? await goOn(args, context) : EXIT_DONE
}

/** A home that is there keeps its key, what it lends and what it stores. */
async function rejoin(
  home: Home,
  parts: {
    readonly invitation: Invitation
    readonly bootstrap: readonly string[]
    readonly certify: () => Promise<Chain>
  },
): Promise<Chain> {
  const { invitation, bootstrap, certify } = parts
  const { membership } = await home.readConfig()
  const before = membership === 'closed' ? await loadOwnChain(nodeDisk, home.folder) : undefined
  if (before !== undefined && !equalBytes(before.own.gridId, invitation.gridId)) {
    throw new ConflictError(`${home.folder} is a member of another grid`, {
      hint: 'Name another folder: cairn join LINK --home DIR',
    })
  }
  const config = asMemberConfig(await readFile(home.configFile, 'utf8'), home.configFile, bootstrap)
  const lock = await holdHome(home)
  try {
    const chain = await certify()
    await saveOwnChain(nodeDisk, home.folder, chain)
    await writePrivateFile(home.configFile, config)
    return chain
  } finally {
    await lock.close()
  }
}
