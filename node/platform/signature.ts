/**
 * Ed25519 verification (RFC 8032) by the native library: an announcement costs some 100 us.
 *
 * All nodes must judge alike (PROTOCOL §6.1). The library checks S < L and compares the encoding of [S]B - [h]A with R
 * as bytes; on points of small order its versions differ, so they are refused here.
 */
import { createPublicKey, verify } from 'node:crypto'

/** SubjectPublicKeyInfo of an Ed25519 key, up to the key itself. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** Every encoding of the points whose order divides 8, with the sign bit cleared. */
const SMALL_ORDER_POINTS: ReadonlySet<string> = new Set([
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
])

/** Whether the signature of 64 bytes is the key's over the bytes. Malformed keys and signatures are just not valid. */
export function verifySignature(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  if (hasSmallOrder(publicKey) || hasSmallOrder(signature.subarray(0, 32))) return false
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

function hasSmallOrder(point: Uint8Array): boolean {
  const y = Buffer.from(point)
  y[31] = (y[31] ?? 0) & 0x7f
  return SMALL_ORDER_POINTS.has(y.toString('hex'))
}
