/**
 * What each account has used over time: the bytes it is charged, integrated as they change, while the server runs.
 *
 * Exact, on a clock that never runs backward: a byte for a millisecond counts one. Nothing here waits or stores: what
 * is to be kept is asked for and told again (kept-accounts.ts), so a crash loses what came since.
 */
import { assert, ByteReader, ByteWriter } from '#crypto'
import { ACCOUNT_RECORDS_MAX } from '../limits.ts'
import type { Clock, PeerId } from '../platform/platform.ts'
import { wholeSeconds } from '../storage/lease.ts'

const DAY_MILLISECONDS = 24n * 3_600_000n
const U64_BITS = 64n
export const ACCOUNT_RECORD_SIZE_BYTES = 32

/** As it is kept between two lives of the server. */
export interface AccountRecord {
  /** Bytes times milliseconds. */
  readonly byteMilliseconds: bigint
  /** Seconds since 1970 UTC. */
  readonly firstSeenSeconds: number
  readonly lastSeenSeconds: number
}

export interface AccountTime {
  /** Whole. A byte for a day counts one. */
  readonly byteDays: number
  readonly firstSeenSeconds: number
  /** When it last asked anything of this server. */
  readonly lastSeenSeconds: number
}

interface Entry {
  byteMilliseconds: bigint
  firstSeenSeconds: number
  lastSeenSeconds: number
  chargedBytes: number
  /** On the clock's elapsed(), up to when it is counted. */
  countedTo: number
  /** Since it was last kept. */
  isChanged: boolean
}

export class AccountBook {
  readonly #clock: Pick<Clock, 'now' | 'elapsed'>
  readonly #entriesMax: number
  readonly #entries = new Map<PeerId, Entry>()
  readonly #dropped = new Set<PeerId>()

  /** @param options.entriesMax for tests */
  constructor(clock: Pick<Clock, 'now' | 'elapsed'>, options: { readonly entriesMax?: number } = {}) {
    this.#clock = clock
    this.#entriesMax = options.entriesMax ?? ACCOUNT_RECORDS_MAX
  }

  /** Before anything is charged: what earlier lives have counted. Beyond the bound the rest is left out. */
  load(account: PeerId, record: AccountRecord): void {
    assert(!this.#entries.has(account), 'an account is loaded once')
    if (this.#entries.size >= this.#entriesMax) return
    this.#entries.set(account, {
      ...record,
      chargedBytes: 0,
      countedTo: this.#clock.elapsed(),
      isChanged: false,
    })
  }

  /** An account is charged so much from now on. Of one for which there is no room nothing is counted. */
  charge(account: PeerId, chargedBytes: number): void {
    const entry = this.#entries.get(account) ?? (chargedBytes > 0 ? this.#newEntry(account) : undefined)
    if (entry === undefined) return
    this.#count(entry)
    entry.chargedBytes = chargedBytes
    entry.isChanged = true
  }

  /** It has asked something. Whoever never stored anything is not written down. */
  noteSeen(account: PeerId): void {
    const entry = this.#entries.get(account)
    const nowSeconds = wholeSeconds(this.#clock)
    if (entry === undefined || entry.lastSeenSeconds >= nowSeconds) return
    entry.lastSeenSeconds = nowSeconds
    entry.isChanged = true
  }

  /** Undefined: nothing is written down of it. */
  timeOf(account: PeerId): AccountTime | undefined {
    const entry = this.#entries.get(account)
    if (entry === undefined) return undefined
    this.#count(entry)
    const { byteMilliseconds, firstSeenSeconds, lastSeenSeconds } = entry
    return { byteDays: Number(byteMilliseconds / DAY_MILLISECONDS), firstSeenSeconds, lastSeenSeconds }
  }

  /** Those with a record, charged anything now or not. */
  accounts(): readonly PeerId[] {
    return [...this.#entries.keys()]
  }

  /** What changed since this was last called; undefined: the record is to be forgotten. The caller keeps it all. */
  changes(): ReadonlyMap<PeerId, AccountRecord | undefined> {
    const changes = new Map<PeerId, AccountRecord | undefined>()
    for (const account of this.#dropped) changes.set(account, undefined)
    this.#dropped.clear()
    for (const [account, entry] of this.#entries) {
      this.#count(entry)
      if (!entry.isChanged) continue
      entry.isChanged = false
      const { byteMilliseconds, firstSeenSeconds, lastSeenSeconds } = entry
      changes.set(account, { byteMilliseconds, firstSeenSeconds, lastSeenSeconds })
    }
    return changes
  }

  /** They could not be kept: they are told again next time. */
  takeBack(changes: ReadonlyMap<PeerId, AccountRecord | undefined>): void {
    for (const account of changes.keys()) {
      const entry = this.#entries.get(account)
      if (entry === undefined) this.#dropped.add(account)
      else entry.isChanged = true
    }
  }

  #count(entry: Entry): void {
    const now = this.#clock.elapsed()
    const milliseconds = Math.floor(now - entry.countedTo)
    if (milliseconds <= 0) return
    // The rest of a millisecond is counted with the next one.
    entry.countedTo += milliseconds
    if (entry.chargedBytes === 0) return
    entry.byteMilliseconds += BigInt(entry.chargedBytes) * BigInt(milliseconds)
    entry.isChanged = true
  }

  #newEntry(account: PeerId): Entry | undefined {
    if (this.#entries.size >= this.#entriesMax && !this.#forgetOne()) return undefined
    const nowSeconds = wholeSeconds(this.#clock)
    const entry: Entry = {
      byteMilliseconds: 0n,
      firstSeenSeconds: nowSeconds,
      lastSeenSeconds: nowSeconds,
      chargedBytes: 0,
      countedTo: this.#clock.elapsed(),
      isChanged: true,
    }
    this.#entries.set(account, entry)
    this.#dropped.delete(account)
    return entry
  }

  /** Of those that hold nothing, the one that was not seen for longest. @returns whether there was one */
  #forgetOne(): boolean {
    let oldest: { readonly account: PeerId; readonly seconds: number } | undefined
    for (const [account, { chargedBytes, lastSeenSeconds }] of this.#entries) {
      if (chargedBytes > 0 || (oldest !== undefined && oldest.seconds <= lastSeenSeconds)) continue
      oldest = { account, seconds: lastSeenSeconds }
    }
    if (oldest === undefined) return false
    this.#entries.delete(oldest.account)
    this.#dropped.add(oldest.account)
    return true
  }
}

/** Byte-milliseconds u128 ‖ first seen u64 ‖ last seen u64, big-endian. */
export function formatAccountRecord(record: AccountRecord): Uint8Array {
  const { byteMilliseconds, firstSeenSeconds, lastSeenSeconds } = record
  return new ByteWriter(ACCOUNT_RECORD_SIZE_BYTES)
    .wideU64(byteMilliseconds >> U64_BITS)
    .wideU64(BigInt.asUintN(64, byteMilliseconds))
    .u64(firstSeenSeconds)
    .u64(lastSeenSeconds)
    .finish()
}

/** @throws InvalidInputError or IntegrityError if it is no record */
export function parseAccountRecord(bytes: Uint8Array): AccountRecord {
  const reader = new ByteReader(bytes, 'record of an account')
  const byteMilliseconds = (reader.wideU64() << U64_BITS) | reader.wideU64()
  const record = { byteMilliseconds, firstSeenSeconds: reader.u64(), lastSeenSeconds: reader.u64() }
  reader.finish()
  return record
}
