/** A home made of a recovery kit. */
import { mkdir } from 'node:fs/promises'
import { equalBytes, isSameCapability } from '#crypto'
import { ConflictError, findNodeKey, type NodeKey, type PeerId } from '#node'
import { changeAliases } from '../alias-file.ts'
import type { ConfigChoices } from '../config-file.ts'
import { explain } from '../errno.ts'
import type { Home } from '../home.ts'
import { makeHome, makeMemberHome } from '../make-home.ts'
import { createPrivateFile } from '../private-file.ts'
import { DEFAULT_ALIAS } from './open.ts'
import type { RecoveryKit } from './recovery-kit.ts'

/**
 * What a crash leaves half can be made again with the same kit.
 *
 * @param choices go before what the kit says
 * @throws ConflictError if there is a home of something else
 */
export async function makeKitHome(home: Home, kit: RecoveryKit, choices: ConfigChoices): Promise<PeerId> {
  const { members, shares, membership } = kit
  const all = {
    ...choices,
    bootstrap: [...new Set([...(choices.bootstrap ?? []), ...members])],
    needed: choices.needed ?? shares.neededShares,
    happy: choices.happy ?? shares.happyServers,
    total: choices.total ?? shares.totalShares,
  }
  if (membership === undefined) return await makeHome(home, { ...all, membership: 'open' })
  await keepKey(home, membership.key)
  return (await makeMemberHome(home, all, async () => membership.chain)).peerId
}

/** The alias `backup:` for the repository of the kit. @throws ConflictError if it stands for another one */
export async function addKitAlias(home: Home, { repository }: RecoveryKit): Promise<void> {
  await changeAliases(home, (book) => {
    const known = book.get(DEFAULT_ALIAS)
    if (known !== undefined && !isSameCapability(known, repository)) {
      throw new ConflictError(`there is an alias ${DEFAULT_ALIAS}: already, for another repository`, {
        hint: 'cairn alias rm takes it away; cairn alias list tells what there is.',
      })
    }
    book.set(DEFAULT_ALIAS, repository)
  })
}

async function keepKey(home: Home, key: NodeKey): Promise<void> {
  await mkdir(home.folder, { recursive: true, mode: 0o700 }).catch(explain('making', home.folder))
  const known = await findNodeKey(home.keyFile)
  if (known === undefined) return await createPrivateFile(home.keyFile, key.reveal())
  if (equalBytes(known.reveal(), key.reveal())) return
  throw new ConflictError(`${home.keyFile} is there, and not the key of the kit`, {
    hint: 'Name another --home.',
  })
}
