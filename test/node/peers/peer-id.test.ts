import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvalidInputError } from '#crypto'
import { peerIdOfPublicKey, publicKeyOfPeerId } from '../../../node/peers/peer-id.ts'

const publicKey = fc.uint8Array({ minLength: 32, maxLength: 32 })

describe('peer ids', () => {
  test('agree with libp2p for any key', () => {
    fc.assert(
      fc.property(publicKey, (key) => {
        const raw = publicKeyFromRaw(key)
        expect(peerIdOfPublicKey(key)).toBe(
          raw.type === 'Ed25519' ? peerIdFromPublicKey(raw).toString() : undefined,
        )
      }),
    )
  })

  test('reading undoes writing', () => {
    fc.assert(
      fc.property(publicKey, (key) => {
        expect(publicKeyOfPeerId(peerIdOfPublicKey(key))).toEqual(key)
      }),
    )
  })

  test('refuses every other text', () => {
    const good = peerIdOfPublicKey(new Uint8Array(32).fill(9))
    const rsa = 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'
    for (const text of [
      '',
      '1',
      rsa,
      good.slice(1),
      `${good}1`,
      `0${good.slice(1)}`,
      good.replace('12D3', '1234'),
    ]) {
      expect(() => publicKeyOfPeerId(text), text).toThrow(InvalidInputError)
    }
  })
})
