/**
 * The directory `data/` of a repository, and what a home knows of it: which packs are there, and what is in them.
 *
 * The directory is the truth. Index files spare the reading of packs, and are not trusted beyond that: the id of a pack
 * is a hash of its table, a pack that is not in `data/` counts as absent, and one that no index file tells of tells of
 * itself.
 */
import {
  type FileReadCapability,
  formatIndexFile,
  formatPackId,
  type GridError,
  INDEX_ROWS_MAX,
  indexFileId,
  type PackTable,
  type ReadCapability,
  toVerifyCapability,
} from '#crypto'
import { EDIT_CHANGES_MAX, type GridFiles, requireDirectoryWrite } from '#gateway'
import type { Clock, DirectoryCapability, DirectoryChange, NamedChild } from '#node'
import type { BlobIndex } from './blob-index.ts'
import type { Cache } from './cache.ts'
import { listFirmly } from './firm-list.ts'
import { formatDataName, parseDataName } from './layout.ts'
import { fetchPackTable, learnPacks, readMark } from './pack-tables.ts'
import { putSmallFile } from './small-files.ts'
import type { Cancel } from './types.ts'

export interface PackDirectoryParts {
  readonly files: GridFiles
  readonly capability: DirectoryCapability
  readonly cache: Cache
  readonly index: BlobIndex
  readonly clock: Pick<Clock, 'now'>
  /** Of what is out of the ordinary and can be lived with. */
  readonly onWarning: (message: string) => void
}

export interface PackListing {
  /** By the name of the pack. */
  readonly packs: ReadonlyMap<string, ListedFile<FileReadCapability>>
  readonly freeing: readonly (ListedFile<FileReadCapability> & {
    readonly name: string
    readonly pruneId: string
  })[]
  /** By their ids. */
  readonly indexes: ReadonlyMap<string, ListedFile>
  readonly freed: ReadonlyMap<string, ListedFile>
}

export interface ListedFile<Kind extends ReadCapability = ReadCapability> {
  readonly capability: Kind
  /** By the clock of whoever linked it: of no use but to leave young ones alone. */
  readonly linkedAtMilliseconds: number
}

export interface LearnedListing extends PackListing {
  /** Packs of `data/` whose tables cannot be had: what is in them counts as absent. By name. */
  readonly unreadable: ReadonlyMap<string, GridError>
}

export interface PackToLink {
  readonly table: PackTable
  readonly capability: FileReadCapability
}

export interface ListOptions extends Cancel {
  /** See listFirmly: for whoever judges by it what may go, or that all is there. */
  readonly firm?: boolean | undefined
}

export interface LinkOptions extends Cancel {
  readonly also?: readonly DirectoryChange[] | undefined
}

/** Packs of one edit: each may come with a change of its own. */
const LINKED_TOGETHER_MAX = Math.floor(EDIT_CHANGES_MAX / 2)

export class PackDirectory {
  readonly #parts: PackDirectoryParts

  constructor(parts: PackDirectoryParts) {
    this.#parts = parts
  }

  async list(options: ListOptions = {}): Promise<PackListing> {
    const { files, capability } = this.#parts
    const packs = new Map<string, ListedFile<FileReadCapability>>()
    const freeing: PackListing['freeing'][number][] = []
    const indexes = new Map<string, ListedFile>()
    const freed = new Map<string, ListedFile>()
    const children =
      options.firm === true
        ? await listFirmly(files, capability, options)
        : files.list(capability, { signal: options.signal })
    for await (const child of children) {
      const name = parseDataName(child.name)
      const file = listedFile(child)
      if (name === undefined || file === undefined) continue
      if (name.kind === 'index') indexes.set(name.id, file)
      else if (name.kind === 'freed') freed.set(name.id, file)
      else if (file.capability.kind !== 'file') continue
      else if (name.kind === 'pack') packs.set(name.id, { ...file, capability: file.capability })
      else freeing.push({ ...file, capability: file.capability, name: name.id, pruneId: name.pruneId })
    }
    return { packs, freeing, indexes, freed }
  }

