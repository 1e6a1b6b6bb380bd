/** What hosts have put into the drop-box of a repository is taken in before anything else is done with it. */
import { NotEnoughSharesError } from '#node'
import type { CommandContext } from '../context.ts'
import { countOf } from '../describe.ts'
import { printable } from '../names.ts'
import type { CollectReport, Repository } from './repository/types.ts'

export async function collectDrops(
  repository: Pick<Repository, 'collect'>,
  { output, signal }: CommandContext,
): Promise<void> {
  let report: CollectReport
  try {
    report = await repository.collect({
      signal,
      onProgress: ({ stage, done }) =>
        output.activity({ stage, done }, () => `collecting  ${countOf(done, 'drop')}`),
    })
  } catch (error) {
    // A host that turned bad can name packs that are nowhere: that must not keep the owner from what is there.
    if (!(error instanceof NotEnoughSharesError)) throw error
    output.warning(`warning: not all collected: ${printable(error.message)}`)
    return
  }
  for (const refused of report.refused) output.warning(`warning: not collected: ${printable(refused)}`)
  if (report.drops > 0) output.note(describeCollected(report))
}

function describeCollected({ drops, packs, snapshots }: CollectReport): string {
  return `collected ${countOf(drops, 'drop')}: ${countOf(snapshots, 'snapshot')}, ${countOf(packs, 'pack')}`
}
