/** From a command line to a repository that is open: found, collected from its drop-box, read or written. */
import {
  type DirectoryReadCapability,
  type DirectoryWriteCapability,
  InvalidInputError,
  type Snapshot,
  WeakCapabilityError,
} from '#crypto'
import type { GridFiles } from '#gateway'
import { BusyError, NotFoundError, whileOpen } from '#node'
import { readAliases } from '../alias-file.ts'
import type { CommandContext } from '../context.ts'
import { type GridPlace, parsePlace, requireGrid } from '../grid-path.ts'
import { Lookup } from '../lookup.ts'
import { acceptingRollback } from './accepting-rollback.ts'
import { collectDrops } from './collect-drops.ts'
import { renewIfDue } from './renew.ts'
import { REPOSITORY_NAMES } from './repository/layout.ts'
import { openRepository } from './repository/open-repository.ts'
import { openReader } from './repository/reader.ts'
import type { Repository, RepositoryReader, UnreadableSnapshot } from './repository/types.ts'

export const DEFAULT_ALIAS = 'backup'

export interface FoundRepository {
  readonly files: GridFiles
  readonly capability: DirectoryReadCapability | DirectoryWriteCapability
  /** As messages show it. */
  readonly label: string
}

export interface RepositoryOption {
  readonly repository: string | undefined
}

export function placeOf({ repository }: RepositoryOption): GridPlace {
  return requireGrid(parsePlace(repository ?? `${DEFAULT_ALIAS}:`))
}

/** @throws NotFoundError if there is none yet; WeakCapabilityError; InvalidInputError */
export async function findRepository(
  files: GridFiles,
  args: RepositoryOption,
  context: CommandContext,
): Promise<FoundRepository> {
  if (args.repository === undefined) await requireDefaultAlias(context)
  const { capability, label } = await new Lookup(files, context).find(placeOf(args))
  if (capability.kind === 'dir' || capability.kind === 'dir-read') return { files, capability, label }
  throw new InvalidInputError(`${label} is no repository of backups: it is of kind ${capability.kind}`)
}

/** For commands that only look. What hosts have put into a drop-box is taken in first, if what is held can do it. */
export async function withReader<Result>(
  args: RepositoryOption,
  context: CommandContext,
  work: (reader: RepositoryReader, found: FoundRepository) => Promise<Result>,
): Promise<Result> {
  return whileOpen(await context.openFiles(), async (files) => {
    const found = await findRepository(files, args, context)
    const { capability } = found
    if (capability.kind === 'dir' && (await hasDropBox({ ...found, capability }, context))) {
      await collectIfFree({ ...found, capability }, context)
    }
    const reader = await openReader(files, capability, sessionOptions(context))
    return whileOpen(reader, (open) => work(open, found))
  })
}

/**
 * For commands that change it.
 *
 * @param options `renews`: whether its leases are renewed afterwards, if it is time
 * @throws WeakCapabilityError; BusyError while another command of this home does
 */
export async function withRepository<Result>(
  args: RepositoryOption,
  context: CommandContext,
  work: (repository: Repository) => Promise<Result>,
  options: { readonly renews: boolean },
): Promise<Result> {
  return whileOpen(await context.openFiles(), async (files) => {
    const found = await findRepository(files, args, context)
    const writable = { ...found, capability: requireWrite(found) }
    const result = await whileOpen(await openAndCollect(writable, context), work)
    if (options.renews) await renewIfDue(writable, context)
    return result
  })
}

export type WritableRepository = FoundRepository & { readonly capability: DirectoryWriteCapability }

/** The caller closes it. @throws BusyError */
export async function openAndCollect(
  { files, capability }: WritableRepository,
  context: CommandContext,
): Promise<Repository> {
  const repository = await openRepository(writable(files, context), capability, sessionOptions(context))
  try {
    await collectDrops(repository, context)
    return repository
  } catch (error) {
    await repository[Symbol.asyncDispose]()
    throw error
  }
}

/** @throws WeakCapabilityError */
export function requireWrite({ capability, label }: FoundRepository): DirectoryWriteCapability {
  if (capability.kind === 'dir') return capability
  throw new WeakCapabilityError(`${label} lets you restore from the repository, and not change it`, {
    hint: 'Whoever backs up has the capability that does: cairn recovery-kit --write, or cairn share --write.',
  })
}

/** The grid for whoever changes a repository. */
function writable(files: GridFiles, { acceptRollback }: CommandContext): GridFiles {
  return acceptRollback ? acceptingRollback(files) : files
}

export function sessionOptions({ home, output, signal }: CommandContext) {
  return {
    place: { folder: home.backupFolder },
    signal,
    onWarning: (message: string) => output.warning(`warning: ${message}`),
  }
}

export interface ListedSnapshots {
  readonly snapshots: readonly Snapshot[]
  readonly unreadable: readonly UnreadableSnapshot[]
}

/** All that there are; those that cannot be read are told of. */
export async function listSnapshots(
  reader: Pick<RepositoryReader, 'snapshots'>,
  { output, signal }: CommandContext,
): Promise<ListedSnapshots> {
  const snapshots: Snapshot[] = []
  const unreadable: UnreadableSnapshot[] = []
  for await (const found of reader.snapshots({ signal })) {
    if ('error' in found) {
      unreadable.push(found)
      output.complaint(`snapshot ${found.id} cannot be read: ${found.error.message}`)
    } else snapshots.push(found)
  }
  return { snapshots, unreadable }
}

async function requireDefaultAlias({ home }: CommandContext): Promise<void> {
  if ((await readAliases(home)).has(DEFAULT_ALIAS)) return
  if (await home.hasDropBox()) {
    throw new WeakCapabilityError(
      'this host has a drop-box: it adds backups, and can neither read nor change any',
      {
        hint: 'The owner of the repository restores, from another machine.',
      },
    )
  }
  throw new NotFoundError(`there is no repository of backups here: no alias ${DEFAULT_ALIAS}:`, {
    hint:
      'cairn backup PATH makes one; --repository names another; after a loss, cairn init --kit FILE or ' +
      `cairn alias add ${DEFAULT_ALIAS} @FILE brings it back.`,
  })
}

async function hasDropBox(
  { files, capability }: WritableRepository,
  { signal }: CommandContext,
): Promise<boolean> {
  try {
    await files.find(capability, [REPOSITORY_NAMES.drop], { signal })
    return true
  } catch (error) {
    if (error instanceof NotFoundError) return false
    throw error
  }
}

async function collectIfFree(found: WritableRepository, context: CommandContext): Promise<void> {
  try {
    await (await openAndCollect(found, context))[Symbol.asyncDispose]()
  } catch (error) {
    if (!(error instanceof BusyError)) throw error
    context.output.note(
      `another command works on ${found.label} now: what hosts have just dropped is not shown`,
    )
  }
}
