/**
 * The index of visible shares, the slots and the lease book, in one key-value store.
 *
 * The share entries can be made again by walking the share files and the small shares (rebuild.ts). Leases, small
 * shares and slots stand only here.
 * Commits that meet are written as one synced batch, so that many small shares cost few syncs.
 */
import { assert, ByteReader, ByteWriter, IntegrityError, type PublicKey, type StorageIndex } from '#crypto'
import type { Disk, IndexOperation, KeyValueIndex, PeerId } from '../platform/platform.ts'
import {
  ACCOUNT_KEYS,
  ACCOUNT_TIME_KEYS,
  accountKey,
  isLease,
  isShareKey,
  isSlotKey,
  isSlotLease,
  type KeyRange,
  LEASE_KEYS,
  leaseKey,
  leaseRange,
  leaseValue,
  META_KEYS,
  numberValue,
  parseAccountKey,
  parseLeaseKey,
  parseLeaseValue,
  parseNumberValue,
  parseShareKey,
  parseShareValue,
  parseSlotKey,
  SHARE_KEYS,
  type SharePlace,
  SLOT_KEYS,
  SLOT_LEASE_KEYS,
  SMALL_KEYS,
  type StoredShare,
  shareKey,
  shareRange,
  shareValue,
  slotKey,
  slotLeaseKey,
  slotLeaseRange,
  smallKey,
} from './index-keys.ts'
import type { Lease } from './lease.ts'
import type { ShareAddress } from './server.ts'

/** Of the entries' form. Another version's index is dropped and made again. */
export const INDEX_VERSION = 1
/** Operations in one batch while clearing. */
const CLEAR_BATCH_MAX = 1000

export interface IndexedShare extends StoredShare {
  readonly address: ShareAddress
}

/** Sums over the index, so that opening one need not read all of it. */
export interface IndexTotals {
  readonly usedBytes: number
  readonly shareCount: number
  /** Full sizes of the shares and slots that each account has leases on. */
  readonly chargedBytes: ReadonlyMap<PeerId, number>
}

export class ShareIndex implements AsyncDisposable {
  readonly #store: KeyValueIndex
  #waiting: IndexOperation[] = []
  #nextCommit: Promise<void> | undefined
  #lastCommit: Promise<void> = Promise.resolve()
  #isDamaged = false

  constructor(store: KeyValueIndex) {
    this.#store = store
  }

  /** Some of it could not be read: it must be looked through when it is next opened. */
  get isDamaged(): boolean {
    return this.#isDamaged
  }

  /** @throws ConflictError if another process holds it; IntegrityError if it cannot be read */
  static async open(disk: Disk, path: string): Promise<ShareIndex> {
    return new ShareIndex(await disk.openIndex(path))
  }

  /** A visible share, or undefined. */
  async share(address: ShareAddress): Promise<StoredShare | undefined> {
    const value = await this.#get(shareKey(address))
    return value === undefined ? undefined : parseShareValue(value)
  }

  /** The bytes of a share that stands in the index. */
  smallShare(address: ShareAddress): Promise<Uint8Array | undefined> {
    return this.#get(smallKey(address))
  }

  async *smallShares(): AsyncGenerator<{ readonly address: ShareAddress; readonly bytes: Uint8Array }> {
    for await (const [key, bytes] of this.#entries(SMALL_KEYS)) {
      if (isShareKey(key)) yield { address: parseShareKey(key), bytes }
    }
  }

