/** `cairn find`: files in snapshots, by patterns of names and paths. */
import { longEntryLine, shortEntryLine, treeEntryJson } from '../backup/describe-entry.ts'
import { describeSnapshot } from '../backup/describe-snapshot.ts'
import { Finder } from '../backup/find.ts'
import type { FindArgs } from '../backup/invocation.ts'
import { PathRules } from '../backup/local/rules.ts'
import { listSnapshots, withReader } from '../backup/open.ts'
import { newestFirst } from '../backup/policy.ts'
import { chooseSnapshot, isChosen } from '../backup/selection.ts'
import type { CommandContext } from '../context.ts'
import { countOf } from '../describe.ts'
import { EXIT_CODES, EXIT_DONE } from '../exit-code.ts'
import { Listing } from '../listing.ts'

/** @returns 4 if nothing was found */
export async function find(args: FindArgs, context: CommandContext): Promise<number> {
  const { output, signal } = context
  const { ignoreCase } = args
  const rules = PathRules.parse(args.patterns, { ignoreCase })
  return withReader(args, context, async (reader) => {
    const { snapshots } = await listSnapshots(reader, context)
    const chosen =
      args.snapshots.length > 0
        ? args.snapshots.map((id) => chooseSnapshot(snapshots, id, args.filter))
        : snapshots.filter((snapshot) => isChosen(snapshot, args.filter)).sort(newestFirst)
    const finder = new Finder(reader, rules)
    const listing = new Listing(output, args)
    const line = args.long ? longEntryLine : shortEntryLine
    let count = 0
    for (const [index, snapshot] of chosen.entries()) {
      output.activity(
        { stage: 'finding', snapshots: index, total: chosen.length },
        () => `finding  ${count} found`,
      )
      let isFirst = true
      for await (const walked of finder.find(snapshot.root, { signal })) {
        if (isFirst) await listing.heading(`${count > 0 ? '\n' : ''}${describeSnapshot(snapshot)}`)
        isFirst = false
        count += 1
        await listing.add({ snapshot: snapshot.id, ...treeEntryJson(walked) }, `  ${line(walked)}`)
      }
    }
    await listing.flush()
    if (count === 0) output.note(`nothing found in ${countOf(chosen.length, 'snapshot')}`)
    return count === 0 ? EXIT_CODES.NOT_FOUND : EXIT_DONE
  })
}
