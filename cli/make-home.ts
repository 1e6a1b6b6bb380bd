/** Make a home on the disk. */
import { mkdir } from 'node:fs/promises'
import {
  type Chain,
  ConflictError,
  foundGrid,
  loadOrCreateNodeKey,
  nodeDisk,
  type PeerId,
  parseConfigToml,
  peerIdOfPublicKey,
  publicKeyOf,
  saveOwnChain,
  signerOf,
  systemClock,
} from '#node'
import { type ConfigChoices, formatConfig } from './config-file.ts'
import { explain } from './errno.ts'
import type { Home } from './home.ts'
import { createPrivateFile } from './private-file.ts'

/**
 * A home of an open grid.
 *
 * @returns the peer id of its key; a key that is there already is kept
 * @throws ConflictError if there is a configuration, InvalidInputError if the choices make none
 */
export async function makeHome(home: Home, choices: ConfigChoices): Promise<PeerId> {
  await prepareHome(home, choices)
  await createPrivateFile(home.configFile, formatConfig(choices))
  return peerIdOfPublicKey(publicKeyOf(await loadOrCreateNodeKey(home.keyFile)))
}

/** A home of a grid of members. @param certify gives the chain of the home's key */
export async function makeMemberHome(
  home: Home,
  choices: ConfigChoices,
  certify: (publicKey: Uint8Array) => Promise<Chain>,
): Promise<Chain> {
  const closed = { ...choices, membership: 'closed' } as const
  await prepareHome(home, closed)
  const chain = await certify(publicKeyOf(await loadOrCreateNodeKey(home.keyFile)))
  await saveOwnChain(nodeDisk, home.folder, chain)
  // Last: before it is there, the folder is not a home, and all of this can be done again.
  await createPrivateFile(home.configFile, formatConfig(closed))
  return chain
}

/** The first home of a new grid, with the founder's key. */
export async function foundHome(home: Home, choices: ConfigChoices, name: string): Promise<Chain> {
  return await makeMemberHome(home, choices, async (publicKey) => {
    const founder = signerOf(await loadOrCreateNodeKey(home.founderKeyFile))
    return await foundGrid(founder, { publicKey, name, now: systemClock.now() })
  })
}

/** @throws ConflictError if there is a configuration, InvalidInputError if the choices make none */
async function prepareHome(home: Home, choices: ConfigChoices): Promise<void> {
  parseConfigToml(formatConfig(choices), home.configFile)
  await mkdir(home.folder, { recursive: true, mode: 0o700 }).catch(explain('making', home.folder))
  if (await home.exists()) throw new ConflictError(`writing ${home.configFile}: it exists already`)
}
