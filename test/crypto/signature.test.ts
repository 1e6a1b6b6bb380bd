import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concat, publicKeyOfSeed, sign, verifySignaturePortably } from '#crypto'
import { verifySignature } from '../../node/platform/signature.ts'
import { keys32 } from '../support/arbitraries.ts'
import { pattern } from '../support/pattern.ts'

const { Point } = ed25519
const { ORDER } = Point.Fn
const messages = fc.uint8Array({ maxLength: 80 })

/** Both judge alike; what they say. */
function judged(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const portable = verifySignaturePortably(publicKey, message, signature)
  expect(verifySignature(publicKey, message, signature)).toBe(portable)
  return portable
}

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, index) => Number((value >> BigInt(8 * index)) & 255n))
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n)
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = bytes.slice()
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return flipped
}

/** Points whose order divides 8, by adding up one of order 8. */
const torsion = (() => {
  const eighth = Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')
  const points = [Point.ZERO]
  for (let count = 1; count < 8; count += 1) points.push((points[count - 1] ?? Point.ZERO).add(eighth))
  return points
})()

const P = 2n ** 255n - 19n

/** Every encoding of the points of small order: with y from p up, and with either sign where x is 0. */
const smallOrder = (() => {
  const encodings = new Map<string, Uint8Array>()
  for (const point of torsion) {
    const canonical = point.toBytes()
    const y = fromLittleEndian(canonical) % 2n ** 255n
    for (const shown of [y, y + P]) {
      if (shown >= 2n ** 255n) continue
      for (const sign of [0n, 1n]) {
        const bytes = littleEndian(shown + sign * 2n ** 255n)
        encodings.set(bytes.join(), bytes)
      }
    }
  }
  return [...encodings.values()]
})()

describe('verifySignaturePortably, as the native library,', () => {
  test('takes what sign makes, and nothing with a bit flipped', () => {
    fc.assert(
      fc.property(keys32, messages, fc.nat(511), fc.nat(255), (seed, message, bit, keyBit) => {
        const publicKey = publicKeyOfSeed(seed)
        const signature = sign(seed, message)
        expect(judged(publicKey, message, signature)).toBe(true)
        expect(judged(publicKey, message, flip(signature, bit))).toBe(false)
        expect(judged(flip(publicKey, keyBit), message, signature)).toBe(false)
        if (message.length > 0)
          expect(judged(publicKey, flip(message, bit % (message.length * 8)), signature)).toBe(false)
      }),
      { numRuns: 60 },
    )
  })

  test('takes the vectors of RFC 8032', () => {
    const publicKey = Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex')
    const signature = Buffer.from(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
      'hex',
    )
    expect(judged(publicKey, new Uint8Array(0), signature)).toBe(true)
  })

  test('refuses S of L and above', () => {
    const seed = pattern(1, 32)
    const message = pattern(2, 20)
    const signature = sign(seed, message)
    const scalar = fromLittleEndian(signature.subarray(32))
    for (let large = scalar + ORDER; large < 2n ** 256n; large += ORDER) {
      const forged = concat(signature.subarray(0, 32), littleEndian(large))
      expect(judged(publicKeyOfSeed(seed), message, forged)).toBe(false)
    }
    expect(
      judged(publicKeyOfSeed(seed), message, concat(signature.subarray(0, 32), littleEndian(ORDER))),
    ).toBe(false)
  })

  test('refuses points of small order in every encoding, as key and as R', () => {
    expect(smallOrder).toHaveLength(14)
    const message = pattern(3, 10)
    const seed = pattern(4, 32)
    const zero = new Uint8Array(32)
    for (const point of smallOrder) {
      for (const other of smallOrder) expect(judged(point, message, concat(other, zero))).toBe(false)
      // Made so that [S]B - [h]A is this very point, if libraries let it in.
      const digest = sha512(concat(point, publicKeyOfSeed(seed), message))
      const challenge = fromLittleEndian(digest) % ORDER
      const scalar = Point.Fn.create(challenge * ed25519.utils.getExtendedPublicKey(seed).scalar)
      expect(judged(publicKeyOfSeed(seed), message, concat(point, littleEndian(scalar)))).toBe(false)
    }
  })

  test('judges keys that have a part of small order without the cofactor', () => {
    const { scalar, prefix } = ed25519.utils.getExtendedPublicKey(pattern(5, 32))
    const nonce = Point.Fn.create(fromLittleEndian(prefix))
    const taken: boolean[] = []
    for (const part of torsion) {
      const publicKey = Point.BASE.multiply(scalar).add(part).toBytes()
      for (let number = 0; number < 12; number += 1) {
        const message = pattern(600 + number, 8)
        const commitment = Point.BASE.multiply(nonce).toBytes()
        const challenge = Point.Fn.create(fromLittleEndian(sha512(concat(commitment, publicKey, message))))
        const signature = concat(commitment, littleEndian(Point.Fn.create(nonce + challenge * scalar)))
        const fits = part.multiplyUnsafe(challenge).equals(Point.ZERO)
        expect(judged(publicKey, message, signature)).toBe(fits)
        taken.push(fits)
      }
    }
    expect(new Set(taken).size).toBe(2)
  })

  test('judges encodings that are not canonical alike', () => {
    const message = pattern(6, 10)
    const signature = sign(pattern(7, 32), message)
    for (let y = P; y < 2n ** 255n; y += 1n) {
      for (const sign of [0n, 1n]) {
        const point = littleEndian(y + sign * 2n ** 255n)
        judged(point, message, signature)
        expect(judged(publicKeyOfSeed(pattern(7, 32)), message, concat(point, signature.subarray(32)))).toBe(
          false,
        )
      }
    }
  })

  test('judges any bytes alike, and refuses other sizes', () => {
    fc.assert(
      fc.property(
        keys32,
        messages,
        fc.uint8Array({ minLength: 64, maxLength: 64 }),
        (key, message, signature) => {
          expect(judged(key, message, signature)).toBe(false)
        },
      ),
    )
    const signature = sign(pattern(8, 32), pattern(9, 3))
    const publicKey = publicKeyOfSeed(pattern(8, 32))
    for (const wrong of [signature.subarray(1), concat(signature, Uint8Array.of(0)), new Uint8Array(0)]) {
      expect(judged(publicKey, pattern(9, 3), wrong)).toBe(false)
    }
    expect(judged(publicKey.subarray(1), pattern(9, 3), signature)).toBe(false)
  })
})
