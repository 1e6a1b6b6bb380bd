/** Everything below a directory, for readers: streamed, with some subdirectories opened ahead. */
import { type Capability, packCapability, toBase32, toReadCapability } from '#crypto'
import { mapInOrder } from '../flow.ts'
import type { Grid } from '../grid.ts'
import { WALK_AHEAD_MAX } from '../limits.ts'
import type { SlotWarning } from '../slots/warning.ts'
import { type Directory, openDirectory } from './directory.ts'
import { isDirectory } from './path.ts'
import type { DirectoryCapability, DirectoryOptions, NamedChild, WalkedChild } from './types.ts'

export interface WalkOptions extends DirectoryOptions {
  readonly onWarning?: ((warning: SlotWarning, path: readonly string[]) => void) | undefined
}

/**
 * Each directory's entries by name, then what is below its subdirectories, in their order. A directory that is met
 * inside itself is yielded and not entered again.
 *
 * @throws what opening a directory throws, when its turn comes
 */
export async function* walkDirectory(
  grid: Grid,
  capability: DirectoryCapability,
  options: WalkOptions,
): AsyncGenerator<WalkedChild, void, undefined> {
  const directory = await openDirectory(grid, capability, options)
  yield* walkOpened(grid, { directory, path: [], above: new Set([nameOf(capability)]) }, options)
}

interface OpenedPlace {
  readonly directory: Directory
  readonly path: readonly string[]
  /** The directories from the root down to this one. */
  readonly above: ReadonlySet<string>
}

async function* walkOpened(
  grid: Grid,
  { directory, path, above }: OpenedPlace,
  options: WalkOptions,
): AsyncGenerator<WalkedChild, void, undefined> {
  for (const warning of directory.warnings) options.onWarning?.(warning, path)
  const subdirectories: { readonly child: NamedChild; readonly capability: DirectoryCapability }[] = []
  for await (const child of directory.entries()) {
    options.signal?.throwIfAborted()
    yield { path: [...path, child.name], child }
    const { capability } = child
    if (isDirectory(capability) && !above.has(nameOf(capability))) subdirectories.push({ child, capability })
  }
  const opened = mapInOrder(subdirectories, WALK_AHEAD_MAX, async ({ child, capability }) => ({
    directory: await openDirectory(grid, capability, options),
    path: [...path, child.name],
    above: new Set([...above, nameOf(capability)]),
  }))
  for await (const place of opened) yield* walkOpened(grid, place, options)
}

/** One for all capabilities of a directory. */
function nameOf(capability: Capability): string {
  return toBase32(packCapability(toReadCapability(capability)))
}
