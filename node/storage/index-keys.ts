/**
 * The entries of the storage index, as bytes. All integers are big-endian, so that the order of keys is the order of
 * addresses.
 *
 * | key | value | what |
 * |---|---|---|
 * | 1 ‖ name | | the index itself: `version`, `closed`, `rebuilding` |
 * | 2 ‖ storage index 32 ‖ root 32 ‖ share number 1 | share size u64 ‖ place 1 | a visible share |
 * | 3 ‖ storage index 32 ‖ root 32 ‖ share number 1 ‖ account | lease | a lease |
 * | 4 ‖ account | bytes u64 | what an account is charged; written when the storage is closed |
 * | 5 ‖ storage index 32 ‖ root 32 ‖ share number 1 | a whole share file | a small share |
 * | 6 ‖ public key 32 | a whole record | a slot |
 * | 7 ‖ public key 32 ‖ account | lease | a lease on a slot; a slot always has one |
 * | 8 ‖ account | byte-milliseconds u128 ‖ first seen u64 ‖ last seen u64 | what an account has used over time |
 *
 * A lease is its expiry in seconds since 1970, u64, and, if it is binding, until when, likewise.
 * A place is 0 for a file of its own, 1 for a record of this index.
 * The empty account holds the grace leases of shares and slots whose leases were lost, and one that has run out on a
 * slot whose last lease was cancelled.
 */
import {
  asFileRoot,
  asPublicKey,
  asStorageIndex,
  ByteReader,
  ByteWriter,
  concat,
  HASH_SIZE_BYTES,
  type PublicKey,
  type StorageIndex,
  utf8,
} from '#crypto'
import type { PeerId } from '../platform/platform.ts'
import type { Lease } from './lease.ts'
import type { ShareAddress } from './server.ts'

type LeaseTimes = Omit<Lease, 'account'>

const SPACE = Object.freeze({
  meta: 1,
  share: 2,
  lease: 3,
  account: 4,
  small: 5,
  slot: 6,
  slotLease: 7,
  accountTime: 8,
} as const)
const ADDRESS_SIZE_BYTES = 2 * HASH_SIZE_BYTES + 1
/** Plain and binding. */
const LEASE_SIZES_BYTES = [8, 16]

/** Whoever holds leases on shares that lost theirs; charged to nobody. */
export const GRACE_ACCOUNT: PeerId = ''

export const META_KEYS = Object.freeze({
  version: concat(Uint8Array.of(SPACE.meta), utf8('version')),
  closed: concat(Uint8Array.of(SPACE.meta), utf8('closed')),
  rebuilding: concat(Uint8Array.of(SPACE.meta), utf8('rebuilding')),
})

export interface KeyRange {
  readonly gte: Uint8Array
  readonly lt: Uint8Array
}

export const SHARE_KEYS: KeyRange = { gte: Uint8Array.of(SPACE.share), lt: Uint8Array.of(SPACE.share + 1) }
export const LEASE_KEYS: KeyRange = { gte: Uint8Array.of(SPACE.lease), lt: Uint8Array.of(SPACE.lease + 1) }
export const ACCOUNT_KEYS: KeyRange = {
  gte: Uint8Array.of(SPACE.account),
  lt: Uint8Array.of(SPACE.account + 1),
}

export const ACCOUNT_TIME_KEYS: KeyRange = {
  gte: Uint8Array.of(SPACE.accountTime),
  lt: Uint8Array.of(SPACE.accountTime + 1),
}

export function accountTimeKey(account: PeerId): Uint8Array {
  return concat(Uint8Array.of(SPACE.accountTime), utf8(account))
}

export function shareKey(address: ShareAddress): Uint8Array {
  return concat(Uint8Array.of(SPACE.share), addressBytes(address))
}

export function smallKey(address: ShareAddress): Uint8Array {
  return concat(Uint8Array.of(SPACE.small), addressBytes(address))
}

export function leaseKey(address: ShareAddress, account: PeerId): Uint8Array {
  return concat(Uint8Array.of(SPACE.lease), addressBytes(address), utf8(account))
}

export function accountKey(account: PeerId): Uint8Array {
  return concat(Uint8Array.of(SPACE.account), utf8(account))
}

export const SMALL_KEYS: KeyRange = { gte: Uint8Array.of(SPACE.small), lt: Uint8Array.of(SPACE.small + 1) }

export const SLOT_KEYS: KeyRange = { gte: Uint8Array.of(SPACE.slot), lt: Uint8Array.of(SPACE.slot + 1) }
export const SLOT_LEASE_KEYS: KeyRange = {
  gte: Uint8Array.of(SPACE.slotLease),
  lt: Uint8Array.of(SPACE.slotLease + 1),
}

export function slotKey(publicKey: PublicKey): Uint8Array {
  return concat(Uint8Array.of(SPACE.slot), publicKey)
}

export function slotLeaseKey(publicKey: PublicKey, account: PeerId): Uint8Array {
  return concat(Uint8Array.of(SPACE.slotLease), publicKey, utf8(account))
}

