/** `cairn mv`: one edit within a directory; between two, linked there before it is unlinked here. */
import { InvalidInputError } from '#crypto'
import { ConflictError, type DirectoryChange, isDirectory, whileOpen } from '#node'
import type { CommandContext } from '../context.ts'
import { identityOf } from '../copy/directory-stack.ts'
import { EXIT_DONE } from '../exit-code.ts'
import { describePlace, type GridPlace, parsePlace, requireGrid } from '../grid-path.ts'
import type { MvArgs } from '../invocation.ts'
import { type Located, Lookup, parentOf } from '../lookup.ts'

export async function mv(args: MvArgs, context: CommandContext): Promise<number> {
  const sources = args.sources.map((path) => requireGrid(parsePlace(path)))
  const target = requireGrid(parsePlace(args.target))
  return whileOpen(await context.openFiles(), async (files) => {
    const lookup = new Lookup(files, context)
    const moved: { readonly from: string; readonly to: string }[] = []
    for (const source of sources) {
      const found = await lookup.find(source)
      const to = await move(lookup, found, { target, isOneOfMany: sources.length > 1 })
      moved.push({ from: describePlace(source), to })
    }
    await context.output.report(moved)
    return EXIT_DONE
  })
}

/** @returns where it is now */
async function move(
  lookup: Lookup,
  source: Located,
  options: {
    readonly target: GridPlace
    readonly isOneOfMany: boolean
  },
): Promise<string> {
  const { target, isOneOfMany } = options
  const { capability, metadata } = source
  const from = parentOf(source)
  const isOfDirectory = isDirectory(capability)
  if (isOfDirectory) await refuseIntoItself(lookup, source, target)
  const to = await lookup.destination(target, { name: from.name, isOneOfMany, isDirectory: isOfDirectory })
  const isSameDirectory = identityOf(from.directory) === identityOf(to.directory)
  if (isSameDirectory && from.name === to.name) return to.label
  if (to.existing !== undefined && (isOfDirectory || isDirectory(to.existing.capability))) {
    throw new ConflictError(`${to.label} is there already`, {
      hint: 'A directory neither replaces anything nor is replaced: move it away first.',
    })
  }
  const edit = async (directory: typeof from.directory, change: DirectoryChange): Promise<void> => {
    const { warnings } = await lookup.files.edit(directory, [change], lookup.writing)
    warnings.forEach(lookup.onWarning)
  }
  if (isSameDirectory) {
    await edit(to.directory, { kind: 'rename', from: from.name, to: to.name, ifExists: 'replace' })
  } else {
    const ifExists = to.existing === undefined ? 'refuse' : 'replace'
    await edit(to.directory, { kind: 'set', name: to.name, capability, metadata, ifExists })
    await edit(from.directory, { kind: 'remove', name: from.name, ifMissing: 'ignore' })
  }
  return to.label
}

/** A directory that only itself leads to could not be found again. @throws InvalidInputError */
async function refuseIntoItself(lookup: Lookup, source: Located, target: GridPlace): Promise<void> {
  if (source.capability.kind === 'lit') return
  const identity = identityOf(source.capability)
  for (let depth = 0; depth <= target.path.length; depth += 1) {
    const above = await lookup.findIfThere({
      ...target,
      path: target.path.slice(0, depth),
      isFolder: false,
    })
    if (above === undefined || above.capability.kind === 'lit') return
    if (identityOf(above.capability) === identity) {
      throw new InvalidInputError(`${source.label} cannot be moved into itself`)
    }
  }
}