  async hasFileUnder(storageIndex: StorageIndex): Promise<boolean> {
    for await (const { place } of this.#shares(shareRange(storageIndex))) if (place === 'file') return true
    return false
  }

  async lease(address: ShareAddress, account: PeerId): Promise<Lease | undefined> {
    const value = await this.#get(leaseKey(address, account))
    return value === undefined ? undefined : { account, ...parseLeaseValue(value) }
  }

  async leasesOf(address: ShareAddress): Promise<readonly Lease[]> {
    const leases: Lease[] = []
    for await (const [key, value] of this.#entries(leaseRange(address))) {
      leases.push({ account: parseLeaseKey(key).account, ...parseLeaseValue(value) })
    }
    return leases
  }

  /** Visible shares under a storage index, of one root or all, by root and share number. */
  async sharesUnder(
    query: { readonly storageIndex: StorageIndex; readonly root?: Uint8Array | undefined },
    countMax: number,
  ): Promise<readonly IndexedShare[]> {
    const found: IndexedShare[] = []
    for await (const share of this.#shares(shareRange(query.storageIndex, query.root))) {
      if (found.length === countMax) break
      found.push(share)
    }
    return found
  }

  /** Every visible share, by address, as they stood when it was called. */
  allShares(): AsyncIterable<IndexedShare> {
    return this.#shares(SHARE_KEYS)
  }

  /** Every lease, by address and account. */
  async *allLeases(): AsyncGenerator<Lease & { readonly address: ShareAddress }> {
    for await (const [key, value] of this.#entries(LEASE_KEYS)) {
      if (isLease(key, value)) yield { ...parseLeaseKey(key), ...parseLeaseValue(value) }
    }
  }

  /** The record of a slot, in a buffer of its own. */
  async slot(publicKey: PublicKey): Promise<Uint8Array | undefined> {
    return (await this.#get(slotKey(publicKey)))?.slice()
  }

  async slotLeasesOf(publicKey: PublicKey): Promise<readonly Lease[]> {
    const leases: Lease[] = []
    for await (const lease of this.#slotLeases(slotLeaseRange(publicKey))) leases.push(lease)
    return leases
  }

  /** Every slot, by public key. */
  async *allSlots(): AsyncGenerator<{ readonly publicKey: PublicKey; readonly sizeBytes: number }> {
    for await (const [key, record] of this.#entries(SLOT_KEYS)) {
      if (isSlotKey(key)) yield { publicKey: parseSlotKey(key).publicKey, sizeBytes: record.length }
    }
  }

  /** Every lease on a slot, by public key and account. */
  allSlotLeases(): AsyncIterable<Lease & { readonly publicKey: PublicKey }> {
    return this.#slotLeases(SLOT_LEASE_KEYS)
  }

  /** What accounts have used over time; whether the bytes are a record is for the caller to see. */
  async *accountTimes(): AsyncGenerator<readonly [account: PeerId, record: Uint8Array]> {
    for await (const [key, record] of this.#entries(ACCOUNT_TIME_KEYS)) yield [parseAccountKey(key), record]
  }

  /** All of it or nothing, durable when the promise resolves; commits take effect in the order of the calls. */
  commit(operations: readonly IndexOperation[]): Promise<void> {
    for (const operation of operations) this.#waiting.push(operation)
    this.#nextCommit ??= this.#commitWaiting()
    return this.#nextCommit
  }

  /** The version of the entries, or undefined in a new index. */
  version(): Promise<number | undefined> {
    return this.#number(META_KEYS.version)
  }

  /**
   * Drop the share entries; with `leasesToo` those as well. Small shares stay, and slots with their leases. The index
   * is of this version then, and being rebuilt until markRebuilt, also across a crash.
   */
  async clear(options: { readonly leasesToo: boolean }): Promise<void> {
    await this.commit([{ type: 'put', key: META_KEYS.rebuilding, value: numberValue(1) }])
    const ranges = [SHARE_KEYS, ACCOUNT_KEYS, ...(options.leasesToo ? [LEASE_KEYS] : [])]
    for (const range of ranges) await this.#clearRange(range)
    await this.commit([{ type: 'put', key: META_KEYS.version, value: numberValue(INDEX_VERSION) }])
  }

  async isRebuilding(): Promise<boolean> {
    return (await this.#number(META_KEYS.rebuilding)) !== undefined
  }

  /** Every share is in the index again. */
  async markRebuilt(): Promise<void> {
    await this.commit([{ type: 'del', key: META_KEYS.rebuilding }])
  }

  /** Say that this index agrees with the share files, and what it sums up to. The last commit. */
  async markClosed(totals: IndexTotals): Promise<void> {
    const charges = [...totals.chargedBytes].map(([account, sizeBytes]) => ({
      type: 'put' as const,
      key: accountKey(account),
      value: numberValue(sizeBytes),
    }))
    const value = new ByteWriter(16).u64(totals.usedBytes).u64(totals.shareCount).finish()
    await this.commit([...charges, { type: 'put', key: META_KEYS.closed, value }])
  }

  /** What markClosed said, once: undefined if the last life of this index did not end in order. */
  async takeClosed(): Promise<IndexTotals | undefined> {
    const value = await this.#get(META_KEYS.closed)
    if (value === undefined) return undefined
    const chargedBytes = new Map<PeerId, number>()
    for await (const [key, sum] of this.#entries(ACCOUNT_KEYS)) {
      chargedBytes.set(parseAccountKey(key), parseNumberValue(sum))
    }
    const keys = [META_KEYS.closed, ...[...chargedBytes.keys()].map(accountKey)]
    await this.commit(keys.map((key) => ({ type: 'del', key })))
    const reader = new ByteReader(value, 'index totals')
    return { usedBytes: reader.u64(), shareCount: reader.u64(), chargedBytes }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lastCommit
    await this.#store.close()
  }

  async *#shares(range: KeyRange): AsyncGenerator<IndexedShare> {
    for await (const [key, value] of this.#entries(range)) {
      yield { address: parseShareKey(key), ...parseShareValue(value) }
    }
  }

  async *#slotLeases(range: KeyRange): AsyncGenerator<Lease & { readonly publicKey: PublicKey }> {
    for await (const [key, value] of this.#entries(range)) {
      if (isSlotLease(key, value)) yield { ...parseSlotKey(key), ...parseLeaseValue(value) }
    }
  }

  async #number(key: Uint8Array): Promise<number | undefined> {
    const value = await this.#get(key)
    return value === undefined ? undefined : parseNumberValue(value)
  }

  #get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#store.get(key).catch((error: unknown) => this.#failed(error))
  }

  async *#entries(range: KeyRange): AsyncGenerator<readonly [key: Uint8Array, value: Uint8Array]> {
    try {
      yield* this.#store.iterator(range)
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): never {
    if (error instanceof IntegrityError) this.#isDamaged = true
    throw error
  }

  /** Wait for the batch before, then write all that has come together since. */
  async #commitWaiting(): Promise<void> {
    const before = this.#lastCommit
    const mine = before.then(async () => {
      const operations = this.#waiting
      this.#waiting = []
      this.#nextCommit = undefined
      await this.#store.batch(operations, { sync: true }).catch((error: unknown) => this.#failed(error))
    })
    this.#lastCommit = mine.catch(() => undefined)
    return mine
  }

