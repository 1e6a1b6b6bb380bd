/**
 * Tagged SHA-256, HMAC and HKDF for small inputs (FORMAT §2). Synchronous and portable: at the sizes hashed here
 * (32 to some hundred bytes) a portable implementation is level with the native one. Whole blocks and segments go
 * through bulk.ts.
 */
import { hkdf } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, toBase32, utf8 } from './bytes.ts'
import { assert, InvalidInputError } from './errors.ts'
import type { Tag } from './tags.ts'

declare const brand: unique symbol
type Branded<Name extends string> = Uint8Array & { readonly [brand]: Name }

/** 32 bytes: a SHA-256 digest of plain bytes (a block, a sealed segment), as bulk.ts computes it. */
export type Digest = Branded<'Digest'>
/** 32 bytes: a leaf, an inner node or the root of a tree. */
export type TreeHash = Branded<'TreeHash'>
/** 32 bytes: tagged hash of a manifest; the `root` of a capability. */
export type FileRoot = Branded<'FileRoot'>
/** 32 bytes naming a file's shares on every server. */
export type StorageIndex = Branded<'StorageIndex'>
/** 32 bytes that grant reading of one file. Secret. */
export type ReadKey = Branded<'ReadKey'>
/** 32 bytes: AES-256 key of one file. Secret. */
export type EncryptionKey = Branded<'EncryptionKey'>
/** 32 bytes that tie equal files of one person together. Secret. */
export type ConvergenceSecret = Branded<'ConvergenceSecret'>
/** 32 bytes that grant writing of one slot or directory. Secret. */
export type SlotSeed = Branded<'SlotSeed'>
/** 32 bytes: an Ed25519 public key; names a slot. */
export type PublicKey = Branded<'PublicKey'>
/** 32 bytes that grant walking and repairing what a slot or tree points to, and not reading it. Secret. */
export type VerifyKey = Branded<'VerifyKey'>
/** 32 bytes: tagged hash of a whole slot record. */
export type RecordHash = Branded<'RecordHash'>
/** 32 bytes: names a blob of a repository of backups by its content; only who can read the repository can make one. */
export type BlobId = Branded<'BlobId'>
/** 16 bytes: names a pack by the blobs in it. */
export type PackId = Branded<'PackId'>
/** 32 bytes that make the ids of the blobs of one repository. Secret. */
export type BlobIdKey = Branded<'BlobIdKey'>
/** 32 bytes that say where the contents of one repository are cut. Secret. */
export type CutKey = Branded<'CutKey'>
/** 32 bytes that say how the contents of one repository of backups are cut and named. Secret. */
export type ContentKey = Branded<'ContentKey'>
/** 32 bytes: the X25519 key of the owner of a drop-box, which drops are sealed to. */
export type DropPublicKey = Branded<'DropPublicKey'>
/** 32 bytes that open the drops of one drop-box. Secret. */
export type DropPrivateKey = Branded<'DropPrivateKey'>
/** 32 bytes: a key of secret-box.ts. Secret. */
export type BoxKey = Branded<'BoxKey'>

export const HASH_SIZE_BYTES = 32

/** Checked constructor of the branded 32-byte values. @throws InvalidInputError on another length. */
function checked32<T extends Uint8Array>(bytes: Uint8Array, what: string): T {
  if (bytes.length !== HASH_SIZE_BYTES) {
    throw new InvalidInputError(`${what} is ${HASH_SIZE_BYTES} bytes, found ${bytes.length}`)
  }
  return bytes as unknown as T
}

export const asDigest = (bytes: Uint8Array): Digest => checked32(bytes, 'a digest')
export const asTreeHash = (bytes: Uint8Array): TreeHash => checked32(bytes, 'a tree hash')
export const asFileRoot = (bytes: Uint8Array): FileRoot => checked32(bytes, 'a root')
export const asStorageIndex = (bytes: Uint8Array): StorageIndex => checked32(bytes, 'a storage index')
export const asReadKey = (bytes: Uint8Array): ReadKey => checked32(bytes, 'a read key')
export const asEncryptionKey = (bytes: Uint8Array): EncryptionKey => checked32(bytes, 'an encryption key')
export const asSlotSeed = (bytes: Uint8Array): SlotSeed => checked32(bytes, 'the seed of a slot')
export const asPublicKey = (bytes: Uint8Array): PublicKey => checked32(bytes, 'a public key')
export const asVerifyKey = (bytes: Uint8Array): VerifyKey => checked32(bytes, 'a verify key')
export const asRecordHash = (bytes: Uint8Array): RecordHash => checked32(bytes, 'the hash of a record')
export const asBoxKey = (bytes: Uint8Array): BoxKey => checked32(bytes, 'a key')
export const asBlobId = (bytes: Uint8Array): BlobId => checked32(bytes, 'the id of a blob')
export const asBlobIdKey = (bytes: Uint8Array): BlobIdKey => checked32(bytes, 'a key of blob ids')
export const asCutKey = (bytes: Uint8Array): CutKey => checked32(bytes, 'a key of cuts')
export const asContentKey = (bytes: Uint8Array): ContentKey => checked32(bytes, 'a content key')
export const asDropPublicKey = (bytes: Uint8Array): DropPublicKey => checked32(bytes, 'the key of a drop-box')
export const asDropPrivateKey = (bytes: Uint8Array): DropPrivateKey =>
  checked32(bytes, 'the private key of a drop-box')
export const asConvergenceSecret = (bytes: Uint8Array): ConvergenceSecret =>
  checked32(bytes, 'a convergence secret')

export const PACK_ID_SIZE_BYTES = 16
export function asPackId(bytes: Uint8Array): PackId {
  if (bytes.length !== PACK_ID_SIZE_BYTES) {
    throw new InvalidInputError(`the id of a pack is ${PACK_ID_SIZE_BYTES} bytes, found ${bytes.length}`)
  }
  return bytes as unknown as PackId
}

/** The first eight characters of a storage index: how logs and errors name a file. */
export function shortIndex(storageIndex: StorageIndex): string {
  return toBase32(storageIndex.subarray(0, 5))
}

const tagPrefixes = new Map<Tag, Uint8Array>()

function tagPrefix(tag: Tag): Uint8Array {
  let prefix = tagPrefixes.get(tag)
  if (prefix === undefined) {
    const name = utf8(tag)
    prefix = concat(Uint8Array.of(name.length), name)
    tagPrefixes.set(tag, prefix)
  }
  return prefix
}

/** SHA-256 of (length of tag as one byte ‖ tag ‖ parts one after the other). Parts must be of fixed lengths. */
export function taggedHash(tag: Tag, ...parts: readonly Uint8Array[]): Uint8Array {
  const hash = sha256.create().update(tagPrefix(tag))
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** SHA-256 of small plain bytes. */
export function sha256Small(bytes: Uint8Array): Digest {
  return asDigest(sha256(bytes))
}

/** HKDF-SHA-256 (RFC 5869) without salt; 32 bytes out. The tag is the info. */
export function deriveKey(secret: Uint8Array, tag: Tag): Uint8Array {
  assert(secret.length === HASH_SIZE_BYTES, 'secrets are 32 bytes')
  return hkdf(sha256, secret, undefined, utf8(tag), HASH_SIZE_BYTES)
}

/** HMAC-SHA-256 (RFC 2104) over (tag prefix ‖ parts). */
export function taggedHmac(secret: Uint8Array, tag: Tag, ...parts: readonly Uint8Array[]): Uint8Array {
  return hmac(sha256, secret, concat(tagPrefix(tag), ...parts))
}
