/** Ways through directories: what a path names, directories made on the way, and links set (WEB-API.md §8). */
import type {
  Capability,
  ChildCapability,
  DirectoryWriteCapability,
  EntryMetadata,
  WriteCapability,
} from '#crypto'
import { InvalidInputError } from '#crypto'
import { ConflictError, type Found, isDirectory, NotFoundError } from '#node'
import { requireDirectoryWrite } from '../capabilities.ts'
import type { Arguments } from './arguments.ts'
import type { WebPath } from './request-path.ts'
import type { WebCall } from './web-call.ts'

export type Replace = 'true' | 'false' | 'only-files'

/** What happens to what a name stands for already. As Tahoe has it, it is replaced unless the request says not. */
export function replaceOf(args: Arguments): Replace {
  if (args.text('replace')?.toLowerCase() === 'only-files') return 'only-files'
  return args.truth('replace') === false ? 'false' : 'true'
}

export function ifExistsOf(replace: Replace): 'refuse' | 'replace' {
  return replace === 'false' ? 'refuse' : 'replace'
}

export function find({ parts, signal }: WebCall, root: Capability, names: readonly string[]): Promise<Found> {
  return parts.files.find(root, names, { signal })
}

/** What a path leads to. A capability alone needs no look at the grid, and may be one that only verifies. */
export async function thingAt(
  call: WebCall,
  { capability, names }: WebPath,
): Promise<{ readonly capability: Capability; readonly metadata: EntryMetadata | undefined }> {
  if (names.length === 0) return { capability, metadata: undefined }
  return await find(call, capability, names)
}

export async function findIfThere(call: WebCall, root: Capability, name: string): Promise<Found | undefined> {
  try {
    return await find(call, root, [name])
  } catch (error) {
    if (error instanceof NotFoundError) return undefined
    throw error
  }
}

/**
 * The directory that names lead to, to write it; those that are missing are made.
 *
 * @throws WeakCapabilityError if one on the way cannot be written; ConflictError if one is a file
 */
export async function directoryAt(
  call: WebCall,
  root: Capability,
  names: readonly string[],
): Promise<DirectoryWriteCapability> {
  let directory = requireDirectoryWrite(root)
  for (const name of names) {
    const found = await findIfThere(call, directory, name)
    directory = requireWritable(found?.capability ?? (await makeBelow(call, directory, name)))
  }
  return directory
}

/** Of two requests that make the same directory at once, one finds that of the other. */
async function makeBelow(call: WebCall, parent: DirectoryWriteCapability, name: string): Promise<Capability> {
  const { parts, signal } = call
  const made = await parts.files.makeDirectory({ signal })
  try {
    await link(call, parent, { name, capability: made, metadata: {} }, 'false')
    return made
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error
    return (await find(call, parent, [name])).capability
  }
}

function requireWritable(capability: Capability): DirectoryWriteCapability {
  if (!isDirectory(capability)) {
    throw new ConflictError('a directory is wanted on the path, found a file', {
      wanted: 'a directory',
      found: 'a file',
      where: 'path',
    })
  }
  return requireDirectoryWrite(capability)
}

export interface NewChild {
  readonly name: string
  readonly capability: WriteCapability | ChildCapability
  readonly metadata: EntryMetadata
}

/** Link a child under a name, with the time of it. @throws ConflictError if something is there that is to stay */
export async function link(
  call: WebCall,
  directory: DirectoryWriteCapability,
  child: NewChild,
  replace: Replace,
): Promise<void> {
  const { parts, signal, args } = call
  if (replace === 'only-files')
    requireNoDirectory((await findIfThere(call, directory, child.name))?.capability)
  const metadata = { modifiedAtMilliseconds: parts.clock.now(), ...child.metadata }
  const change = { ...child, metadata, kind: 'set', ifExists: ifExistsOf(replace) } as const
  await parts.files.edit(directory, [change], { signal, acceptRollback: args.truth('accept-rollback') })
}

/** @throws ConflictError */
export function requireNoDirectory(capability: Capability | undefined): void {
  if (capability === undefined || !isDirectory(capability)) return
  throw new ConflictError('only files may be replaced here, found a directory', {
    wanted: 'a file, or nothing',
    found: 'a directory',
    where: 'path',
  })
}

/** The directory of the last name, and that name. @throws InvalidInputError if there is none */
export function splitLast(names: readonly string[]): {
  readonly parents: readonly string[]
  readonly name: string
} {
  const name = names.at(-1)
  if (name === undefined) {
    throw new InvalidInputError('a name below the capability is wanted, found none', {
      wanted: 'a name',
      found: 'none',
      where: 'path',
    })
  }
  return { parents: names.slice(0, -1), name }
}
