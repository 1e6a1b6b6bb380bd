/** Ed25519 keys from seeds, for simulated nodes. Synchronous, so that a simulation stays deterministic. */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'

const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

export interface TestKey {
  readonly publicKey: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}

export function testKey(seed: Uint8Array): TestKey {
  const privateKey: KeyObject = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return {
    publicKey: new Uint8Array(spki.subarray(spki.length - 32)),
    sign: (bytes) => new Uint8Array(sign(null, bytes, privateKey)),
  }
}
