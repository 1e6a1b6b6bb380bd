/**
 * Ed25519 (RFC 8032), portable. All nodes must judge a signature alike (PROTOCOL §6.1): verification is without the
 * cofactor and compares encodings, and points of small order are refused, where libraries differ.
 */
import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { concat, equalBytes } from './bytes.ts'
import { asPublicKey, type PublicKey } from './hash.ts'

export const PUBLIC_KEY_SIZE_BYTES = 32
export const SIGNATURE_SIZE_BYTES = 64

const { Point } = ed25519
/** A table that is quickly made: most processes sign a few times. */
Point.BASE.precompute(4)

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

/** @param seed 32 secret bytes */
export function publicKeyOfSeed(seed: Uint8Array): PublicKey {
  return asPublicKey(ed25519.getPublicKey(seed))
}

/** @returns 64 bytes */
export function sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return ed25519.sign(message, seed)
}

/** Whether the signature is the key's over the message. Malformed keys and signatures are just not valid. */
export function verifySignaturePortably(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (hasUnsafeShape(publicKey, signature)) return false
  const scalar = fromLittleEndian(signature.subarray(32))
  if (scalar >= Point.Fn.ORDER) return false
  try {
    const digest = sha512(concat(signature.subarray(0, 32), publicKey, message))
    const challenge = Point.Fn.create(fromLittleEndian(digest))
    const key = Point.fromBytes(publicKey, true)
    const commitment = Point.BASE.multiplyUnsafe(scalar).subtract(key.multiplyUnsafe(challenge))
    return equalBytes(commitment.toBytes(), signature.subarray(0, 32))
  } catch {
    return false
  }
}

/** Sizes that do not fit, and points that libraries judge differently: no signature with them is valid. */
export function hasUnsafeShape(publicKey: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== PUBLIC_KEY_SIZE_BYTES || signature.length !== SIGNATURE_SIZE_BYTES) return true
  return hasSmallOrder(publicKey) || hasSmallOrder(signature.subarray(0, 32))
}

function hasSmallOrder(point: Uint8Array): boolean {
  // Copied by hand: slice() of Node's Buffer is a view, and what is verified must not change.
  const y = new Uint8Array(point)
  y[31] = (y[31] ?? 0) & 0x7f
  return SMALL_ORDER_POINTS.has([...y].map((byte) => byte.toString(16).padStart(2, '0')).join(''))
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (let index = bytes.length - 1; index >= 0; index -= 1) value = value * 256n + BigInt(bytes[index] ?? 0)
  return value
}
