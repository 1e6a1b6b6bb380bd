/** `cairn rm`: names out of directories. What they stood for stays until nobody renews its leases. */
import type { DirectoryWriteCapability } from '#crypto'
import { InvalidInputError } from '#crypto'
import { isDirectory, NotFoundError, whileOpen } from '#node'
import type { CommandContext } from '../context.ts'
import { identityOf } from '../copy/directory-stack.ts'
import { BATCH_NAMES_MAX } from '../copy/link-batch.ts'
import { EXIT_DONE } from '../exit-code.ts'
import { describePlace, parsePlace, requireGrid } from '../grid-path.ts'
import type { RmArgs } from '../invocation.ts'
import { type Located, Lookup, parentOf } from '../lookup.ts'
import { printable } from '../names.ts'

export async function rm(args: RmArgs, context: CommandContext): Promise<number> {
  const { output, signal } = context
  const places = args.places.map((path) => requireGrid(parsePlace(path)))
  return whileOpen(await context.openFiles(), async (files) => {
    const lookup = new Lookup(files, context)
    const byDirectory = new Map<string, { directory: DirectoryWriteCapability; names: string[] }>()
    const removed: string[] = []
    // All are looked at before one is touched.
    for (const place of places) {
      const found = await lookup.findIfThere(place)
      if (found === undefined) {
        if (args.force) continue
        throw new NotFoundError(`there is no ${printable(describePlace(place))}`)
      }
      const { directory, name } = parentOf(found)
      if (!args.recursive) await requireEmpty(lookup, found, signal)
      const key = identityOf(directory)
      const group = byDirectory.get(key) ?? { directory, names: [] }
      byDirectory.set(key, group)
      group.names.push(name)
      removed.push(describePlace(place))
    }
    for (const { directory, names } of byDirectory.values()) {
      const changes = [...new Set(names)].map(
        (name) => ({ kind: 'remove', name, ifMissing: 'ignore' }) as const,
      )
      for (let start = 0; start < changes.length; start += BATCH_NAMES_MAX) {
        const some = changes.slice(start, start + BATCH_NAMES_MAX)
        const { warnings } = await files.edit(directory, some, lookup.writing)
        warnings.forEach(lookup.onWarning)
      }
    }
    if (removed.length > 0) {
      output.note('unlinked; shares stay on the servers until their leases run out, 31 days after the last')
    }
    await output.report({ removed })
    return EXIT_DONE
  })
}

/** @throws InvalidInputError for a directory with something in it */
async function requireEmpty(lookup: Lookup, found: Located, signal: AbortSignal): Promise<void> {
  if (!isDirectory(found.capability)) return
  for await (const child of lookup.files.list(found.capability, { signal, onWarning: lookup.onWarning })) {
    throw new InvalidInputError(`${found.label} is not empty: ${printable(child.name)} is in it`, {
      hint: '-r takes it away with all below.',
    })
  }
}
