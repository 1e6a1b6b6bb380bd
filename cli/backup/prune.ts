/** A prune as people follow it. */
import type { CommandContext } from '../context.ts'
import { countOf, formatBytes } from '../describe.ts'
import type { PruneOptions, PruneReport, PruneStage, Repository, StageProgress } from './repository/types.ts'

const NOUNS: Readonly<Record<PruneStage, string>> = {
  marking: 'snapshots',
  repacking: 'packs',
  freeing: 'packs',
}

/** Shows how it goes, and notes what came of it. */
export async function pruneRepository(
  repository: Pick<Repository, 'prune'>,
  options: Omit<PruneOptions, 'onProgress' | 'signal'>,
  { output, signal }: CommandContext,
): Promise<PruneReport> {
  const report = await repository.prune({
    ...options,
    signal,
    onProgress: (progress) => {
      const { stage, done, total } = progress
      output.activity({ ...progress }, () => stageText(stage, { done, total, noun: NOUNS[stage] }))
    },
  })
  output.note(describePrune(report, options.dryRun === true))
  return report
}

export function stageText(
  stage: string,
  { done, total, noun }: Omit<StageProgress<string>, 'stage'> & { readonly noun: string },
): string {
  return `${stage}  ${done}${total === undefined ? '' : ` of ${total}`} ${noun}`
}

export function describePrune(report: PruneReport, dryRun: boolean): string {
  const { snapshots, packs, kept, repacked, freed, freedBytes, bytesNow } = report
  const would = dryRun ? 'would be ' : ''
  const lines = [
    `${countOf(snapshots, 'snapshot')}, ${countOf(packs, 'pack')}: ${freed} ${would}freed, ${formatBytes(freedBytes)}` +
      (repacked > 0 ? `; of ${repacked} of them what is needed ${would}put anew` : ''),
    ...(kept > 0
      ? [`${kept} not needed, and kept for unfinished backups (--unfinished frees them too)`]
      : []),
    `${formatBytes(bytesNow)} ${dryRun ? 'are' : 'remain'} in packs`,
    ...(freed > 0 && !dryRun ? ['servers give the space free when leases run out, in 31 days at most'] : []),
  ]
  return lines.join('\n')
}
