/** The derivations of an immutable file's keys, each one function (FORMAT §3). */
import { ByteWriter, concat } from './bytes.ts'
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
  sha256Small,
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
  return sha256Small(concat(...segmentDigests))
}
