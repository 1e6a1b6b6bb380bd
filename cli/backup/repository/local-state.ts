/**
 * What a home has of one repository, on its disk. One process holds it at a time; all of it can be lost.
 *
 * | path below the folder for all repositories | what |
 * |---|---|
 * | `<repository>/cache/` | what is known of the repository (cache-keys.ts) |
 * | `<repository>/spool/` | packs on their way (spool.ts) |
 * | `<repository>/reading-<random>/` | a cache of somebody who only reads, while another holds the first |
 */
import { toBase32 } from '#crypto'
import {
  BusyError,
  type Clock,
  ClosingSteps,
  type Disk,
  MemoryDisk,
  nodeDisk,
  type Random,
  systemClock,
  systemRandom,
} from '#node'
import { BlobIndex } from './blob-index.ts'
import { Cache, type CachePlace, removeCache } from './cache.ts'
import { syncNames } from './durable-folder.ts'
import { TreeCache } from './tree-cache.ts'

const READING = 'reading-'
const RANDOM_BYTES = 8

/** Where sessions work; what is left out is this machine. */
export interface SessionPlace {
  /** For all repositories of a home. */
  readonly folder: string
  readonly disk?: Disk | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

/** Which of the repositories of a home. */
export interface RepositoryId {
  /** Of its folder. */
  readonly name: string
  /** Public, and of its own. */
  readonly owner: Uint8Array
}

export interface LocalState extends AsyncDisposable {
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  readonly cache: Cache
  readonly index: BlobIndex
  readonly trees: TreeCache
  /** For the one session that writes. */
  readonly spoolFolder: string
}

/** @throws BusyError while another process holds it */
export function openLocalState(place: SessionPlace, id: RepositoryId): Promise<LocalState> {
  return open(place, id, { name: 'cache', isPassing: false })
}

/**
 * For whoever only reads: what the home has, or a cache of its own while another process holds that, or one in memory
 * where there is no place at all.
 */
export async function openReadingState(
  place: SessionPlace | undefined,
  id: RepositoryId,
): Promise<LocalState> {
  if (place === undefined) {
    const disk = new MemoryDisk({ capacityBytes: Number.MAX_SAFE_INTEGER })
    return openLocalState({ folder: 'backup', disk }, id)
  }
  try {
    return await openLocalState(place, id)
  } catch (error) {
    if (!(error instanceof BusyError)) throw error
  }
  await removeAbandoned(place, id)
  const name = READING + toBase32((place.random ?? systemRandom).bytes(RANDOM_BYTES))
  return open(place, id, { name, isPassing: true })
}

async function open(
  place: SessionPlace,
  id: RepositoryId,
  { name, isPassing }: { readonly name: string; readonly isPassing: boolean },
): Promise<LocalState> {
  const closing = new ClosingSteps()
  const cachePlace = cachePlaceOf(place, id, name)
  const cache = await Cache.open(cachePlace)
  if (isPassing) closing.add(() => removeCache(cachePlace))
  closing.addResource(cache)
  try {
    // The store, the cache, the repository, and the folder for all of them.
    await syncNames(cachePlace.disk, `${cachePlace.folder}/index`, 4)
    return {
      disk: cachePlace.disk,
      clock: place.clock ?? systemClock,
      random: place.random ?? systemRandom,
      cache,
      index: await BlobIndex.open(cache),
      trees: await TreeCache.open(cache),
      spoolFolder: `${folderOf(place, id)}/spool`,
      [Symbol.asyncDispose]: () => closing[Symbol.asyncDispose](),
    }
  } catch (error) {
    await closing[Symbol.asyncDispose]()
    throw error
  }
}

/** Caches of readers that were killed. */
async function removeAbandoned(place: SessionPlace, id: RepositoryId): Promise<void> {
  const disk = place.disk ?? nodeDisk
  for (const { name } of await disk.list(folderOf(place, id))) {
    if (!name.startsWith(READING)) continue
    try {
      await removeCache(cachePlaceOf(place, id, name))
    } catch (error) {
      // Not abandoned.
      if (!(error instanceof BusyError)) throw error
    }
  }
}

function cachePlaceOf(place: SessionPlace, id: RepositoryId, name: string): CachePlace {
  return { disk: place.disk ?? nodeDisk, folder: `${folderOf(place, id)}/${name}`, owner: id.owner }
}

function folderOf({ folder }: SessionPlace, id: RepositoryId): string {
  return `${folder}/${id.name}`
}