  async #clearRange(range: KeyRange): Promise<void> {
    let operations: IndexOperation[] = []
    for await (const [key] of this.#store.iterator(range)) {
      operations.push({ type: 'del', key })
      if (operations.length === CLEAR_BATCH_MAX) {
        await this.commit(operations)
        operations = []
      }
    }
    await this.commit(operations)
  }
}

export function putShare(address: ShareAddress, share: StoredShare): IndexOperation {
  assert(share.shareSizeBytes > 0, 'a share file is not empty')
  return { type: 'put', key: shareKey(address), value: shareValue(share) }
}

export function putSmallShare(address: ShareAddress, bytes: Uint8Array): readonly IndexOperation[] {
  return [
    { type: 'put', key: smallKey(address), value: bytes },
    putShare(address, { shareSizeBytes: bytes.length, place: 'index' }),
  ]
}

/** The entry, and its bytes if they stand in the index. */
export function dropShare(address: ShareAddress, place: SharePlace): readonly IndexOperation[] {
  const entry: IndexOperation = { type: 'del', key: shareKey(address) }
  return place === 'file' ? [entry] : [entry, { type: 'del', key: smallKey(address) }]
}

export function putLease(address: ShareAddress, lease: Lease): IndexOperation {
  return { type: 'put', key: leaseKey(address, lease.account), value: leaseValue(lease) }
}

export function dropLease(address: ShareAddress, account: PeerId): IndexOperation {
  return { type: 'del', key: leaseKey(address, account) }
}

export function putSlot(publicKey: PublicKey, record: Uint8Array): IndexOperation {
  return { type: 'put', key: slotKey(publicKey), value: record }
}

export function dropSlot(publicKey: PublicKey): IndexOperation {
  return { type: 'del', key: slotKey(publicKey) }
}

export function putSlotLease(publicKey: PublicKey, lease: Lease): IndexOperation {
  return {
    type: 'put',
    key: slotLeaseKey(publicKey, lease.account),
    value: leaseValue(lease),
  }
}

export function dropSlotLease(publicKey: PublicKey, account: PeerId): IndexOperation {
  return { type: 'del', key: slotLeaseKey(publicKey, account) }
}