  /** List it, and have the index know what is there, and no more than that. */
  async refresh(options: ListOptions = {}): Promise<LearnedListing> {
    const listing = await this.list(options)
    const unreadable = await learnPacks(this.#parts, listing, options)
    return { ...listing, unreadable }
  }

  /**
   * Have packs in `data/`, and their tables with them. What is there already stays.
   *
   * @param options `also`: further changes, made together with the first of them
   */
  async link(packs: readonly PackToLink[], options: LinkOptions = {}): Promise<void> {
    const { index, clock } = this.#parts
    let also = options.also ?? []
    for (const some of groupsOf(packs)) {
      const linkedAtMilliseconds = clock.now()
      const changes = some.map(({ table, capability }) => {
        return packLink(formatPackId(table.packId), { capability, linkedAtMilliseconds })
      })
      const tables = some.map(({ table }) => table)
      await this.linkIndex(tables, { ...options, also: [...changes, ...also] })
      also = []
      for (const { table, capability } of some) await index.enter(table, { capability, state: 'linked' })
    }
  }

  /** Have an index file of the tables, and no more of it than that. @returns its id */
  async linkIndex(tables: readonly PackTable[], options: LinkOptions): Promise<string> {
    const { files, capability: directory, cache, clock } = this.#parts
    const bytes = formatIndexFile(tables)
    const id = indexFileId(bytes)
    const capability = await putSmallFile(files, bytes, options)
    const metadata = { sizeBytes: bytes.length, modifiedAtMilliseconds: clock.now() }
    const name = formatDataName({ kind: 'index', id })
    const change = { kind: 'set', name, capability, metadata, ifExists: 'replace' } as const
    const { signal, also = [] } = options
    await files.edit(requireDirectoryWrite(directory), [change, ...also], { signal })
    const rowCount = tables.reduce((sum, { rows }) => sum + rows.length, 0)
    const packNames = tables.map(({ packId }) => formatPackId(packId))
    await cache.write([readMark(id, { rowCount, packNames })], { sync: false })
    return id
  }

  /** Change it otherwise: all of the changes together, or as many at a time as one edit takes. */
  async edit(changes: readonly DirectoryChange[], { signal }: Cancel = {}): Promise<void> {
    const { files, capability } = this.#parts
    for (let start = 0; start < changes.length; start += EDIT_CHANGES_MAX) {
      const some = changes.slice(start, start + EDIT_CHANGES_MAX)
      await files.edit(requireDirectoryWrite(capability), some, { signal })
    }
  }

  /** Make sure that a pack can be read, make missing shares again and renew its leases. */
  async keep(capability: FileReadCapability, { signal }: Cancel = {}): Promise<boolean> {
    for await (const report of this.#parts.files.repairDeep(toVerifyCapability(capability), { signal })) {
      if (!report.isRecoverable) return false
    }
    return true
  }

  /** From the pack itself. @throws InvalidInputError if it is none; what getting a file throws */
  tableOf(
    capability: FileReadCapability,
    options: Cancel & { readonly sizeBytes?: number | undefined } = {},
  ): Promise<PackTable> {
    return fetchPackTable(this.#parts.files, capability, options)
  }
}

/** The change that has a pack in `data/`. */
export function packLink(
  id: string,
  { capability, linkedAtMilliseconds }: ListedFile<FileReadCapability>,
): DirectoryChange {
  const metadata = { modifiedAtMilliseconds: linkedAtMilliseconds }
  return {
    kind: 'set',
    name: formatDataName({ kind: 'pack', id }),
    capability,
    metadata,
    ifExists: 'replace',
  }
}

function listedFile({ capability, metadata }: NamedChild): ListedFile | undefined {
  if (capability.kind !== 'file' && capability.kind !== 'lit') return undefined
  return { capability, linkedAtMilliseconds: metadata.modifiedAtMilliseconds ?? 0 }
}

/** As many as one index file and one edit hold. */
function* groupsOf(packs: readonly PackToLink[]): Generator<readonly PackToLink[], void, undefined> {
  let group: PackToLink[] = []
  let rowCount = 0
  for (const pack of packs) {
    rowCount += pack.table.rows.length
    if (group.length > 0 && (rowCount > INDEX_ROWS_MAX || group.length >= LINKED_TOGETHER_MAX)) {
      yield group
      group = []
      rowCount = pack.table.rows.length
    }
    group.push(pack)
  }
  if (group.length > 0) yield group
}
