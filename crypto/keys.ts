/** The derivations of an immutable file's keys, each one function (FORMAT §3). */
import { ByteWriter } from './bytes.ts'
import type { Encoding } from './geometry.ts'
import {
  asEncryptionKey,
  asReadKey,
  asStorageIndex,
  type ConvergenceSecret,
  type Digest,
  deriveKey,
  type EncryptionKey,
  type ReadKey,
  type StorageIndex,
  taggedHmac,
} from './hash.ts'
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
 * @param contentDigest SHA-256 of the whole plaintext
 */
export function convergentReadKey(
  secret: ConvergenceSecret,
  encoding: Encoding,
  contentDigest: Digest,
): ReadKey {
  const parameters = new ByteWriter(8)
    .u8(encoding.neededShares)
    .u8(encoding.totalShares)
    .u8(encoding.matrix)
    .u8(encoding.layout)
    .u32(encoding.segmentSizeBytes)
    .finish()
  return asReadKey(taggedHmac(secret, TAGS.fileConvergentKey, parameters, contentDigest))
}
