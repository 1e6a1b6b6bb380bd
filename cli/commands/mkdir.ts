/** `cairn mkdir`: directories at paths, or one of no name whose capability is the result. */
import { formatCapability, toReadCapability } from '#crypto'
import { ConflictError, isDirectory, NotFoundError, whileOpen } from '#node'
import type { CommandContext } from '../context.ts'
import { requireWritable } from '../copy/directory-stack.ts'
import { EXIT_DONE } from '../exit-code.ts'
import { describePlace, type GridPlace, parsePlace, requireGrid } from '../grid-path.ts'
import type { MkdirArgs } from '../invocation.ts'
import { type Located, Lookup } from '../lookup.ts'
import { printable } from '../names.ts'

export async function mkdir(args: MkdirArgs, context: CommandContext): Promise<number> {
  const { output, signal } = context
  const places = args.paths.map((path) => requireGrid(parsePlace(path)))
  return whileOpen(await context.openFiles(), async (files) => {
    if (places.length === 0) {
      const made = await files.makeDirectory({ signal })
      const [capability, readCapability] = [made, toReadCapability(made)].map(formatCapability)
      output.note('Whoever has it can read and change the directory and all below; keep it, or it is lost.')
      await output.result({ capability, readCapability }, capability ?? '')
      return EXIT_DONE
    }
    const lookup = new Lookup(files, context)
    const results: { readonly path: string; readonly made: boolean }[] = []
    for (const place of places) {
      const path = describePlace(place)
      results.push({ path, made: await makeAt(lookup, place, { parents: args.parents, signal }) })
    }
    await output.report(results)
    return EXIT_DONE
  })
}

/** @returns whether it was made: with `parents` it may be there */
async function makeAt(
  lookup: Lookup,
  place: GridPlace,
  options: { readonly parents: boolean; readonly signal: AbortSignal },
): Promise<boolean> {
  const { parents, signal } = options
  const label = printable(describePlace(place))
  const name = place.path.at(-1)
  const parentPlace = { ...place, path: place.path.slice(0, -1), isFolder: false }
  if (name !== undefined && parents && parentPlace.path.length > 0) await makeAt(lookup, parentPlace, options)
  const found = name === undefined || parents ? await lookup.findIfThere(place) : undefined
  if (name === undefined || found !== undefined) {
    if (parents && found !== undefined && isDirectory(found.capability)) return false
    throw new ConflictError(`${label} is there already`)
  }
  const parent = await findParent(lookup, parentPlace)
  const directory = requireWritable(parent.capability, parent.label)
  const capability = await lookup.files.makeDirectory({ signal })
  const change = { kind: 'set', name, capability, metadata: {}, ifExists: 'refuse' } as const
  try {
    const { warnings } = await lookup.files.edit(directory, [change], lookup.writing)
    warnings.forEach(lookup.onWarning)
    return true
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error
    // Somebody else was quicker.
    const there = parents ? await lookup.findIfThere(place) : undefined
    if (there !== undefined && isDirectory(there.capability)) return false
    throw new ConflictError(`${label} is there already`, {}, { cause: error })
  }
}

async function findParent(lookup: Lookup, place: GridPlace): Promise<Located> {
  try {
    return await lookup.find(place)
  } catch (error) {
    if (!(error instanceof NotFoundError) || place.path.length === 0) throw error
    const hint = '-p makes the directories above too.'
    throw new NotFoundError(error.message, { ...error.details, hint }, { cause: error })
  }
}
