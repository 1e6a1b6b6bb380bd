/** Make a home on the disk. */
import { mkdir } from 'node:fs/promises'
import { loadOrCreateNodeKey, type PeerId, parseConfigToml, peerIdOfPublicKey, publicKeyOf } from '#node'
import { type ConfigChoices, formatConfig } from './config-file.ts'
import { explain } from './errno.ts'
import type { Home } from './home.ts'
import { createPrivateFile } from './private-file.ts'

/**
 * @returns the peer id of its key; a key that is there already is kept
 * @throws ConflictError if there is a configuration, InvalidInputError if the choices make none
 */
export async function makeHome(home: Home, choices: ConfigChoices): Promise<PeerId> {
  const text = formatConfig(choices)
  parseConfigToml(text, home.configFile)
  await mkdir(home.folder, { recursive: true, mode: 0o700 }).catch(explain('making', home.folder))
  await createPrivateFile(home.configFile, text)
  return peerIdOfPublicKey(publicKeyOf(await loadOrCreateNodeKey(home.keyFile)))
}
