/** Where a backup goes: a repository, a new one, or the drop-box of this host. */
import type { DirectoryWriteCapability } from '#crypto'
import type { GridFiles } from '#gateway'
import { ConflictError, NotFoundError } from '#node'
import { changeAliases, readAliases } from '../alias-file.ts'
import type { CommandContext } from '../context.ts'
import type { BackupArgs } from './invocation.ts'
import {
  DEFAULT_ALIAS,
  findRepository,
  openAndCollect,
  placeOf,
  requireWrite,
  sessionOptions,
  type WritableRepository,
} from './open.ts'
import { noteRenewed } from './renew.ts'
import { openDropSession } from './repository/drop-session.ts'
import { createRepository, openRepository } from './repository/open-repository.ts'
import type { RepositoryWriter } from './repository/types.ts'

export interface OpenWriter {
  readonly writer: RepositoryWriter
  /** As messages show it. */
  readonly label: string
  /** Whose leases are ours to renew; undefined: a drop-box, whose owner does it. */
  readonly repository: WritableRepository | undefined
}

type Wanted = Pick<BackupArgs, 'repository' | 'create' | 'dryRun'>

/**
 * @throws NotFoundError if a dry run meets no repository, or one that was named is not there; ConflictError if one that
 *   is to be made is
 */
export async function openWriter(
  files: GridFiles,
  wanted: Wanted,
  context: CommandContext,
): Promise<OpenWriter> {
  if (wanted.repository === undefined && (await context.home.hasDropBox())) {
    const options = { ...sessionOptions(context), stateFile: context.home.dropFile }
    return { writer: await openDropSession(files, options), label: 'the drop-box', repository: undefined }
  }
  const name = await nameOfNew(wanted, context)
  if (name !== undefined) {
    const capability = await makeRepository(files, name, context)
    const writer = await openRepository(files, capability, sessionOptions(context))
    const label = `${name}:`
    return { writer, label, repository: { files, capability, label } }
  }
  const found = await findRepository(files, wanted, context)
  const repository = { ...found, capability: requireWrite(found) }
  return { writer: await openAndCollect(repository, context), label: found.label, repository }
}

/** Of the alias that a new repository is to have; undefined: there is one. */
async function nameOfNew(
  { repository, create, dryRun }: Wanted,
  { home }: CommandContext,
): Promise<string | undefined> {
  const { root, path } = placeOf({ repository })
  const isNamed = root.kind === 'alias' && path.length === 0
  if (!isNamed) {
    if (create)
      throw new NotFoundError('--create goes with --repository NAME: for the alias of the new repository')
    return undefined
  }
  if ((await readAliases(home)).has(root.name)) {
    if (create)
      throw new ConflictError(`there is an alias ${root.name} already`, { hint: 'Leave out --create.' })
    return undefined
  }
  if (!create && root.name !== DEFAULT_ALIAS) return undefined
  if (dryRun) {
    throw new NotFoundError('there is no repository yet: all would be new', {
      hint: 'The first backup that is no dry run makes one.',
    })
  }
  return root.name
}

/** Makes it and its alias, and says what its owner has to know. */
async function makeRepository(
  files: GridFiles,
  name: string,
  { home, output, signal }: CommandContext,
): Promise<DirectoryWriteCapability> {
  const { capability } = await createRepository(files, { signal })
  await changeAliases(home, (book) => {
    if (book.has(name)) throw new ConflictError(`there is an alias ${name} already`, { hint: 'Try again.' })
    book.set(name, capability)
  })
  await noteRenewed({ capability }, home)
  const option = name === DEFAULT_ALIAS ? '' : ` --repository ${name}:`
  output.note(
    `${name}: is a new repository. Its capability is in ${home.aliasFile} and nowhere else: if this machine is lost, ` +
      `so are the backups. cairn recovery-kit${option} --output kit.html makes a page to print and keep elsewhere.`,
  )
  return capability
}
