/**
 * The one seam for the cryptography whose speed is felt: SHA-256 of whole blocks, AES-256-GCM of whole segments, and
 * the verification of signatures. Everything smaller uses hash.ts.
 *
 * The portable implementation here uses WebCrypto where the platform has it and @noble where it has not (a page on
 * plain http:// in a LAN); node/platform hands in the native one.
 */
import { gcm } from '@noble/ciphers/aes.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { IntegrityError } from './errors.ts'
import { asDigest, type Digest, type EncryptionKey } from './hash.ts'
import { verifySignaturePortably } from './signature.ts'

export interface BulkCrypto {
  /** SHA-256 (FIPS 180-4) of bytes that are only read. */
  sha256(bytes: Uint8Array): Digest | Promise<Digest>
  /**
   * AES-256-GCM (NIST SP 800-38D), 12-byte nonce, no associated data.
   *
   * @returns ciphertext ‖ 16-byte tag, owned by the caller
   */
  seal(key: EncryptionKey, nonce: Uint8Array, plaintext: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** The reverse. @throws IntegrityError if the tag does not fit. */
  open(key: EncryptionKey, nonce: Uint8Array, sealed: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** Ed25519 as signature.ts judges it: whoever verifies many is ten times as fast natively. */
  verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
}

export function sealBroken(cause: unknown): IntegrityError {
  return new IntegrityError('a segment does not open under its key: its tag does not fit', {}, { cause })
}

/** @noble alone: slow (some tens of MB/s) and everywhere. */
export const nobleBulkCrypto: BulkCrypto = Object.freeze({
  sha256: (bytes: Uint8Array) => asDigest(sha256(bytes)),
  seal: (key: EncryptionKey, nonce: Uint8Array, plaintext: Uint8Array) => gcm(key, nonce).encrypt(plaintext),
  open: (key: EncryptionKey, nonce: Uint8Array, sealed: Uint8Array) => {
    try {
      return gcm(key, nonce).decrypt(sealed)
    } catch (cause) {
      throw sealBroken(cause)
    }
  },
  verifySignature: verifySignaturePortably,
})

/** WebCrypto: any secure context. Each call is asynchronous and costs some 40 us beside the bytes. */
export function webBulkCrypto(subtle: SubtleCrypto): BulkCrypto {
  const importKey = (key: EncryptionKey, usage: 'encrypt' | 'decrypt') =>
    subtle.importKey('raw', unshared(key), 'AES-GCM', false, [usage])
  return Object.freeze({
    sha256: async (bytes: Uint8Array) =>
      asDigest(new Uint8Array(await subtle.digest('SHA-256', unshared(bytes)))),
    seal: async (key: EncryptionKey, nonce: Uint8Array, plaintext: Uint8Array) => {
      const handle = await importKey(key, 'encrypt')
      const sealed = await subtle.encrypt(
        { name: 'AES-GCM', iv: unshared(nonce) },
        handle,
        unshared(plaintext),
      )
      return new Uint8Array(sealed)
    },
    open: async (key: EncryptionKey, nonce: Uint8Array, sealed: Uint8Array) => {
      const handle = await importKey(key, 'decrypt')
      try {
        const opened = await subtle.decrypt(
          { name: 'AES-GCM', iv: unshared(nonce) },
          handle,
          unshared(sealed),
        )
        return new Uint8Array(opened)
      } catch (cause) {
        throw sealBroken(cause)
      }
    },
    verifySignature: verifySignaturePortably,
  })
}

/** The best portable implementation where this code runs. */
export function portableBulkCrypto(): BulkCrypto {
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle
  return subtle === undefined ? nobleBulkCrypto : webBulkCrypto(subtle)
}

/** WebCrypto refuses views of shared memory: copy those. */
function unshared(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes)
}
