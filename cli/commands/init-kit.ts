/** `cairn init --kit`: a home that restores, of nothing but a recovery kit. */
import { open } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { InvalidInputError } from '#crypto'
import { loadOrCreateNodeKey, peerIdOfPublicKey, publicKeyOf } from '#node'
import { addKitAlias, makeKitHome } from '../backup/kit-home.ts'
import { DEFAULT_ALIAS } from '../backup/open.ts'
import { KIT_FILE_MAX_BYTES, parseKit, type RecoveryKit } from '../backup/recovery-kit.ts'
import type { CommandContext } from '../context.ts'
import { explain } from '../errno.ts'
import { EXIT_DONE } from '../exit-code.ts'
import type { InitArgs } from '../invocation.ts'
import { goOn } from './run.ts'

export async function initKit(args: InitArgs, path: string, context: CommandContext): Promise<number> {
  const { home, output } = context
  if (args.name !== undefined) {
    throw new InvalidInputError('--name is for whoever founds a grid: a kit leads to one that is there')
  }
  const kit = await readKit(path)
  // A member of the grid needs no other home to restore; and an init that died half-way goes on here.
  const isThere = isWithoutChoices(args) && (await home.exists())
  const peerId = isThere
    ? peerIdOfPublicKey(publicKeyOf(await loadOrCreateNodeKey(home.keyFile)))
    : await makeKitHome(home, kit, args)
  await addKitAlias(home, kit)
  if (isThere) output.note(`${home.configFile} was there, and is left as it is: only the alias is new`)
  output.note(
    `${DEFAULT_ALIAS}: is the repository of the kit of ${kit.madeOn}. Next: cairn snapshots, and ` +
      'cairn restore latest --target FOLDER',
  )
  const result = { home: home.folder, config: home.configFile, peerId }
  await output.result(result, `${home.folder} is ready: ${peerId}`)
  return args.run ? await goOn(args, context) : EXIT_DONE
}

/** Whether nothing but the kit says what the home is to be. */
function isWithoutChoices({ listen, announce, bootstrap, open: isOpen, run, ...args }: InitArgs): boolean {
  const { lend, reserve, quota, owner, site, needed, happy, total } = args
  const isSilent = [lend, reserve, quota, owner, site, needed, happy, total].every(
    (value) => value === undefined,
  )
  return isSilent && listen.length + announce.length + bootstrap.length === 0 && !isOpen && !run
}

/** @param path `-` is standard input; @throws InvalidInputError */
async function readKit(path: string): Promise<RecoveryKit> {
  if (path === '-') return parseKit(await text(process.stdin))
  const file = await open(path, 'r').catch(explain('reading', path))
  try {
    if ((await file.stat()).size > KIT_FILE_MAX_BYTES) {
      throw new InvalidInputError(`${path} has more than ${KIT_FILE_MAX_BYTES} bytes: it is no recovery kit`)
    }
    return parseKit(await file.readFile('utf8').catch(explain('reading', path)))
  } finally {
    await file.close()
  }
}
