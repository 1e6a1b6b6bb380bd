/** `cairn prune`: what no snapshot needs is let go of. */
import type { PruneArgs } from '../backup/invocation.ts'
import { withRepository } from '../backup/open.ts'
import { pruneRepository } from '../backup/prune.ts'
import type { CommandContext } from '../context.ts'
import { EXIT_DONE } from '../exit-code.ts'

export async function prune(args: PruneArgs, context: CommandContext): Promise<number> {
  const { dryRun, repackBelow } = args
  const keepUnfinishedMilliseconds = args.unfinished ? 0 : undefined
  return withRepository(
    args,
    context,
    async (repository) => {
      const options = { dryRun, repackBelow, keepUnfinishedMilliseconds }
      await context.output.report({ dryRun, ...(await pruneRepository(repository, options, context)) })
      return EXIT_DONE
    },
    { renews: !dryRun },
  )
}
