import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asBoxKey, BOX_OVERHEAD_BYTES, concat, IntegrityError, openBox, sealBox } from '#crypto'
import { keys32 } from '../support/arbitraries.ts'
import { hex } from '../support/pattern.ts'

const contents = fc.uint8Array({ maxLength: 200 })
const contexts = fc.uint8Array({ maxLength: 255 })
const key = asBoxKey(new Uint8Array(32).fill(4))

describe('openBox', () => {
  test('undoes sealBox in the same context', () => {
    fc.assert(
      fc.property(keys32, contents, contexts, (bytes, content, context) => {
        const box = sealBox(asBoxKey(bytes), content, context)
        expect(box.length).toBe(content.length + BOX_OVERHEAD_BYTES)
        expect(openBox(asBoxKey(bytes), box, 'a box', context)).toEqual(content)
      }),
    )
  })

  test('refuses every byte flipped, and every length but its own', () => {
    const box = sealBox(key, Uint8Array.of(1, 2, 3), Uint8Array.of(9))
    for (let at = 0; at < box.length; at += 1) {
      const flipped = box.slice()
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
      expect(() => openBox(key, flipped, 'a box', Uint8Array.of(9)), `byte ${at}`).toThrow(IntegrityError)
      expect(() => openBox(key, box.slice(0, at), 'a box', Uint8Array.of(9))).toThrow(IntegrityError)
    }
    expect(() => openBox(key, concat(box, Uint8Array.of(0)), 'a box', Uint8Array.of(9))).toThrow(
      IntegrityError,
    )
  })

  test('refuses another key and another context', () => {
    fc.assert(
      fc.property(contents, contexts, contexts, (content, context, other) => {
        fc.pre(hex(context) !== hex(other))
        const box = sealBox(key, content, context)
        expect(() => openBox(key, box, 'a box', other)).toThrow(IntegrityError)
        expect(() => openBox(asBoxKey(new Uint8Array(32)), box, 'a box', context)).toThrow(IntegrityError)
      }),
    )
  })

  test('refuses a box that opens under a nonce that its content does not ask', () => {
    const nonce = new Uint8Array(24)
    const box = concat(nonce, xchacha20poly1305(key, nonce).encrypt(Uint8Array.of(1)))
    expect(() => openBox(key, box, 'a box')).toThrow(/a box has a foreign nonce/)
  })
})

describe('sealBox', () => {
  test('gives equal boxes for equal contents in equal contexts, and else other nonces', () => {
    const pairs = fc.tuple(contexts, contents)
    fc.assert(
      fc.property(pairs, pairs, ([context, content], [otherContext, otherContent]) => {
        const nonce = hex(sealBox(key, content, context).subarray(0, 24))
        const other = hex(sealBox(key, otherContent, otherContext).subarray(0, 24))
        const areEqual = hex(context) === hex(otherContext) && hex(content) === hex(otherContent)
        expect(nonce === other).toBe(areEqual)
        expect(sealBox(key, content, context)).toEqual(sealBox(key, content, context))
      }),
    )
  })

  test('does not take the end of a context for the beginning of a content', () => {
    const whole = Uint8Array.from({ length: 40 }, (_, index) => index)
    const nonces = Array.from({ length: 41 }, (_, cut) =>
      hex(sealBox(key, whole.subarray(cut), whole.subarray(0, cut)).subarray(0, 24)),
    )
    expect(new Set(nonces).size).toBe(41)
  })
})
