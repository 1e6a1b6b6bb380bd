/** The derivations of the keys of files, slots and trees, each one function (FORMAT §3, §15). */
import { ByteWriter, concatAll } from './bytes.ts'
import type { Encoding } from './geometry.ts'
import {
  asBoxKey,
  asEncryptionKey,
  asReadKey,
  asStorageIndex,
  asVerifyKey,
  type BoxKey,
  type ConvergenceSecret,
  type Digest,
  deriveKey,
  type EncryptionKey,
  type PublicKey,
  type ReadKey,
  type SlotSeed,
  type StorageIndex,
  sha256Small,
  taggedHash,
  taggedHmac,
  type VerifyKey,
} from './hash.ts'
import { Secret } from './secret.ts'
import { publicKeyOfSeed } from './signature.ts'
import { TAGS } from './tags.ts'

/** The AES-256 key of every segment of the file. */
export function fileEncryptionKey(readKey: ReadKey): EncryptionKey {
  return asEncryptionKey(deriveKey(readKey, TAGS.fileEncryptionKey))
}

/** The name of the file's shares on every server. It stands in the manifest, and so commits the root to the key. */
export function fileStorageIndex(readKey: ReadKey): StorageIndex {
  return asStorageIndex(deriveKey(readKey, TAGS.fileStorageIndex))
}

/**
 * The read key that equal contents share under one convergence secret and one encoding (FORMAT §3.2). The encoding
 * goes in because one key must never seal two different runs of segments.
 *
 * @param digest from `contentDigest`
 */
export function convergentReadKey(secret: ConvergenceSecret, encoding: Encoding, digest: Digest): ReadKey {
  const parameters = new ByteWriter(8)
    .u8(encoding.neededShares)
    .u8(encoding.totalShares)
    .u8(encoding.matrix)
    .u8(encoding.layout)
    .u32(encoding.segmentSizeBytes)
    .finish()
  return asReadKey(taggedHmac(secret, TAGS.fileConvergentKey, parameters, digest))
}

/**
 * What stands for a whole plaintext in a convergent key: SHA-256 over the SHA-256 digests of its segments, in order.
 *
 * @param segmentDigests one for each segment of the encoding's segment size; at least one
 */
export function contentDigest(segmentDigests: readonly Digest[]): Digest {
  return sha256Small(concatAll(segmentDigests))
}

/** Size of the name of a write (PROTOCOL §5.3). */
export const UPLOAD_ID_SIZE_BYTES = 16

/** What a convergent put calls its writes: each attempt alike, so that one goes on where another was broken off. */
export function convergentUploadId(readKey: ReadKey): Uint8Array {
  return deriveKey(readKey, TAGS.uploadId).slice(0, UPLOAD_ID_SIZE_BYTES)
}

/** What follows from the seed of a slot: everything that writing needs. */
export interface SlotKeys {
  /** Seed of the Ed25519 key that signs records. */
  readonly signingSeed: Secret<Uint8Array>
  readonly publicKey: PublicKey
  readonly readKey: Secret<ReadKey>
}

/** Costs a multiplication on the curve, some 0.2 ms. */
export function slotKeys(seed: SlotSeed): SlotKeys {
  const signingSeed = deriveKey(seed, TAGS.slotSigningSeed)
  return {
    signingSeed: new Secret(signingSeed),
    publicKey: publicKeyOfSeed(signingSeed),
    readKey: new Secret(asReadKey(deriveKey(seed, TAGS.slotReadKey))),
  }
}

/** Places a slot in the ring. */
export function slotStorageIndex(publicKey: PublicKey): StorageIndex {
  return asStorageIndex(taggedHash(TAGS.slotStorageIndex, publicKey))
}

/** Of a slot, directory or tree. For a tree it is at the same time the read key of the file that carries it. */
export function verifyKeyOf(readKey: ReadKey): VerifyKey {
  return asVerifyKey(deriveKey(readKey, TAGS.verifyKey))
}

/** Seals what readers of a slot or tree see. */
export function bodyKey(readKey: ReadKey): BoxKey {
  return asBoxKey(deriveKey(readKey, TAGS.bodyKey))
}

/** Seals the links of a slot record. */
export function linksKey(verifyKey: VerifyKey): BoxKey {
  return asBoxKey(deriveKey(verifyKey, TAGS.linksKey))
}

/** Seals the seeds of a directory's children. Only a writer of the directory derives it. */
export function childWriteKey(seed: SlotSeed): BoxKey {
  return asBoxKey(deriveKey(seed, TAGS.childWriteKey))
}
