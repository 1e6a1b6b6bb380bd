/** `cairn init`: a home with a configuration and a key. */
import type { CommandContext } from '../context.ts'
import { EXIT_DONE } from '../exit-code.ts'
import type { InitArgs } from '../invocation.ts'
import { makeHome } from '../make-home.ts'

export async function init(args: InitArgs, { home, output }: CommandContext): Promise<number> {
  const peerId = await makeHome(home, args)
  const config = home.configFile
  output.note(`${config} is yours to edit; cairn run starts the node, cairn put stores a file.`)
  await output.result({ home: home.folder, config, peerId }, `${home.folder} is ready: ${peerId}`)
  return EXIT_DONE
}
