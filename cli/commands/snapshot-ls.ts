/** `cairn ls --snapshot`: what is in a folder of a snapshot. */
import { readPath } from '../backup/byte-path.ts'
import { longEntryLine, shortEntryLine, treeEntryJson } from '../backup/describe-entry.ts'
import type { SnapshotLsArgs } from '../backup/invocation.ts'
import { listSnapshots, withReader } from '../backup/open.ts'
import { chooseSnapshot } from '../backup/selection.ts'
import { type Spot, spotAt, type TreeReader, type WalkedEntry, walkTree } from '../backup/walk.ts'
import type { CommandContext } from '../context.ts'
import { EXIT_DONE } from '../exit-code.ts'
import { Listing } from '../listing.ts'

export async function snapshotLs(args: SnapshotLsArgs, context: CommandContext): Promise<number> {
  const { output, signal } = context
  const readings = readPath(args.path)
  return withReader(args, context, async (reader) => {
    const { snapshots } = await listSnapshots(reader, context)
    const { root } = chooseSnapshot(snapshots, args.snapshot, args.filter)
    const spot = await spotAt(reader, root, { readings, signal })
    const listing = new Listing(output, args)
    const line = args.long ? longEntryLine : shortEntryLine
    for await (const walked of entriesOf(reader, spot, { isDeep: args.recursive, signal })) {
      await listing.add(treeEntryJson(walked), line(walked))
    }
    await listing.flush()
    return EXIT_DONE
  })
}

/** What is in a folder, and if wanted all below it; of anything else itself. */
async function* entriesOf(
  reader: TreeReader,
  { path, entry, content }: Spot,
  { isDeep, signal }: { readonly isDeep: boolean; readonly signal: AbortSignal },
): AsyncGenerator<WalkedEntry, void, undefined> {
  if (entry !== undefined && entry.kind !== 'folder') yield { path, entry }
  else if (content !== undefined) yield* walkTree(reader, content, { path, enter: () => isDeep, signal })
}