/** Leases on one slot. */
export function slotLeaseRange(publicKey: PublicKey): KeyRange {
  return prefixRange(concat(Uint8Array.of(SPACE.slotLease), publicKey))
}

export function isSlotKey(key: Uint8Array): boolean {
  return key.length === 1 + HASH_SIZE_BYTES
}

export function isSlotLease(key: Uint8Array, value: Uint8Array): boolean {
  return key.length >= 1 + HASH_SIZE_BYTES && LEASE_SIZES_BYTES.includes(value.length)
}

/** Of a slot or of a lease on one; the account is empty for a slot. */
export function parseSlotKey(key: Uint8Array): { readonly publicKey: PublicKey; readonly account: PeerId } {
  const end = 1 + HASH_SIZE_BYTES
  return {
    publicKey: asPublicKey(key.slice(1, end)),
    account: new TextDecoder().decode(key.subarray(end)),
  }
}

/** Shares under a storage index, of one root or of all. */
export function shareRange(storageIndex: StorageIndex, root?: Uint8Array): KeyRange {
  return prefixRange(concat(Uint8Array.of(SPACE.share), storageIndex, root ?? new Uint8Array(0)))
}

/** Leases on one share. */
export function leaseRange(address: ShareAddress): KeyRange {
  return prefixRange(concat(Uint8Array.of(SPACE.lease), addressBytes(address)))
}

/** Whether the key of a share is whole: what a repair has rescued may not be. */
export function isShareKey(key: Uint8Array): boolean {
  return key.length === 1 + ADDRESS_SIZE_BYTES
}

export function isLease(key: Uint8Array, value: Uint8Array): boolean {
  return key.length >= 1 + ADDRESS_SIZE_BYTES && LEASE_SIZES_BYTES.includes(value.length)
}

export function parseShareKey(key: Uint8Array): ShareAddress {
  const reader = new ByteReader(key.subarray(1), 'index key')
  const address = readAddress(reader)
  reader.finish()
  return address
}

export function parseLeaseKey(key: Uint8Array): { readonly address: ShareAddress; readonly account: PeerId } {
  const address = readAddress(new ByteReader(key.subarray(1), 'index key'))
  return { address, account: new TextDecoder().decode(key.subarray(1 + ADDRESS_SIZE_BYTES)) }
}

/** Of what an account is charged, and of what it has used over time. */
export function parseAccountKey(key: Uint8Array): PeerId {
  return new TextDecoder().decode(key.subarray(1))
}

/** Where a share's bytes stand. */
export type SharePlace = 'file' | 'index'

export interface StoredShare {
  readonly shareSizeBytes: number
  readonly place: SharePlace
}

export function shareValue({ shareSizeBytes, place }: StoredShare): Uint8Array {
  return new ByteWriter(9)
    .u64(shareSizeBytes)
    .u8(place === 'index' ? 1 : 0)
    .finish()
}

export function parseShareValue(value: Uint8Array): StoredShare {
  const reader = new ByteReader(value, 'index value')
  const shareSizeBytes = reader.u64()
  const place = reader.u8() === 1 ? 'index' : 'file'
  reader.finish()
  return { shareSizeBytes, place }
}

export function numberValue(value: number): Uint8Array {
  return new ByteWriter(8).u64(value).finish()
}

export function parseNumberValue(value: Uint8Array): number {
  const reader = new ByteReader(value, 'index value')
  const number = reader.u64()
  reader.finish()
  return number
}

export function leaseValue({ expiresAtSeconds, boundUntilSeconds }: LeaseTimes): Uint8Array {
  if (boundUntilSeconds === 0) return numberValue(expiresAtSeconds)
  return new ByteWriter(16).u64(expiresAtSeconds).u64(boundUntilSeconds).finish()
}

export function parseLeaseValue(value: Uint8Array): LeaseTimes {
  const reader = new ByteReader(value, 'index value')
  const expiresAtSeconds = reader.u64()
  const boundUntilSeconds = value.length > 8 ? reader.u64() : 0
  reader.finish()
  return { expiresAtSeconds, boundUntilSeconds }
}

function addressBytes(address: ShareAddress): Uint8Array {
  return concat(address.storageIndex, address.root, Uint8Array.of(address.shareNumber))
}

function readAddress(reader: ByteReader): ShareAddress {
  return {
    storageIndex: asStorageIndex(reader.bytes(HASH_SIZE_BYTES)),
    root: asFileRoot(reader.bytes(HASH_SIZE_BYTES)),
    shareNumber: reader.u8(),
  }
}

/** Every key that starts with these bytes. */
function prefixRange(prefix: Uint8Array): KeyRange {
  const end = prefix.slice()
  for (let place = end.length - 1; place >= 0; place -= 1) {
    const byte = end[place] ?? 0
    if (byte < 255) {
      end[place] = byte + 1
      return { gte: prefix, lt: end.slice(0, place + 1) }
    }
  }
  return { gte: prefix, lt: Uint8Array.of(255) }
}
