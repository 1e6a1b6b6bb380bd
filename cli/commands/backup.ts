/** `cairn backup`: a snapshot of files and folders of this machine. */
import { whileOpen } from '#node'
import { type BackupPlan, planBackup } from '../backup/backup-plan.ts'
import { dedupRatio, describeTotals, snapshotJson } from '../backup/describe-snapshot.ts'
import type { BackupArgs } from '../backup/invocation.ts'
import { openWriter } from '../backup/open-writer.ts'
import { Problems } from '../backup/problems.ts'
import { renewIfDue } from '../backup/renew.ts'
import type { RepositoryWriter } from '../backup/repository/types.ts'
import { saveSnapshot } from '../backup/save-snapshot.ts'
import { shortId } from '../backup/selection.ts'
import type { CommandContext } from '../context.ts'
import { countOf, formatBytes, formatTransfer } from '../describe.ts'
import { EXIT_CODES, EXIT_DONE, EXIT_PARTLY } from '../exit-code.ts'
import { installTimer } from './install-timer.ts'

/** @returns 1 if something could not be read: the snapshot has the rest; 5 if an older one cannot be restored now */
export async function backup(args: BackupArgs, context: CommandContext): Promise<number> {
  if (args.timer !== undefined) return installTimer(args, args.timer, context)
  const { output } = context
  const plan = await planBackup(args, context.home)
  return whileOpen(await context.openFiles(), async (files) => {
    const { writer, label, repository } = await openWriter(files, args, context)
    const problems = new Problems(output)
    const report = await whileOpen(writer, (open) =>
      backupInto(open, { args, plan, label, problems, context }),
    )
    const renewal =
      args.dryRun || repository === undefined ? undefined : await renewIfDue(repository, context)
    await output.report({ ...report, renewal })
    if (renewal !== undefined && renewal.unrecoverable > 0) return EXIT_CODES.NOT_ENOUGH_SHARES
    return problems.count > 0 ? EXIT_PARTLY : EXIT_DONE
  })
}

/** Tells what came of it. @returns the same for programs */
async function backupInto(
  writer: RepositoryWriter,
  parts: {
    readonly args: BackupArgs
    readonly plan: BackupPlan
    readonly label: string
    readonly problems: Problems
    readonly context: CommandContext
  },
): Promise<object> {
  const { args, plan, label, problems, context } = parts
  const { output } = context
  const saved = await saveSnapshot(writer, plan, { args, problems, context })
  const { totals, snapshot, notKept } = saved
  const { packBytesSent } = writer.traffic
  if (notKept !== undefined) output.note(`not kept: ${notKept}`)
  output.note(
    [
      ...describeTotals(totals),
      args.dryRun
        ? 'a dry run: nothing was sent, and no snapshot made'
        : `sent      ${packBytesSent === 0 ? 'nothing' : `${formatBytes(packBytesSent)} in packs`}; ` +
          formatTransfer(totals.bytes, totals.milliseconds),
      ...(problems.count > 0
        ? [`${countOf(problems.count, 'PROBLEM')}, told above: the snapshot has all the rest`]
        : []),
      ...(snapshot === undefined ? [] : [`snapshot ${shortId(snapshot.id)} is in ${label}`]),
    ].join('\n'),
  )
  return {
    ...(snapshot === undefined ? { totals } : snapshotJson(snapshot)),
    dryRun: args.dryRun,
    dedupRatio: dedupRatio(totals),
    packBytesSent,
    problemCount: problems.count,
    problems: problems.kept,
  }
}
