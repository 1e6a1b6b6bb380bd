/**
 * Index files written anew: those that tell of packs that are gone, and small ones if there are many. The new ones are
 * linked before the old ones go; a pack that loses its index file to a race tells of itself.
 */
import {
  formatPackId,
  GridError,
  INDEX_FILE_MAX_BYTES,
  INDEX_ROWS_MAX,
  type PackTable,
  parseIndexFile,
} from '#crypto'
import type { GridFiles } from '#gateway'
import type { DirectoryChange } from '#node'
import { formatDataName } from './layout.ts'
import { SMALL_INDEXES_MAX } from './limits.ts'
import type { LocalState } from './local-state.ts'
import { gridErrorOf } from './losses.ts'
import type { ListedFile, PackListing } from './pack-directory.ts'
import { type ReadMark, readMarkOf } from './pack-tables.ts'
import { readSmallFile } from './small-files.ts'
import type { StoredRepository } from './stored-repository.ts'
import type { Cancel } from './types.ts'

/** Their rows are held in memory: some 16 MB. */
const REWRITTEN_ROWS_MAX = INDEX_ROWS_MAX / 4
const SMALL_ROWS = REWRITTEN_ROWS_MAX / 8

export interface RewriteParts {
  readonly files: Pick<GridFiles, 'get'>
  readonly state: LocalState
  readonly stored: StoredRepository
  readonly onWarning: (message: string) => void
}

export async function rewriteIndexes(parts: RewriteParts, options: Cancel): Promise<void> {
  const { data } = parts.stored
  const listing = await data.list(options)
  const rewriting = new Rewriting(parts, listing, options)
  for (const [id, file] of await staleIndexes(parts, rewriting, listing)) await rewriting.take(id, file)
  await rewriting.takeUntold(listing)
  await rewriting.finish()
}

class Rewriting {
  /** Packs that `data/` has, and those that may come back. A table that was taken is taken out. */
  readonly alive: Set<string>
  /** Packs that some index file tells of that stays. */
  readonly told = new Set<string>()
  readonly #parts: RewriteParts
  readonly #options: Cancel
  readonly #written = new Set<string>()
  readonly #taken: string[] = []
  #tables: PackTable[] = []
  #rowCount = 0

  constructor(parts: RewriteParts, { packs, freeing }: PackListing, options: Cancel) {
    this.#parts = parts
    this.#options = options
    this.alive = new Set([...packs.keys(), ...freeing.map(({ name }) => name)])
  }

  /** One that cannot be read is left as it is. */
  async take(id: string, { capability }: ListedFile): Promise<void> {
    const { files, onWarning } = this.#parts
    try {
      const limits = { ...this.#options, sizeMaxBytes: INDEX_FILE_MAX_BYTES }
      for (const table of parseIndexFile(await readSmallFile(files, capability, limits)))
        await this.#add(table)
      this.#taken.push(id)
    } catch (error) {
      if (!(error instanceof GridError)) throw error
      onWarning(`index file ${id} stays as it is: it cannot be read (${error.message})`)
    }
  }

  /** Packs that no index file tells of, after a race of prunes or one that was damaged. */
  async takeUntold({ packs }: PackListing): Promise<void> {
    for (const [name, { capability }] of packs) {
      if (this.told.has(name) || !this.alive.has(name)) continue
      const table = await this.#parts.stored.data.tableOf(capability, this.#options).catch(gridErrorOf)
      if (!(table instanceof GridError)) await this.#add(table)
    }
  }

  async finish(): Promise<void> {
    await this.#write()
    const gone = this.#taken.filter((id) => !this.#written.has(id))
    const removals = gone.map((id): DirectoryChange => {
      return { kind: 'remove', name: formatDataName({ kind: 'index', id }), ifMissing: 'ignore' }
    })
    await this.#parts.stored.data.edit(removals, this.#options)
  }

  async #add(table: PackTable): Promise<void> {
    if (!this.alive.delete(formatPackId(table.packId))) return
    if (this.#rowCount + table.rows.length > REWRITTEN_ROWS_MAX) await this.#write()
    this.#tables.push(table)
    this.#rowCount += table.rows.length
  }

  async #write(): Promise<void> {
    if (this.#tables.length === 0) return
    this.#written.add(await this.#parts.stored.data.linkIndex(this.#tables, this.#options))
    this.#tables = []
    this.#rowCount = 0
  }
}

/** Those that tell of packs that are gone, those that this home has not read, and small ones if there are many. */
async function staleIndexes(
  { state }: RewriteParts,
  { alive, told }: Rewriting,
  { indexes }: PackListing,
): Promise<readonly (readonly [id: string, file: ListedFile])[]> {
  const stale: (readonly [string, ListedFile])[] = []
  const small: (readonly [readonly [string, ListedFile], ReadMark])[] = []
  for (const one of indexes) {
    const mark = await readMarkOf(state.cache, one[0])
    if (mark?.packNames.every((name) => alive.has(name)) !== true) stale.push(one)
    else if (mark.rowCount < SMALL_ROWS) small.push([one, mark])
    else for (const name of mark.packNames) told.add(name)
  }
  if (small.length > SMALL_INDEXES_MAX) return [...stale, ...small.map(([one]) => one)]
  for (const [, { packNames }] of small) for (const name of packNames) told.add(name)
  return stale
}
