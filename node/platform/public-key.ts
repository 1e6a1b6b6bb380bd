/** The public key of a node's seed, by the native library: nothing of libp2p need be loaded for it. */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { NodeKey } from './node-key.ts'

/** PKCS #8 of an Ed25519 key, up to the seed itself (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const PUBLIC_KEY_SIZE_BYTES = 32

/** Ed25519 (RFC 8032); a new buffer. */
export function publicKeyOf(key: NodeKey): Uint8Array {
  const der = Buffer.concat([PKCS8_PREFIX, key.reveal()])
  const spki = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })).export({
    format: 'der',
    type: 'spki',
  })
  return new Uint8Array(spki.subarray(-PUBLIC_KEY_SIZE_BYTES))
}
