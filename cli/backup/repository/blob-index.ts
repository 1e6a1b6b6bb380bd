/**
 * Which packs a home knows of, and which blobs stand where in them.
 *
 * Packs are held in memory, some 300 bytes for each 32 MiB; blobs stay in the cache, whatever their number. A pack is
 * entered after its rows, in one synced batch, so that a crash leaves either all of it or nothing that counts.
 */
import {
  asBlobId,
  asPackId,
  assert,
  type BlobId,
  ByteReader,
  ByteWriter,
  concat,
  type FileReadCapability,
  formatPackId,
  IntegrityError,
  PACK_ID_SIZE_BYTES,
  type PackId,
  type PackTable,
  packCapability,
  unpackCapability,
} from '#crypto'
import type { IndexOperation } from '#node'
import type { Cache } from './cache.ts'
import {
  type BlobPlace,
  cacheKey,
  formatPlace,
  isBlobKey,
  nameOfKey,
  numberKey,
  parsePlaces,
  textOfBytes,
} from './cache-keys.ts'
import { CACHE_BATCH_MAX } from './limits.ts'

/**
 * What a pack is good for, the best first. `linked`: in `data/`. `unlinked`: this home has put it, and it will be.
 * `freeing`: a prune has taken it out and has not ended. `freed`: let go of; its leases run out.
 */
const PACK_STATES = ['linked', 'unlinked', 'freeing', 'freed'] as const
export type PackState = (typeof PACK_STATES)[number]

export interface KnownPack {
  /** Of this cache; never used again. */
  readonly number: number
  readonly packId: PackId
  /** As `data/` has it. */
  readonly name: string
  readonly capability: FileReadCapability
  readonly state: PackState
  readonly rowCount: number
  /** Of its blobs, as they are stored. */
  readonly blobsSizeBytes: number
  /** Of the whole, with table and padding. */
  readonly sizeBytes: number
}

/** A blob, and the pack that has it. */
export interface FoundBlob {
  readonly pack: KnownPack
  readonly place: BlobPlace
}

export class BlobIndex {
  readonly #cache: Cache
  readonly #byNumber = new Map<number, KnownPack>()
  readonly #byName = new Map<string, KnownPack>()
  #nextNumber = 0
  /** Entering reads, changes and writes: one at a time. */
  #lastEntry: Promise<unknown> = Promise.resolve()

  private constructor(cache: Cache) {
    this.#cache = cache
  }

  static async open(cache: Cache): Promise<BlobIndex> {
    const index = new BlobIndex(cache)
    for await (const [key, value] of cache.entries('pack')) {
      const number = new ByteReader(nameOfKey(key), 'number of a pack').u32()
      const pack = parsePack(number, value)
      index.#nextNumber = Math.max(index.#nextNumber, number + 1)
      if (pack !== undefined) index.#hold(pack)
    }
    return index
  }

  packs(): Iterable<KnownPack> {
    return this.#byName.values()
  }

  get packCount(): number {
    return this.#byName.size
  }

  /** Numbers of packs are below it. */
  get numberEnd(): number {
    return this.#nextNumber
  }

  pack(name: string): KnownPack | undefined {
    return this.#byName.get(name)
  }

  packOfNumber(number: number): KnownPack | undefined {
    return this.#byNumber.get(number)
  }

  /** Where it is best read: undefined if no known pack has it. */
  async find(id: BlobId): Promise<FoundBlob | undefined> {
    return (await this.findAll(id))[0]
  }

  /** Every known pack that has it, the best first; among equals the one whose name comes first. */
  async findAll(id: BlobId): Promise<readonly FoundBlob[]> {
    const value = await this.#cache.get(cacheKey('blob', id))
    return value === undefined ? [] : this.#foundOf(id, value)
  }

  /** One answer for each id, in their order. */
  async findMany(ids: readonly BlobId[]): Promise<readonly (FoundBlob | undefined)[]> {
    const values = await this.#cache.getMany(ids.map((id) => cacheKey('blob', id)))
    return ids.map((id, place) => {
      const value = values[place]
      return value === undefined ? undefined : this.#foundOf(id, value)[0]
    })
  }

