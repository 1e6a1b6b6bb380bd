/** Following a path of names down from a capability. */
import { type Capability, InvalidInputError, WeakCapabilityError } from '#crypto'
import { NotFoundError } from '../errors.ts'
import type { Grid } from '../grid.ts'
import type { SlotWarning } from '../slots/warning.ts'
import { openDirectory } from './directory.ts'
import type { DirectoryCapability, DirectoryOptions, Found } from './types.ts'

/**
 * The strongest capability that the path gives: to write as long as every directory on the way is writable.
 *
 * @throws NotFoundError naming how far the path led; InvalidInputError if it goes on below what is no directory;
 *   WeakCapabilityError if the root does not read
 */
export async function findPath(
  grid: Grid,
  root: Capability,
  path: readonly string[],
  options: DirectoryOptions,
): Promise<Found> {
  if (root.access === 'verify') {
    throw new WeakCapabilityError(
      'a capability that reads is wanted, found one that only verifies: it sees no names',
    )
  }
  const warnings: SlotWarning[] = []
  let found: Found = { capability: root, metadata: {}, warnings }
  for (const [depth, name] of path.entries()) {
    const parent = requireDirectory(found.capability, path.slice(0, depth))
    const directory = await openDirectory(grid, parent, options)
    warnings.push(...directory.warnings)
    const child = await directory.find(name)
    if (child === undefined) {
      throw new NotFoundError(`no entry ${JSON.stringify(name)} in ${describePath(path.slice(0, depth))}`, {
        name,
        path,
        depth,
      })
    }
    found = { ...child, parent, warnings }
  }
  return found
}

/** Whether it can be listed. */
export function isDirectory(capability: Capability): capability is DirectoryCapability {
  return capability.kind === 'dir' || capability.kind === 'dir-read' || capability.kind === 'tree'
}

function requireDirectory(capability: Capability, path: readonly string[]): DirectoryCapability {
  if (isDirectory(capability)) return capability
  throw new InvalidInputError(`${describePath(path)} is not a directory but of kind ${capability.kind}`, {
    path,
  })
}

function describePath(path: readonly string[]): string {
  return path.length === 0 ? 'the directory' : JSON.stringify(path.join('/'))
}
