/** `cairn forget`: snapshots are taken out; what only they need is freed by a prune. */
import { describeGroup, snapshotTable } from '../backup/describe-snapshot.ts'
import { type ForgetPlan, planForget } from '../backup/forget-plan.ts'
import type { ForgetArgs } from '../backup/invocation.ts'
import { listSnapshots, withRepository } from '../backup/open.ts'
import { pruneRepository } from '../backup/prune.ts'
import { shortId } from '../backup/selection.ts'
import type { CommandContext } from '../context.ts'
import { countOf } from '../describe.ts'
import { EXIT_DONE } from '../exit-code.ts'

export async function forget(args: ForgetArgs, context: CommandContext): Promise<number> {
  const { output, signal } = context
  return withRepository(
    args,
    context,
    async (repository) => {
      const { snapshots, unreadable } = await listSnapshots(repository, context)
      const plan = planForget(snapshots, args, {
        nowMilliseconds: Date.now(),
        unreadableIds: unreadable.map(({ id }) => id),
      })
      output.note(describePlan(plan, args.dryRun))
      if (!args.dryRun && plan.ids.length > 0) await repository.forget(plan.ids, { signal })
      // What would be freed then cannot be told while the snapshots are there.
      const isPruned = args.prune && !args.dryRun && plan.ids.length > 0
      const pruned = isPruned ? await pruneRepository(repository, { dryRun: false }, context) : undefined
      await output.report({ ...planJson(plan), dryRun: args.dryRun, pruned })
      return EXIT_DONE
    },
    { renews: !args.dryRun },
  )
}

function describePlan({ groups, ids }: ForgetPlan, dryRun: boolean): string {
  const verb = dryRun ? 'would be forgotten' : 'forgotten'
  const parts = groups.flatMap(({ key, kept, forgotten }) => [
    `${describeGroup(key)}: ${kept.length} of ${kept.length + forgotten.length} kept`,
    ...snapshotTable(
      kept.map(({ snapshot }) => snapshot),
      new Map(kept.map(({ snapshot, reasons }) => [snapshot.id, reasons])),
    ),
    ...(forgotten.length === 0 ? [] : [`${verb}:`, ...snapshotTable(forgotten)]),
    '',
  ])
  const named = groups.length === 0 && ids.length > 0 ? `: ${ids.map(shortId).join(', ')}` : ''
  return [...parts, `${countOf(ids.length, 'snapshot')} ${verb}${named}`].join('\n')
}

function planJson({ groups, ids }: ForgetPlan): object {
  return {
    forgotten: ids,
    groups: groups.map(({ key, kept, forgotten }) => ({
      ...key,
      kept: kept.map(({ snapshot, reasons }) => ({ id: snapshot.id, reasons })),
      forgotten: forgotten.map(({ id }) => id),
    })),
  }
}
