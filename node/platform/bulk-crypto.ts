/**
 * The native SHA-256, AES-256-GCM and Ed25519 of node:crypto, synchronous: at a segment's size a call costs
 * less than handing the work to another thread and back, and whoever wants a free loop runs it in a worker.
 */
import { createCipheriv, createDecipheriv, hash } from 'node:crypto'
import {
  asDigest,
  type BulkCrypto,
  type Digest,
  type EncryptionKey,
  releaseBuffer,
  SEAL_TAG_SIZE_BYTES,
  sealBroken,
} from '#crypto'
import { verifySignature } from './signature.ts'

const CIPHER = 'aes-256-gcm'

export const nativeBulkCrypto = Object.freeze({
  sha256(bytes: Uint8Array): Digest {
    return asDigest(plainView(hash('sha256', bytes, 'buffer')))
  },

  seal(key: EncryptionKey, nonce: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const cipher = createCipheriv(CIPHER, key, nonce)
    // One buffer taken whole and not zeroed first: joining with Buffer.concat halves the rate.
    const sealed = Buffer.allocUnsafeSlow(plaintext.length + SEAL_TAG_SIZE_BYTES)
    const ciphertext = cipher.update(plaintext)
    sealed.set(ciphertext)
    releaseBuffer(ciphertext)
    cipher.final()
    sealed.set(cipher.getAuthTag(), plaintext.length)
    return plainView(sealed)
  },

  open(key: EncryptionKey, nonce: Uint8Array, sealed: Uint8Array): Uint8Array {
    const end = sealed.length - SEAL_TAG_SIZE_BYTES
    if (end < 0) throw sealBroken(undefined)
    const decipher = createDecipheriv(CIPHER, key, nonce)
    decipher.setAuthTag(sealed.subarray(end))
    const plaintext = decipher.update(sealed.subarray(0, end))
    try {
      decipher.final()
    } catch (cause) {
      throw sealBroken(cause)
    }
    return plainView(plaintext)
  },

  verifySignature,
}) satisfies BulkCrypto

/** The same memory as a Uint8Array and nothing more, so that nobody comes to rely on Buffer. */
function plainView(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}
