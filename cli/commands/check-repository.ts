/** `cairn check` of a repository: that all of every snapshot is there, and with --read-data that it is right. */

import { pathJson, printablePath } from '../backup/byte-path.ts'
import type { CheckRepositoryArgs } from '../backup/invocation.ts'
import { withRepository } from '../backup/open.ts'
import { stageText } from '../backup/prune.ts'
import type { CheckProblem, CheckReport } from '../backup/repository/types.ts'
import { newSeed } from '../backup/sample.ts'
import { shortId } from '../backup/selection.ts'
import type { CommandContext } from '../context.ts'
import { countOf, formatBytes } from '../describe.ts'
import { EXIT_CODES, EXIT_DONE } from '../exit-code.ts'
import { printable } from '../names.ts'

/** More than these are counted and told of, and not kept. */
const PROBLEMS_KEPT_MAX = 1000
const NOUNS = { walking: 'snapshots', reading: 'packs' } as const

/** @returns 7 if anything is wrong */
export async function checkRepository(args: CheckRepositoryArgs, context: CommandContext): Promise<number> {
  const { output, signal } = context
  return withRepository(
    args,
    context,
    async (repository) => {
      const problems: object[] = []
      const report = await repository.check({
        read: args.read,
        seed: newSeed(),
        signal,
        onProblem: (problem) => {
          if (problems.length < PROBLEMS_KEPT_MAX) problems.push(problemJson(problem))
          output.complaint(problemLine(problem))
        },
        onProgress: (progress) => {
          const { stage, done, total } = progress
          output.activity({ ...progress }, () => stageText(stage, { done, total, noun: NOUNS[stage] }))
        },
      })
      const { problems: problemCount, ...counts } = report
      await output.result({ ...counts, problemCount, problems }, describeCheck(report))
      return problemCount > 0 ? EXIT_CODES.INTEGRITY : EXIT_DONE
    },
    { renews: false },
  )
}

function problemLine({ kind, message, snapshotId, path }: CheckProblem): string {
  const where = [
    ...(snapshotId === undefined ? [] : [`snapshot ${shortId(snapshotId)}`]),
    ...(path === undefined ? [] : [printablePath(path)]),
  ]
  return `${kind}: ${printable(message)}${where.length > 0 ? ` (${where.join(' ')})` : ''}`
}

function problemJson({ path, ...problem }: CheckProblem): object {
  return { ...problem, ...(path === undefined ? {} : pathJson(path)) }
}

function describeCheck({ snapshots, packs, blobs, packsRead, bytesRead, problems }: CheckReport): string {
  const verdict = problems === 0 ? 'no problem' : countOf(problems, 'PROBLEM')
  const read = packsRead > 0 ? `; ${countOf(packsRead, 'pack')} read, ${formatBytes(bytesRead)}` : ''
  return `${verdict}: ${countOf(snapshots, 'snapshot')}, ${countOf(blobs, 'blob')}, ${countOf(packs, 'pack')}${read}`
}
