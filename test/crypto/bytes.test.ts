import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ByteReader,
  ByteWriter,
  compareBytes,
  equalBytes,
  fromBase32,
  InvalidInputError,
  toBase32,
  utf8,
} from '#crypto'

describe('base32', () => {
  test('agrees with the examples of RFC 4648 §10, in lower case without padding', () => {
    expect(['', 'f', 'fo', 'foo', 'foob', 'fooba', 'foobar'].map((text) => toBase32(utf8(text)))).toEqual([
      '',
      'my',
      'mzxq',
      'mzxw6',
      'mzxw6yq',
      'mzxw6ytb',
      'mzxw6ytboi',
    ])
  })

  test('decoding undoes encoding', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) =>
        equalBytes(fromBase32(toBase32(bytes)), bytes),
      ),
    )
  })

  test('has one text for each byte string: whatever is read is written back the same', () => {
    const letters = fc.string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567'), maxLength: 30 })
    fc.assert(
      fc.property(letters, (text) => {
        let bytes: Uint8Array
        try {
          bytes = fromBase32(text)
        } catch (error) {
          return error instanceof InvalidInputError
        }
        return toBase32(bytes) === text
      }),
    )
  })

  test.each(['A', 'a1', 'a=', 'ä', 'mz', 'mzxw6y', 'a', 'aaa'])('refuses %j', (text) => {
    expect(() => fromBase32(text)).toThrow(InvalidInputError)
  })
})

describe('ByteWriter and ByteReader', () => {
  test('read back what was written, big-endian', () => {
    const bytes = new ByteWriter(15)
      .u8(1)
      .u32(0x01020304)
      .u64(2 ** 53 - 1)
      .bytes(Uint8Array.of(7, 8))
      .finish()
    expect([...bytes.subarray(0, 5)]).toEqual([1, 1, 2, 3, 4])
    const reader = new ByteReader(bytes, 'example')
    expect([reader.u8(), reader.u32(), reader.u64()]).toEqual([1, 0x01020304, 2 ** 53 - 1])
    expect(() => reader.finish()).toThrow('2 bytes too many')
    expect([...reader.bytes(2)]).toEqual([7, 8])
    reader.finish()
    expect(() => reader.u8()).toThrow('example: 16 bytes wanted, found 15')
  })

  test('refuses a u64 above 2^53 - 1', () => {
    expect(() => new ByteReader(new Uint8Array(8).fill(255), 'example').u64()).toThrow(InvalidInputError)
  })

  test('gives copies, also of a Buffer', () => {
    const bytes = Buffer.from([1, 2, 3])
    const read = new ByteReader(bytes, 'example').bytes(3)
    bytes.fill(0)
    expect(read).toEqual(Uint8Array.of(1, 2, 3))
  })
})

test('compareBytes orders by bytes, then by length', () => {
  const ordered = [[], [0], [0, 1], [1], [255]].map((values) => Uint8Array.from(values))
  expect(ordered.toReversed().sort(compareBytes)).toEqual(ordered)
})
