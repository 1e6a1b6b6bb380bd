/** `cairn restore`: a snapshot, or a part of it, back onto this machine. */
import { resolve } from 'node:path'
import { InvalidInputError, utf8 } from '#crypto'
import { printablePath, readPath } from '../backup/byte-path.ts'
import { describeSnapshot } from '../backup/describe-snapshot.ts'
import type { RestoreArgs } from '../backup/invocation.ts'
import { listSnapshots, withReader } from '../backup/open.ts'
import { Problems } from '../backup/problems.ts'
import { requireEmpty } from '../backup/require-empty.ts'
import { type RestoreReport, restoreTree } from '../backup/restore-tree.ts'
import { chooseSnapshot } from '../backup/selection.ts'
import { spotAt } from '../backup/walk.ts'
import { workJson, workLine } from '../backup/work-line.ts'
import type { CommandContext } from '../context.ts'
import { countOf, formatCount, formatTransfer } from '../describe.ts'
import { EXIT_DONE, EXIT_PARTLY } from '../exit-code.ts'

/** @returns 1 if something could not be brought back */
export async function restore(args: RestoreArgs, context: CommandContext): Promise<number> {
  const { output, signal } = context
  const [id = '', ...rest] = args.snapshot.split(':')
  const readings = readPath(rest.join(':'))
  const target = resolve(args.target)
  if (args.overwrite === undefined) await requireEmpty(target)
  return withReader(args, context, async (reader) => {
    const { snapshots } = await listSnapshots(reader, context)
    const snapshot = chooseSnapshot(snapshots, id, args.filter)
    const spot = await spotAt(reader, snapshot.root, { readings, signal })
    if (spot.content === undefined || (spot.entry !== undefined && spot.entry.kind !== 'folder')) {
      throw new InvalidInputError(`${printablePath(spot.path)} is no folder`, {
        hint: `--include ${printablePath(spot.path)} restores it alone; cairn dump writes it to standard output.`,
      })
    }
    output.note(`restoring ${describeSnapshot(snapshot)}${args.dryRun ? ': a dry run' : ''}`)
    const problems = new Problems(output)
    const startedAt = performance.now()
    const report = await restoreTree(reader, spot.content, {
      target: utf8(target),
      include: args.includes,
      exclude: args.excludes,
      overwrite: args.overwrite,
      verify: args.verify,
      dryRun: args.dryRun,
      onProgress: (work) =>
        output.activity(workJson('restoring', work), (elapsed) => workLine('restoring', work, elapsed)),
      onProblem: problems.add,
      signal,
    })
    const milliseconds = performance.now() - startedAt
    output.note(describeRestore(report, { milliseconds, dryRun: args.dryRun, verified: args.verify }))
    const { problems: problemCount, ...counts } = report
    await output.report({
      snapshot: snapshot.id,
      target,
      dryRun: args.dryRun,
      ...counts,
      problemCount,
      problems: problems.kept,
      seconds: milliseconds / 1000,
    })
    return problemCount > 0 ? EXIT_PARTLY : EXIT_DONE
  })
}

function describeRestore(
  report: RestoreReport,
  options: { readonly milliseconds: number; readonly dryRun: boolean; readonly verified: boolean },
): string {
  const { files, folders, others, hardLinks, bytes, unchanged, skipped, verified, ownersNotKept } = report
  const restored = options.dryRun ? 'would be restored' : 'restored'
  const parts = [
    `${countOf(files, 'file')} and ${countOf(folders, 'folder')} ${restored}, ` +
      formatTransfer(bytes, options.milliseconds),
    ...(others > 0 ? [`${countOf(others, 'link')} and the like`] : []),
    ...(hardLinks > 0 ? [countOf(hardLinks, 'hard link')] : []),
    ...(unchanged > 0 ? [`${formatCount(unchanged)} there already`] : []),
    ...(skipped > 0 ? [`${formatCount(skipped)} left as they were`] : []),
    ...(options.verified ? [`${formatCount(verified)} read back and right`] : []),
  ]
  return [
    parts.join('; '),
    ...(ownersNotKept > 0
      ? [`${formatCount(ownersNotKept)} with another owner: only root may give files away`]
      : []),
    ...(report.notKept === undefined ? [] : [`not brought back: ${report.notKept}`]),
    ...(report.problems > 0 ? [`${countOf(report.problems, 'PROBLEM')}, told above`] : []),
  ].join('\n')
}
