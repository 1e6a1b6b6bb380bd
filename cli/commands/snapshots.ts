/** `cairn snapshots`: what backups there are. */
import { snapshotJson, snapshotTable } from '../backup/describe-snapshot.ts'
import type { SnapshotsArgs } from '../backup/invocation.ts'
import { listSnapshots, withReader } from '../backup/open.ts'
import { isChosen, latestOfEach } from '../backup/selection.ts'
import type { CommandContext } from '../context.ts'
import { EXIT_DONE, EXIT_PARTLY } from '../exit-code.ts'
import { Listing } from '../listing.ts'

export async function snapshots(args: SnapshotsArgs, context: CommandContext): Promise<number> {
  const { output } = context
  return withReader(args, context, async (reader, { label }) => {
    const { snapshots: all, unreadable } = await listSnapshots(reader, context)
    const chosen = latestOfEach(
      all.filter((snapshot) => isChosen(snapshot, args.filter)),
      args.latest ?? Number.POSITIVE_INFINITY,
    ).toReversed()
    const listing = new Listing(output, args)
    if (args.json) {
      for (const snapshot of chosen) await listing.add(snapshotJson(snapshot), '')
      for (const { id, error } of unreadable) {
        await listing.add({ id, error: { code: error.code, message: error.message } }, '')
      }
    } else if (chosen.length > 0) {
      for (const line of snapshotTable(chosen)) await listing.add({}, line)
    }
    await listing.flush()
    const left = all.length - chosen.length
    if (left > 0) output.note(`${left} more that are not meant`)
    else if (all.length === 0) output.note(`${label} has no snapshot yet`)
    return unreadable.length > 0 ? EXIT_PARTLY : EXIT_DONE
  })
}
