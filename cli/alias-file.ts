/** The aliases of a home on the disk: one file of mode 0600, replaced whole. */
import { readFile, stat } from 'node:fs/promises'
import { type Capability, InvalidInputError } from '#crypto'
import { ConflictError, type KeyValueIndex, NotFoundError, nodeDisk } from '#node'
import { ALIAS_FILE_MAX_BYTES, type AliasBook, formatAliases, parseAliases } from './alias-book.ts'
import { errnoOf, explain } from './errno.ts'
import type { Home } from './home.ts'
import { writePrivateFile } from './private-file.ts'

/** Another command holds the file for a few milliseconds. */
const LOCK_TRIES_MAX = 100
const LOCK_RETRY_MILLISECONDS = 50

/** Empty if there is no file. @throws InvalidInputError for a file that is broken or too long */
export async function readAliases(home: Home): Promise<AliasBook> {
  const path = home.aliasFile
  try {
    if ((await stat(path)).size > ALIAS_FILE_MAX_BYTES) {
      throw new InvalidInputError(`${path} has more than ${ALIAS_FILE_MAX_BYTES} bytes`)
    }
    return parseAliases(await readFile(path, 'utf8'))
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return new Map()
    if (!(cause instanceof InvalidInputError)) return explain('reading', path)(cause)
    throw new InvalidInputError(`${path}: ${cause.message}`, {}, { cause })
  }
}

/**
 * Read, change, write. Commands at the same time wait for each other: none undoes what another has done, which could
 * lose the only copy of a capability.
 */
export async function changeAliases<Result>(
  home: Home,
  change: (book: Map<string, Capability>) => Result,
): Promise<Result> {
  await requireHome(home)
  const lock = await holdAliases(home)
  try {
    const book = new Map(await readAliases(home))
    const result = change(book)
    await writePrivateFile(home.aliasFile, formatAliases(book))
    return result
  } finally {
    await lock.close()
  }
}

/** @throws InvalidInputError that says which there are */
export async function requireAlias(home: Home, name: string): Promise<Capability> {
  const book = await readAliases(home)
  const capability = book.get(name)
  if (capability !== undefined) return capability
  const names = [...book.keys()].sort().slice(0, 20)
  throw new InvalidInputError(
    `there is no alias ${name}; ${names.length === 0 ? 'there are none at all' : `there are: ${names.join(', ')}`}`,
    {
      hint: `cairn alias create ${name} makes a directory of that name; a file of this machine is ./${name}:…`,
    },
  )
}

async function requireHome(home: Home): Promise<void> {
  if (await home.exists()) return
  throw new NotFoundError(`${home.folder} is not a home: it has no cairn.toml`, {
    hint: `Make one: cairn init --home ${home.folder} founds a grid, cairn join LINK takes part in one`,
  })
}

async function holdAliases(home: Home): Promise<KeyValueIndex> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await nodeDisk.openIndex(home.aliasLockFolder)
    } catch (error) {
      if (!(error instanceof ConflictError) || tries === LOCK_TRIES_MAX) throw error
      await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MILLISECONDS))
    }
  }
}
