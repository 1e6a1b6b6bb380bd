/** Files of this machine as a snapshot of a repository. */
import { type Snapshot, utf8 } from '#crypto'
import { ConflictError } from '#node'
import type { CommandContext } from '../context.ts'
import type { BackupPlan } from './backup-plan.ts'
import type { BackupArgs } from './invocation.ts'
import type { Problems } from './problems.ts'
import type { RepositoryWriter } from './repository/types.ts'
import { type SavedTree, saveTree } from './save-tree.ts'
import { shortId } from './selection.ts'
import { workJson, workLine } from './work-line.ts'

/** A prune that takes away what a backup relies on is rare; one that does it twice in a row is hardly seen. */
const TRIES_MAX = 3

export interface SavedSnapshot extends Omit<SavedTree, 'root'> {
  /** Undefined: a dry run. */
  readonly snapshot: Snapshot | undefined
}

export async function saveSnapshot(
  writer: RepositoryWriter,
  plan: BackupPlan,
  parts: {
    readonly args: Pick<BackupArgs, 'dryRun' | 'force' | 'oneFileSystem' | 'excludeCaches'>
    readonly problems: Problems
    readonly context: CommandContext
  },
): Promise<SavedSnapshot> {
  const { args, problems, context } = parts
  const { output, signal } = context
  const { host, paths, tags } = plan
  const parent = await writer.parentOf(host, paths, { signal })
  output.note(
    parent === undefined ? 'no snapshot to compare with: all is read' : `since ${shortId(parent.id)}`,
  )
  for (let tries = 1; ; tries += 1) {
    const takenAtMilliseconds = Date.now()
    const tree = await saveTree(writer, {
      ...args,
      paths: paths.map(utf8),
      exclude: plan.exclude,
      leaveOut: plan.leaveOut,
      parentRoot: parent?.root,
      parentTakenAtMilliseconds: parent?.takenAtMilliseconds,
      onProgress: (work) =>
        output.activity(workJson('saving', work), (elapsed) => workLine('saving', work, elapsed)),
      onProblem: problems.add,
      signal,
    })
    const { root, ...saved } = tree
    if (args.dryRun) return { ...saved, snapshot: undefined }
    try {
      output.activity({ stage: 'finishing' }, () => 'finishing')
      const content = {
        takenAtMilliseconds,
        host,
        paths,
        tags,
        root,
        parent: parent?.id,
        totals: saved.totals,
      }
      return { ...saved, snapshot: await writer.publish(content, { signal }) }
    } catch (error) {
      if (!(error instanceof ConflictError) || tries === TRIES_MAX) throw error
      output.note(`once more: ${error.message}`)
      problems.forget()
    }
  }
}
