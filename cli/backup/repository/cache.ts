/**
 * A home's cache of one repository: a key-value store that one process holds at a time, and that can be lost.
 *
 * Whatever it says can be learned again from the grid, so a damaged one is thrown away and not mended.
 */
import { equalBytes, IntegrityError } from '#crypto'
import { BusyError, ConflictError, type Disk, type IndexOperation, type KeyValueIndex } from '#node'
import { type CacheSpace, cacheKey, rangeOf } from './cache-keys.ts'
import { CACHE_BATCH_MAX } from './limits.ts'

/** Of the entries' form. Another version's cache is thrown away. */
const CACHE_VERSION = Uint8Array.of(1)
const VERSION_KEY = cacheKey('meta', 'version')
const OWNER_KEY = cacheKey('meta', 'owner')

export interface CachePlace {
  readonly disk: Disk
  /** Of its own; made if it is missing. */
  readonly folder: string
  /** Public, and of its own for each repository: the cache of another one is thrown away. */
  readonly owner: Uint8Array
}

export class Cache implements AsyncDisposable {
  readonly #store: KeyValueIndex
  readonly #onDamage: () => Promise<void>

  private constructor(store: KeyValueIndex, onDamage: () => Promise<void>) {
    this.#store = store
    this.#onDamage = onDamage
  }

  /**
   * Empty if there was none, or one of no use.
   *
   * @throws BusyError while another process holds it
   */
  static async open(place: CachePlace): Promise<Cache> {
    const { disk, folder } = place
    await disk.makeFolder(folder)
    if (await isMarked(place)) await wipe(place)
    try {
      const cache = await Cache.#of(place)
      if (cache !== undefined) return cache
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error
    }
    await wipe(place)
    const cache = await Cache.#of(place)
    if (cache === undefined)
      throw new IntegrityError(`the cache in ${folder} is damaged again just after it was made`)
    return cache
  }

  /** Undefined if what stands there is of no use. */
  static async #of(place: CachePlace): Promise<Cache | undefined> {
    const store = await openStore(place)
    try {
      const [version, owner] = await store.getMany([VERSION_KEY, OWNER_KEY])
      const cache = new Cache(store, () => mark(place))
      if (version === undefined && owner === undefined) {
        await cache.write(
          [
            { type: 'put', key: VERSION_KEY, value: CACHE_VERSION },
            { type: 'put', key: OWNER_KEY, value: place.owner },
          ],
          { sync: true },
        )
        return cache
      }
      if (isSame(version, CACHE_VERSION) && isSame(owner, place.owner)) return cache
    } catch (error) {
      await store.close()
      throw error
    }
    await store.close()
    return undefined
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#store.get(key).catch((error: unknown) => this.#failed(error))
  }

  getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#store.getMany(keys).catch((error: unknown) => this.#failed(error))
  }

  /** In batches, in order; with `sync` all is durable when it resolves, and all that was written before. */
  async write(operations: readonly IndexOperation[], options: { readonly sync: boolean }): Promise<void> {
    for (let start = 0; start < operations.length; start += CACHE_BATCH_MAX) {
      const end = start + CACHE_BATCH_MAX
      const sync = options.sync && end >= operations.length
      const batch = this.#store.batch(operations.slice(start, end), { sync })
      await batch.catch((error: unknown) => this.#failed(error))
    }
  }

  /** As they stand when it is called. */
  async *entries(space: CacheSpace): AsyncGenerator<readonly [key: Uint8Array, value: Uint8Array]> {
    try {
      yield* this.#store.iterator(rangeOf(space))
    } catch (error) {
      await this.#failed(error)
    }
  }

  async clear(space: CacheSpace): Promise<void> {
    let operations: IndexOperation[] = []
    for await (const [key] of this.entries(space)) {
      operations.push({ type: 'del', key })
      if (operations.length < CACHE_BATCH_MAX) continue
      await this.write(operations, { sync: false })
      operations = []
    }
    await this.write(operations, { sync: false })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store.close()
  }

  async #failed(error: unknown): Promise<never> {
    if (error instanceof IntegrityError) await this.#onDamage()
    throw error
  }
}

/** Names that were met: of any number, in a space of the cache that is emptied before and after. */
export class NameSet implements AsyncDisposable {
  readonly #cache: Cache
  readonly #space: CacheSpace

  private constructor(cache: Cache, space: CacheSpace) {
    this.#cache = cache
    this.#space = space
  }

  static async open(cache: Cache, space: 'dry' | 'walked'): Promise<NameSet> {
    await cache.clear(space)
    return new NameSet(cache, space)
  }

  /** Whether it is new. Two that are asked at once may both be. */
  async add(name: Uint8Array): Promise<boolean> {
    const key = cacheKey(this.#space, name)
    if ((await this.#cache.get(key)) !== undefined) return false
    await this.#cache.write([{ type: 'put', key, value: new Uint8Array(0) }], { sync: false })
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cache.clear(this.#space)
  }
}

function storeFolder({ folder }: CachePlace): string {
  return `${folder}/index`
}

/** Says, over the end of the process, that the store is damaged. */
function markFile({ folder }: CachePlace): string {
  return `${folder}/damaged`
}

async function isMarked(place: CachePlace): Promise<boolean> {
  const file = await place.disk.openFile(markFile(place))
  await file?.close()
  return file !== undefined
}

async function mark(place: CachePlace): Promise<void> {
  if (await isMarked(place)) return
  const file = await place.disk.createFile(markFile(place))
  await file.close()
}

async function openStore(place: CachePlace): Promise<KeyValueIndex> {
  try {
    return await place.disk.openIndex(storeFolder(place))
  } catch (cause) {
    if (!(cause instanceof ConflictError)) throw cause
    throw new BusyError(
      'another command of this home is at work on the repository: wait for it to end, or end it',
      {},
      { cause },
    )
  }
}

/** @throws BusyError while another process holds it */
export async function removeCache(place: CachePlace): Promise<void> {
  await wipe(place)
  await place.disk.removeFolder(place.folder)
}

/** @throws BusyError while another process holds it: nothing is taken from under its feet */
async function wipe(place: CachePlace): Promise<void> {
  const { disk } = place
  const folder = storeFolder(place)
  try {
    await (await openStore(place)).close()
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error
  }
  await empty(disk, folder)
  await disk.removeFile(markFile(place))
}

async function empty(disk: Disk, folder: string): Promise<void> {
  for (const { name, isFolder } of await disk.list(folder)) {
    const path = `${folder}/${name}`
    if (isFolder) await empty(disk, path)
    else await disk.removeFile(path)
  }
  await disk.removeFolder(folder)
}

function isSame(found: Uint8Array | undefined, wanted: Uint8Array): boolean {
  return found !== undefined && equalBytes(found, wanted)
}
