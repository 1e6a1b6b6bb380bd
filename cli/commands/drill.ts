/** `cairn drill`: files chosen by chance are restored elsewhere and proven to be right. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Snapshot } from '#crypto'
import { describeSnapshot } from '../backup/describe-snapshot.ts'
import { chooseFiles, type DrillChoice, type DrillReport, drill as runDrill } from '../backup/drill.ts'
import type { DrillArgs } from '../backup/invocation.ts'
import { listSnapshots, withReader } from '../backup/open.ts'
import { Problems } from '../backup/problems.ts'
import { requireEmpty } from '../backup/require-empty.ts'
import { newSeed } from '../backup/sample.ts'
import { chooseSnapshot } from '../backup/selection.ts'
import { workJson, workLine } from '../backup/work-line.ts'
import type { CommandContext } from '../context.ts'
import { countOf, formatBytes, formatCount } from '../describe.ts'
import { formatTime } from '../entry-lines.ts'
import { EXIT_CODES, EXIT_DONE } from '../exit-code.ts'
import { printable } from '../names.ts'

/** @returns 7 unless every file that was chosen is right */
export async function drill(args: DrillArgs, context: CommandContext): Promise<number> {
  const { output, signal } = context
  const seed = args.seed ?? newSeed()
  return withTarget(args, (target) =>
    withReader(args, context, async (reader) => {
      const { snapshots } = await listSnapshots(reader, context)
      const snapshot = chooseSnapshot(snapshots, args.snapshot, args.filter)
      const { files, sizeMaxBytes } = args
      const choice = await chooseFiles(reader, snapshot, { seed, files, sizeMaxBytes, signal })
      const problems = new Problems(output)
      const report = await runDrill(reader, snapshot, {
        chosen: choice.chosen,
        target,
        onProgress: (work) =>
          output.activity(workJson('restoring', work), (elapsed) => workLine('restoring', work, elapsed)),
        onProblem: problems.add,
        signal,
      })
      const isRight = report.problems === 0 && report.right === choice.chosen.length
      const drilledAt = new Date()
      const { chosen, ...counts } = choice
      await output.result(
        {
          drilledAt: drilledAt.toISOString(),
          snapshot: snapshot.id,
          seed,
          ...counts,
          chosen: chosen.length,
          ...report,
          isRight,
          problemCount: report.problems,
          problems: problems.kept,
          target: args.target === undefined ? undefined : target,
        },
        describeDrill(report, { choice, snapshot, seed, drilledAt, isRight }),
      )
      return isRight ? EXIT_DONE : EXIT_CODES.INTEGRITY
    }),
  )
}

/** A folder for what is restored: the one that was named, or one that goes when the drill is over. */
async function withTarget<Result>(
  args: DrillArgs,
  work: (target: string) => Promise<Result>,
): Promise<Result> {
  if (args.target !== undefined) {
    const target = resolve(args.target)
    await requireEmpty(target)
    return work(target)
  }
  const target = await mkdtemp(join(tmpdir(), 'cairn-drill-'))
  try {
    return await work(target)
  } finally {
    await rm(target, { recursive: true, force: true })
  }
}

function describeDrill(
  { right, bytes, same, notCompared, problems }: DrillReport,
  parts: {
    readonly choice: DrillChoice
    readonly snapshot: Snapshot
    readonly seed: string
    readonly drilledAt: Date
    readonly isRight: boolean
  },
): string {
  const { choice, snapshot, seed, drilledAt, isRight } = parts
  return [
    `drill of ${formatTime(drilledAt.getTime())}, ${describeSnapshot(snapshot)}, seed ${printable(seed)}`,
    `${right} of ${countOf(choice.chosen.length, 'file')} restored and right, ${formatBytes(bytes)}; the snapshot ` +
      `has ${formatCount(choice.files)}` +
      `${choice.leftOut > 0 ? `, ${choice.leftOut} that were drawn are too large` : ''}`,
    `${same} compared with this machine and the same; ${notCompared} changed here since, or not here`,
    isRight ? 'all right' : `FAILED: ${countOf(problems, 'problem')}, told above`,
  ].join('\n')
}
