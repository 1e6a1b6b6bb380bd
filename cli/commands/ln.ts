/** `cairn ln`: one more name for something of the grid. */
import { type Capability, type ChildCapability, toReadCapability, type WriteCapability } from '#crypto'
import { ConflictError, isDirectory, whileOpen } from '#node'
import type { CommandContext } from '../context.ts'
import { EXIT_DONE } from '../exit-code.ts'
import { parsePlace, requireGrid } from '../grid-path.ts'
import type { LnArgs } from '../invocation.ts'
import { Lookup } from '../lookup.ts'

export async function ln(args: LnArgs, context: CommandContext): Promise<number> {
  const target = requireGrid(parsePlace(args.target))
  return whileOpen(await context.openFiles(), async (files) => {
    const lookup = new Lookup(files, context)
    const source = await lookup.find(args.source)
    const { metadata, name } = source
    const capability = args.readOnly ? toReadCapability(source.capability) : linkable(source.capability)
    const isOfDirectory = isDirectory(source.capability)
    const to = await lookup.destination(target, { name, isDirectory: isOfDirectory })
    if (to.existing !== undefined && !args.force) {
      throw new ConflictError(`${to.label} is there already`, { hint: '--force replaces it.' })
    }
    if (to.existing !== undefined && isDirectory(to.existing.capability)) {
      throw new ConflictError(`${to.label} is a directory`, { hint: 'cairn rm takes it away first.' })
    }
    const ifExists = args.force ? 'replace' : 'refuse'
    const change = { kind: 'set', name: to.name, capability, metadata, ifExists } as const
    const { warnings } = await files.edit(to.directory, [change], lookup.writing)
    warnings.forEach(lookup.onWarning)
    await context.output.report({ path: to.label, kind: capability.kind })
    return EXIT_DONE
  })
}

/** With all that it grants. @throws WeakCapabilityError if it only verifies */
function linkable(capability: Capability): WriteCapability | ChildCapability {
  return capability.access === 'write' ? capability : toReadCapability(capability)
}
