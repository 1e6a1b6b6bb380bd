/** `cairn init`: the first home of a grid, or one of an open grid, or one that a recovery kit restores with. */
import type { CommandContext } from '../context.ts'
import { EXIT_DONE } from '../exit-code.ts'
import type { InitArgs } from '../invocation.ts'
import { foundHome, makeHome } from '../make-home.ts'
import { goOn } from './run.ts'

const NAME_DEFAULT = 'founder'

export async function init(args: InitArgs, context: CommandContext): Promise<number> {
  if (args.kit !== undefined) return (await import('./init-kit.ts')).initKit(args, args.kit, context)
  const { home, output } = context
  const peerId = args.open ? await makeOpen(args, context) : await found(args, context)
  const config = home.configFile
  output.note(`${config} is yours to edit; cairn run starts the node, cairn put stores a file.`)
  const result = { home: home.folder, config, peerId, membership: args.open ? 'open' : 'closed' }
  await output.result(result, `${home.folder} is ready: ${peerId}`)
  return args.run ? await goOn(args, context) : EXIT_DONE
}

async function found(args: InitArgs, { home, output }: CommandContext): Promise<string> {
  const chain = await foundHome(home, args, args.name ?? NAME_DEFAULT)
  output.note(
    `A grid was founded. ${home.founderKeyFile} signs for it: whoever has a copy can admit and expel anybody, and if ` +
      'none is left, nobody can expel this machine. Copy it to a safe place that is not this machine.',
  )
  output.note('cairn invite makes links with which others join, while this node runs.')
  return chain.peerId
}

async function makeOpen(args: InitArgs, { home, output }: CommandContext): Promise<string> {
  const peerId = await makeHome(home, { ...args, membership: 'open' })
  output.note(
    'This home is of an open grid: whoever reaches a node may use it. A grid of members is joined with cairn join.',
  )
  return peerId
}