  /** Enter a pack with all that is in it; one that is known already takes on the state and the capability. */
  enter(
    table: PackTable,
    { capability, state }: Pick<KnownPack, 'capability' | 'state'>,
  ): Promise<KnownPack> {
    return this.#inTurn(async () => {
      const name = formatPackId(table.packId)
      const known = this.#byName.get(name)
      if (known !== undefined) return this.#change({ ...known, capability, state })
      const number = this.#nextNumber
      assert(number < 2 ** 32 - 1, 'there are numbers left for packs')
      this.#nextNumber += 1
      const { packId, packSizeBytes: sizeBytes, rows } = table
      const blobsSizeBytes = rows.reduce((sum, { storedSizeBytes }) => sum + storedSizeBytes, 0)
      // Taken before any row says it, also for whoever comes after a crash.
      await this.#cache.write([tombstone(number)], { sync: false })
      await this.#enterRows(number, rows)
      const sizes = { rowCount: rows.length, blobsSizeBytes, sizeBytes }
      return this.#change({ number, packId, name, capability, state, ...sizes })
    })
  }

  /** As enter, but one that is known stays as it is. */
  async enterUnknown(table: PackTable, how: Pick<KnownPack, 'capability' | 'state'>): Promise<void> {
    if (!this.#byName.has(formatPackId(table.packId))) await this.enter(table, how)
  }

  /** @param capability undefined: stays as it is */
  setState(pack: KnownPack, state: PackState, capability = pack.capability): Promise<KnownPack> {
    return this.#inTurn(() => this.#change({ ...pack, state, capability }))
  }

  /** Its blobs are not there any more, as far as this cache goes. */
  drop(pack: KnownPack): Promise<void> {
    return this.#inTurn(async () => {
      this.#byName.delete(pack.name)
      this.#byNumber.delete(pack.number)
      await this.#cache.write([tombstone(pack.number)], { sync: true })
    })
  }

  /** Take away the rows of packs that are gone. */
  async sweep(): Promise<void> {
    await this.#inTurn(async () => {
      let operations: IndexOperation[] = []
      for await (const [key, value] of this.#cache.entries('blob')) {
        const places = parsePlaces(blobIdOfKey(key), value)
        const kept = places.filter(({ packNumber }) => this.#byNumber.has(packNumber))
        if (kept.length === places.length) continue
        operations.push(
          kept.length === 0
            ? { type: 'del', key }
            : { type: 'put', key, value: concat(...kept.map(formatPlace)) },
        )
        if (operations.length < CACHE_BATCH_MAX) continue
        await this.#cache.write(operations, { sync: false })
        operations = []
      }
      // Tombstones below the highest number have done their duty.
      for (let number = 0; number < this.#nextNumber - 1; number += 1) {
        if (!this.#byNumber.has(number)) operations.push({ type: 'del', key: numberKey('pack', number) })
      }
      await this.#cache.write(operations, { sync: true })
    })
  }

  async #enterRows(packNumber: number, rows: PackTable['rows']): Promise<void> {
    for (let start = 0; start < rows.length; start += CACHE_BATCH_MAX) {
      const run = rows.slice(start, start + CACHE_BATCH_MAX)
      const keys = run.map(({ id }) => cacheKey('blob', id))
      const before = await this.#cache.getMany(keys)
      const values = new Map<string, IndexOperation & { readonly type: 'put' }>()
      for (const [place, row] of run.entries()) {
        const key = keys[place] ?? new Uint8Array(0)
        const name = textOfBytes(key)
        const standing = values.get(name)?.value ?? this.#alive(row.id, before[place])
        const added = formatPlace({ ...row, packNumber, row: start + place })
        values.set(name, { type: 'put', key, value: concat(standing, added) })
      }
      await this.#cache.write([...values.values()], { sync: false })
    }
  }

  /** Without what is gone: a blob of many lives would grow and grow. */
  #alive(id: BlobId, value: Uint8Array | undefined): Uint8Array {
    if (value === undefined) return new Uint8Array(0)
    const places = parsePlaces(id, value).filter(({ packNumber }) => this.#byNumber.has(packNumber))
    return concat(...places.map(formatPlace))
  }

  #foundOf(id: BlobId, value: Uint8Array): readonly FoundBlob[] {
    const found: FoundBlob[] = []
    for (const place of parsePlaces(id, value)) {
      const pack = this.#byNumber.get(place.packNumber)
      if (pack !== undefined) found.push({ pack, place })
    }
    return found.length < 2 ? found : found.sort(bestFirst)
  }

  async #change(pack: KnownPack): Promise<KnownPack> {
    const operation: IndexOperation = {
      type: 'put',
      key: numberKey('pack', pack.number),
      value: formatPack(pack),
    }
    await this.#cache.write([operation], { sync: true })
    this.#hold(pack)
    return pack
  }

  #hold(pack: KnownPack): void {
    this.#byName.set(pack.name, pack)
    this.#byNumber.set(pack.number, pack)
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = this.#lastEntry.then(work)
    this.#lastEntry = mine.catch(() => undefined)
    return mine
  }
}

/** An entry that says nothing of a pack, and keeps its number from being used. */
function tombstone(number: number): IndexOperation {
  return { type: 'put', key: numberKey('pack', number), value: new Uint8Array(0) }
}

function bestFirst({ pack: left }: FoundBlob, { pack: right }: FoundBlob): number {
  const byState = PACK_STATES.indexOf(left.state) - PACK_STATES.indexOf(right.state)
  if (byState !== 0) return byState
  return left.name < right.name ? -1 : 1
}

function formatPack(pack: KnownPack): Uint8Array {
  const { state, rowCount, blobsSizeBytes, sizeBytes, packId, capability } = pack
  const packed = packCapability(capability)
  return new ByteWriter(1 + 4 + 8 + 8 + PACK_ID_SIZE_BYTES + packed.length)
    .u8(PACK_STATES.indexOf(state))
    .u32(rowCount)
    .u64(blobsSizeBytes)
    .u64(sizeBytes)
    .bytes(packId)
    .bytes(packed)
    .finish()
}

/** Undefined for one that is gone. */
function parsePack(number: number, value: Uint8Array): KnownPack | undefined {
  if (value.length === 0) return undefined
  const reader = new ByteReader(value, 'a pack in the cache')
  const state = PACK_STATES[reader.u8()]
  const sizes = { rowCount: reader.u32(), blobsSizeBytes: reader.u64(), sizeBytes: reader.u64() }
  const packId = asPackId(reader.bytes(PACK_ID_SIZE_BYTES))
  const capability = unpackCapability(reader.bytes(reader.remainingBytes))
  if (state === undefined || capability.kind !== 'file') {
    throw new IntegrityError('the cache says something of a pack that it cannot say')
  }
  return { number, packId, name: formatPackId(packId), capability, state, ...sizes }
}

function blobIdOfKey(key: Uint8Array): BlobId {
  if (!isBlobKey(key)) throw new IntegrityError('the cache has an entry of no kind')
  return asBlobId(nameOfKey(key))
}
