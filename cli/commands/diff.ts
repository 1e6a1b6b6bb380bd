/** `cairn diff`: what differs between two snapshots. */

import type { Content } from '#crypto'
import { NotFoundError } from '#node'
import { pathJson, printablePath, readPath } from '../backup/byte-path.ts'
import { treeEntryJson } from '../backup/describe-entry.ts'
import { type Change, type Difference, DiffTally, diffTrees } from '../backup/diff.ts'
import type { DiffArgs } from '../backup/invocation.ts'
import { listSnapshots, withReader } from '../backup/open.ts'
import type { RepositoryReader } from '../backup/repository/types.ts'
import { chooseSnapshot, shortId } from '../backup/selection.ts'
import { type Spot, spotAt } from '../backup/walk.ts'
import type { CommandContext } from '../context.ts'
import { formatBytes } from '../describe.ts'
import { EXIT_DONE } from '../exit-code.ts'
import { Listing } from '../listing.ts'

/** As restic writes them. */
const MARKS: Readonly<Record<Difference, string>> = {
  added: '+',
  removed: '-',
  content: 'M',
  metadata: 'U',
  kind: 'T',
}

export async function diff(args: DiffArgs, context: CommandContext): Promise<number> {
  const { output, signal } = context
  return withReader(args, context, async (reader) => {
    const { snapshots } = await listSnapshots(reader, context)
    const [before, after] = [args.before, args.after].map((id) => chooseSnapshot(snapshots, id, args.filter))
    if (before === undefined || after === undefined) return EXIT_DONE
    output.note(`from ${shortId(before.id)} to ${shortId(after.id)}`)
    const tally = new DiffTally()
    const listing = new Listing(output, args)
    const sides = await sidesOf(
      reader,
      { before: before.root, after: after.root },
      { path: args.path, signal },
    )
    for await (const change of diffTrees(reader, sides, { signal })) {
      tally.add(change)
      if (change.difference === 'metadata' && !args.metadata) continue
      await listing.add(changeJson(change), changeLine(change))
    }
    const { counts, addedBytes, removedBytes } = tally.totals
    await listing.flush()
    await output.report({ totals: tally.totals })
    output.note(
      `${counts.added} added, ${counts.removed} removed, ${counts.content + counts.kind} changed, ` +
        `${counts.metadata} only in metadata; ${formatBytes(addedBytes)} came, ${formatBytes(removedBytes)} went`,
    )
    return EXIT_DONE
  })
}

/** The same path on both sides. @throws NotFoundError if neither has it */
async function sidesOf(
  reader: Pick<RepositoryReader, 'readTree'>,
  roots: { readonly before: Content; readonly after: Content },
  { path, signal }: { readonly path: string; readonly signal: AbortSignal },
): Promise<Parameters<typeof diffTrees>[1]> {
  const readings = readPath(path)
  const spots: (Spot | undefined)[] = []
  let failure: unknown
  for (const root of [roots.before, roots.after]) {
    try {
      spots.push(await spotAt(reader, root, { readings, signal }))
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error
      failure = error
      spots.push(undefined)
    }
  }
  const [before, after] = spots
  const found = before ?? after
  if (found === undefined) throw failure
  return { before: before?.content, after: after?.content, path: found.path }
}

function changeLine({ difference, path, before, after }: Change): string {
  const isFolder = (after ?? before)?.kind === 'folder'
  return `${MARKS[difference]}  ${printablePath(path)}${isFolder ? '/' : ''}`
}

function changeJson({ difference, path, before, after }: Change): object {
  return {
    ...pathJson(path),
    difference,
    before: before && treeEntryJson({ path, entry: before }),
    after: after && treeEntryJson({ path, entry: after }),
  }
}
