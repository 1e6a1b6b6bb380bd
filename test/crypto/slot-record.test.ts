import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asRecordHash,
  asSlotSeed,
  concat,
  equalBytes,
  IntegrityError,
  InvalidInputError,
  isSigned,
  makeSlotRecord,
  NO_RECORD,
  nobleBulkCrypto,
  openSlotContent,
  openSlotLinks,
  parseSlotRecord,
  requireRecordOf,
  SLOT_CONTENT_MAX_BYTES,
  SLOT_RECORD_MAX_BYTES,
  slotKeys,
  verifyKeyOf,
} from '#crypto'
import { verifySignature } from '../../node/platform/signature.ts'
import { keys32 } from '../support/arbitraries.ts'
import { hex, pattern } from '../support/pattern.ts'

const native = { verifySignature }
const keys = slotKeys(asSlotSeed(pattern(1, 32)))
const other = slotKeys(asSlotSeed(pattern(2, 32)))
const contents = fc.record({
  links: fc.uint8Array({ maxLength: 100 }),
  body: fc.uint8Array({ maxLength: 100 }),
})
const first = { sequence: 1, previous: NO_RECORD }
const content = { links: pattern(3, 10), body: pattern(4, 10) }

describe('makeSlotRecord', () => {
  test('makes records that parse to what they were made of, and open', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: Number.MAX_SAFE_INTEGER }),
        keys32,
        contents,
        (sequence, hash, halves) => {
          fc.pre(!equalBytes(hash, NO_RECORD))
          const record = makeSlotRecord(keys, { sequence, previous: asRecordHash(hash) }, halves)
          const parsed = requireRecordOf(keys.publicKey, record.bytes, native)
          expect(parsed).toEqual(record)
          expect([parsed.sequence, hex(parsed.previous)]).toEqual([sequence, hex(hash)])
          expect(isSigned(parsed, nobleBulkCrypto)).toBe(true)
          const readKey = keys.readKey.reveal()
          expect(openSlotContent(parsed, readKey)).toEqual(halves)
          expect(openSlotLinks(parsed, verifyKeyOf(readKey))).toEqual(halves.links)
        },
      ),
      { numRuns: 30 },
    )
  })

  test('makes the same record of the same things, so that a repeated write changes nothing', () => {
    expect(makeSlotRecord(keys, first, content).bytes).toEqual(makeSlotRecord(keys, first, content).bytes)
  })

  test('shows nobody that a value came back', () => {
    const one = makeSlotRecord(keys, first, content)
    const two = makeSlotRecord(keys, { sequence: 2, previous: one.hash }, content)
    expect(two.sealedBody).not.toEqual(one.sealedBody)
    expect(two.sealedLinks).not.toEqual(one.sealedLinks)
    expect(two.sealedBody.subarray(0, 24)).not.toEqual(one.sealedBody.subarray(0, 24))
  })

  test('takes as much as a record holds, and not a byte more', () => {
    const links = new Uint8Array(10)
    const largest = makeSlotRecord(keys, first, { links, body: new Uint8Array(SLOT_CONTENT_MAX_BYTES - 10) })
    expect(largest.bytes.length).toBe(SLOT_RECORD_MAX_BYTES)
    const body = new Uint8Array(SLOT_CONTENT_MAX_BYTES - 9)
    expect(() => makeSlotRecord(keys, first, { links, body })).toThrow(InvalidInputError)
  })

  test('refuses what cannot follow', () => {
    const previous = asRecordHash(pattern(5, 32))
    const beyond = { sequence: Number.MAX_SAFE_INTEGER + 1, previous }
    expect(() => makeSlotRecord(keys, beyond, content)).toThrow(/nothing can follow/)
    for (const place of [
      { sequence: 0, previous },
      { sequence: 1, previous },
      { ...first, sequence: 2 },
    ]) {
      expect(() => makeSlotRecord(keys, place, content)).toThrow(InvalidInputError)
    }
  })
})

describe('requireRecordOf', () => {
  const sound = makeSlotRecord(keys, first, content)

  test.each([
    ['native', native],
    ['portable', nobleBulkCrypto],
  ])('refuses every byte flipped, by the %s library', (_, bulk) => {
    for (let at = 0; at < sound.bytes.length; at += 1) {
      const flipped = sound.bytes.slice()
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
      expect(() => requireRecordOf(keys.publicKey, flipped, bulk), `byte ${at}`).toThrow(IntegrityError)
    }
  })

  test('refuses every other length', () => {
    for (let size = 0; size < sound.bytes.length; size += 1) {
      expect(() => requireRecordOf(keys.publicKey, sound.bytes.slice(0, size), native)).toThrow(
        IntegrityError,
      )
    }
    const longer = concat(sound.bytes, Uint8Array.of(0))
    expect(() => requireRecordOf(keys.publicKey, longer, native)).toThrow(IntegrityError)
    const huge = new Uint8Array(SLOT_RECORD_MAX_BYTES + 1)
    expect(() => requireRecordOf(keys.publicKey, huge, native)).toThrow(/at most 65536 bytes/)
  })

  test('refuses the record of another slot, sound as it is', () => {
    expect(() => requireRecordOf(other.publicKey, sound.bytes, native)).toThrow(/another slot/)
  })
})

describe('a record that a writer put together from others', () => {
  const readKey = keys.readKey.reveal()
  const one = makeSlotRecord(keys, first, content)
  const two = makeSlotRecord(
    keys,
    { sequence: 2, previous: one.hash },
    { links: pattern(6, 10), body: pattern(7, 10) },
  )
  const grafted = (links: Uint8Array, body: Uint8Array) => ({ ...two, sealedLinks: links, sealedBody: body })

  test('opens neither with the halves of another record nor with its halves swapped', () => {
    expect(() => openSlotContent(grafted(one.sealedLinks, two.sealedBody), readKey)).toThrow(IntegrityError)
    expect(() => openSlotContent(grafted(two.sealedLinks, one.sealedBody), readKey)).toThrow(IntegrityError)
    expect(() => openSlotContent(grafted(two.sealedBody, two.sealedLinks), readKey)).toThrow(IntegrityError)
  })

  test('opens for no other key, nor the body for a verifier', () => {
    expect(() => openSlotContent(two, other.readKey.reveal())).toThrow(IntegrityError)
    const halves = { ...two, sealedLinks: two.sealedBody }
    expect(() => openSlotLinks(halves, verifyKeyOf(readKey))).toThrow(IntegrityError)
  })
})

test('no error of a record holds a byte of its content', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        parseSlotRecord(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidInputError)
        if (bytes.length > 20) expect(String(error)).not.toContain(hex(bytes).slice(0, 20))
      }
    }),
  )
})
