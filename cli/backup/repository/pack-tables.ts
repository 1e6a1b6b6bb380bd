/**
 * Learning which blobs stand in the packs that `data/` lists: from index files, and from packs that no index file tells
 * of.
 */
import {
  ByteReader,
  ByteWriter,
  concat,
  type FileReadCapability,
  formatPackId,
  fromBase32,
  GridError,
  INDEX_FILE_MAX_BYTES,
  IntegrityError,
  isSameCapability,
  PACK_ID_SIZE_BYTES,
  type PackTable,
  parseIndexFile,
  readPackTable,
  toBase32,
} from '#crypto'
import type { GridFiles } from '#gateway'
import { type IndexOperation, mapInOrder } from '#node'
import type { BlobIndex, KnownPack, PackState } from './blob-index.ts'
import type { Cache } from './cache.ts'
import { cacheKey, nameOfKey } from './cache-keys.ts'
import { FETCHES_IN_FLIGHT_MAX } from './limits.ts'
import { gridErrorOf } from './losses.ts'
import type { ListedFile, PackListing } from './pack-directory.ts'
import { fileSizeOf, readDownload, readSmallFile } from './small-files.ts'
import type { Cancel } from './types.ts'

export interface PackTablesParts {
  readonly files: Pick<GridFiles, 'get' | 'check'>
  readonly cache: Cache
  readonly index: BlobIndex
  readonly onWarning: (message: string) => void
}

interface PackToEnter {
  readonly capability: FileReadCapability
  readonly state: PackState
}

/**
 * Have the index know the packs of the listing, and no others but those that this home has put and not yet linked.
 *
 * @returns those whose tables cannot be had, by name
 */
export async function learnPacks(
  parts: PackTablesParts,
  listing: PackListing,
  options: Cancel,
): Promise<ReadonlyMap<string, GridError>> {
  const { index, cache } = parts
  await takeStates(index, listing)
  const unknown = new Map<string, PackToEnter>()
  for (const { name, capability } of listing.freeing) unknown.set(name, { capability, state: 'freeing' })
  for (const [name, { capability }] of listing.packs) unknown.set(name, { capability, state: 'linked' })
  for (const name of unknown.keys()) if (index.pack(name) !== undefined) unknown.delete(name)
  await forgetIndexFiles(cache, listing)
  const unread: (readonly [id: string, file: ListedFile])[] = []
  if (unknown.size > 0) {
    for (const one of listing.indexes) {
      if ((await cache.get(cacheKey('indexFile', one[0]))) === undefined) unread.push(one)
    }
  }
  await readIndexFiles(parts, unread, { ...options, unknown })
  return readTables(parts, unknown, options)
}

/**
 * From the pack itself.
 *
 * @param options `sizeBytes`: of the pack, where it is known; else servers are asked
 * @throws InvalidInputError if it is no pack; NotEnoughSharesError; what getting a file throws
 */
export async function fetchPackTable(
  files: Pick<GridFiles, 'get' | 'check'>,
  capability: FileReadCapability,
  { signal, sizeBytes }: Cancel & { readonly sizeBytes?: number | undefined },
): Promise<PackTable> {
  const packSizeBytes = sizeBytes ?? (await fileSizeOf(files, capability, { signal }))
  return readPackTable(packSizeBytes, async (range) => {
    return readDownload(await files.get(capability, { range, signal }))
  })
}

/** What is remembered of an index file that was read or written. */
export interface ReadMark {
  readonly rowCount: number
  readonly packNames: readonly string[]
}

export function readMark(id: string, { rowCount, packNames }: ReadMark): IndexOperation {
  const head = new ByteWriter(4).u32(rowCount).finish()
  const value = concat(head, ...packNames.map((name) => fromBase32(name)))
  return { type: 'put', key: cacheKey('indexFile', id), value }
}

/** Undefined if this home has not read it. */
export async function readMarkOf(cache: Cache, id: string): Promise<ReadMark | undefined> {
  const value = await cache.get(cacheKey('indexFile', id))
  if (value === undefined) return undefined
  const reader = new ByteReader(value, 'mark of an index file')
  const rowCount = reader.u32()
  const packNames: string[] = []
  while (reader.remainingBytes > 0) packNames.push(toBase32(reader.bytes(PACK_ID_SIZE_BYTES)))
  return { rowCount, packNames }
}

async function takeStates(index: BlobIndex, listing: PackListing): Promise<void> {
  const freeing = new Map(listing.freeing.map((one) => [one.name, one]))
  const set = async (pack: KnownPack, state: PackState, capability: FileReadCapability): Promise<void> => {
    if (pack.state === state && isSameCapability(pack.capability, capability)) return
    await index.setState(pack, state, capability)
  }
  for (const pack of [...index.packs()]) {
    const linked = listing.packs.get(pack.name)
    const going = freeing.get(pack.name)
    if (linked !== undefined) await set(pack, 'linked', linked.capability)
    else if (going !== undefined) await set(pack, 'freeing', going.capability)
    else if (pack.state !== 'unlinked') await index.drop(pack)
  }
}

/** @param options `unknown`: packs to learn of; those that were are taken out */
async function readIndexFiles(
  { files, index, cache, onWarning }: PackTablesParts,
  unread: readonly (readonly [id: string, file: ListedFile])[],
  { signal, unknown }: Cancel & { readonly unknown: Map<string, PackToEnter> },
): Promise<void> {
  const contents = mapInOrder(unread, FETCHES_IN_FLIGHT_MAX, async ([id, { capability }]) => {
    const limits = { sizeMaxBytes: INDEX_FILE_MAX_BYTES, signal }
    return { id, bytes: await readSmallFile(files, capability, limits).catch(gridErrorOf) }
  })
  for await (const { id, bytes } of contents) {
    try {
      if (bytes instanceof GridError) throw bytes
      const packNames: string[] = []
      let rowCount = 0
      for (const table of parseIndexFile(bytes)) {
        const name = formatPackId(table.packId)
        packNames.push(name)
        rowCount += table.rows.length
        const pack = unknown.get(name)
        if (pack === undefined) continue
        await index.enter(table, pack)
        unknown.delete(name)
      }
      await cache.write([readMark(id, { rowCount, packNames })], { sync: false })
    } catch (error) {
      const { message } = gridErrorOf(error)
      onWarning(`index file ${id} cannot be read (${message}); packs are read in its place`)
    }
  }
}

async function readTables(
  { files, index }: PackTablesParts,
  unknown: ReadonlyMap<string, PackToEnter>,
  options: Cancel,
): Promise<ReadonlyMap<string, GridError>> {
  const unreadable = new Map<string, GridError>()
  const tables = mapInOrder(unknown, FETCHES_IN_FLIGHT_MAX, async ([name, pack]) => {
    return { name, pack, table: await fetchPackTable(files, pack.capability, options).catch(gridErrorOf) }
  })
  for await (const { name, pack, table } of tables) {
    if (table instanceof GridError) unreadable.set(name, table)
    else if (formatPackId(table.packId) === name) await index.enter(table, pack)
    else unreadable.set(name, new IntegrityError(`what is linked as pack ${name} is another one`))
  }
  return unreadable
}

async function forgetIndexFiles(cache: Cache, { indexes }: PackListing): Promise<void> {
  const gone: IndexOperation[] = []
  for await (const [key] of cache.entries('indexFile')) {
    if (!indexes.has(new TextDecoder().decode(nameOfKey(key)))) gone.push({ type: 'del', key })
  }
  await cache.write(gone, { sync: false })
}
