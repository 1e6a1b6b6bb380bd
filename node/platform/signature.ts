/**
 * Ed25519 verification (RFC 8032) by the native library: a signature costs some 100 us.
 *
 * All nodes must judge alike (PROTOCOL §6.1). The library checks S < L and compares the encoding of [S]B - [h]A with R
 * as bytes; on points of small order its versions differ, so they are refused before.
 */
import { createPublicKey, verify } from 'node:crypto'
import { hasUnsafeShape } from '#crypto'

/** SubjectPublicKeyInfo of an Ed25519 key, up to the key itself. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** Whether the signature of 64 bytes is the key's over the bytes. Malformed keys and signatures are just not valid. */
export function verifySignature(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (hasUnsafeShape(publicKey, signature)) return false
  try {
    const key = createPublicKey({
      key: Buffer.concat([SPKI_PREFIX, publicKey]),
      format: 'der',
      type: 'spki',
    })
    return verify(null, bytes, key, signature)
  } catch {
    return false
  }
}
