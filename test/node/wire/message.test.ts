import { encode } from 'cborg'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  concat,
  decodeFields,
  encodeFields,
  FIELDS_DEPTH_MAX,
  type FieldRecord,
  InvalidInputError,
  utf8,
} from '#crypto'
import { ProtocolError } from '../../../node/errors.ts'
import { WIRE_HEADER_MAX_BYTES, WIRE_PAYLOAD_MAX_BYTES } from '../../../node/limits.ts'
import { formatMessage, type Message, MessageReader, writeSlices } from '../../../node/wire/message.ts'

const fieldValue = fc.letrec<{ value: never }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.maxSafeNat(),
    fc.boolean(),
    fc.string({ maxLength: 20 }),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ maxLength: 8 }), tie('value'), { maxKeys: 4 }),
  ) as fc.Arbitrary<never>,
})).value
const header: fc.Arbitrary<FieldRecord> = fc.dictionary(fc.string({ maxLength: 8 }), fieldValue, {
  maxKeys: 6,
})

/** The bytes in parts cut at the places given, as a channel may deliver them. */
async function* cut(bytes: Uint8Array, places: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0
  for (const place of [...places].sort((left, right) => left - right)) {
    const end = Math.min(bytes.length, Math.max(start, place))
    yield bytes.subarray(start, end)
    start = end
  }
  yield bytes.subarray(start)
}

async function readAll(bytes: Uint8Array, places: readonly number[] = []): Promise<readonly Message[]> {
  const reader = new MessageReader(cut(bytes, places))
  const messages: Message[] = []
  for (let message = await reader.read(); message !== undefined; message = await reader.read()) {
    messages.push(message)
  }
  return messages
}

describe('headers', () => {
  test('reading undoes writing, and there is one way to write', () => {
    fc.assert(
      fc.property(header, (fields) => {
        const bytes = encodeFields(fields)
        const read = decodeFields(bytes, 'test')
        for (const name of Object.keys(fields)) expect(read.has(name)).toBe(true)
      }),
    )
  })

  test('refuses every encoding but the canonical one', () => {
    const refused: Record<string, string> = {
      'an array': '80',
      'a number': '01',
      'bytes after the map': 'a000',
      'a number that is longer than it need be': 'a161611801',
      'a length that is longer than it need be': 'a1780161 01'.replace(' ', ''),
      'keys out of order': 'a2616201616101',
      'a key twice': 'a2616101616102',
      'a key that is no text': 'a10101',
      'an indefinite map': 'bf616101ff',
      'indefinite text': 'a161617f6161ff',
      'an indefinite byte string': 'a161615f4101ff',
      'a whole number as a float': 'a16161f93c00',
      'not a number': 'a16161f97e00',
      undefined: 'a16161f7',
      null: 'a16161f6',
      'a negative number': 'a1616120',
      'a half': 'a16161f93800',
      infinity: 'a16161f97c00',
      'a float above 2^53': 'a16161fb4340000000000001',
      'null inside an array': 'a1616181f6',
      'a negative number inside a map': 'a16161a1616120',
      'a key inside a map that is no text': 'a16161a10101',
      'a tag': 'a16161c001',
      'a number above 2^53': 'a161611b0020000000000000',
      'text that is not UTF-8': 'a1616161ff',
      nothing: '',
      'half a map': 'a16161',
    }
    for (const [what, hex] of Object.entries(refused)) {
      expect(() => decodeFields(Buffer.from(hex, 'hex'), 'test'), what).toThrow(InvalidInputError)
    }
  })

  test('deep nesting is refused, not followed into the ground', () => {
    const nested = (depth: number) =>
      concat(Uint8Array.of(0xa1, 0x61, 0x61), new Uint8Array(depth - 1).fill(0x81), Uint8Array.of(1))
    expect(decodeFields(nested(FIELDS_DEPTH_MAX), 'test').has('a')).toBe(true)
    expect(() => decodeFields(nested(FIELDS_DEPTH_MAX + 1), 'test')).toThrow(InvalidInputError)
    const deep = concat(Uint8Array.of(0xa1, 0x61, 0x61), new Uint8Array(200_000).fill(0x81), Uint8Array.of(1))
    expect(() => decodeFields(deep, 'test')).toThrow(InvalidInputError)
  })

  test('a length that nothing backs allocates nothing', () => {
    for (const hex of [
      'a161615bffffffffffffff',
      'a161619b0000ffffffffffff',
      'bb0000ffffffffffff',
      'a161617affffffff',
    ]) {
      expect(() => decodeFields(Buffer.from(hex, 'hex'), 'test')).toThrow(InvalidInputError)
    }
  })

  test('a field named __proto__ is a field like any other', () => {
    const fields = decodeFields(encode(new Map([['__proto__', 1]])), 'test')
    expect(fields.uint('__proto__')).toBe(1)
    expect(fields.has('toString')).toBe(false)
  })

  test('a reader refuses other types, values beyond limits, and fields it did not read', () => {
    const fields = decodeFields(
      encodeFields({ a: 1, b: 'text', c: Uint8Array.of(1, 2), d: [1], e: false }),
      'test',
    )
    expect(() => fields.uint('b')).toThrow('field "b"')
    expect(() => fields.uint('missing')).toThrow(InvalidInputError)
    expect(() => fields.uint('a', 0)).toThrow(InvalidInputError)
    expect(() => fields.text('b', 3)).toThrow(InvalidInputError)
    expect(() => fields.bytes('c', 3)).toThrow(InvalidInputError)
    expect(() => fields.bytesUpTo('c', 1)).toThrow(InvalidInputError)
    expect(() => fields.list('d', 0)).toThrow(InvalidInputError)
    expect(() => fields.records('d', 1)).toThrow(InvalidInputError)
    expect(() => decodeFields(encodeFields({ a: 1 }), 'test').finish()).toThrow('unknown field')
    fields.boolean('e')
    fields.finish()
  })
})

describe('messages', () => {
  test('reading undoes writing, however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(header, fc.uint8Array({ maxLength: 3000 })), { maxLength: 5 }),
        fc.array(fc.nat(10_000), { maxLength: 20 }),
        async (messages, places) => {
          const bytes = concat(
            ...messages.flatMap(([fields, payload]) => formatMessage(fields, payload).parts),
          )
          const read = await readAll(bytes, places)
          expect(read.map(({ payload }) => payload)).toEqual(messages.map(([, payload]) => payload))
        },
      ),
    )
  })

  test('random bytes end in a refusal', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        await expect(readAll(bytes)).rejects.toThrow(ProtocolError)
      }),
      { numRuns: 500 },
    )
  })

  test('one changed byte gives other fields, another payload, or a refusal', async () => {
    const message = formatMessage(
      { op: 'read-block', index: new Uint8Array(32), segment: 7 },
      utf8('payload'),
    )
    const good = concat(...message.parts)
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), async (place, flip) => {
        const bytes = good.slice()
        bytes[place] = (bytes[place] ?? 0) ^ flip
        const result = await readAll(bytes).catch((error: unknown) => error)
        expect(Array.isArray(result) || result instanceof ProtocolError).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  test('a truncated message is a refusal at every length', async () => {
    const bytes = concat(...formatMessage({ op: 'x' }, utf8('payload')).parts)
    for (let size = 1; size < bytes.length; size += 1) {
      await expect(readAll(bytes.subarray(0, size))).rejects.toThrow('ended inside a message')
    }
    expect(await readAll(new Uint8Array(0))).toEqual([])
  })

  test('lengths beyond the limits are refused before anything is made or waited for', async () => {
    const prefix = (headerSize: number, payloadSize: number) => {
      const bytes = new Uint8Array(8)
      new DataView(bytes.buffer).setUint32(0, headerSize)
      new DataView(bytes.buffer).setUint32(4, payloadSize)
      return bytes
    }
    const admitted: number[] = []
    for (const [headerSize, payloadSize] of [
      [0, 0],
      [WIRE_HEADER_MAX_BYTES + 1, 0],
      [1, WIRE_PAYLOAD_MAX_BYTES + 1],
      [0xffffffff, 0xffffffff],
    ] as const) {
      const reader = new MessageReader(cut(prefix(headerSize, payloadSize), []), {
        admit: async (size) => {
          admitted.push(size)
        },
      })
      await expect(reader.read()).rejects.toThrow(ProtocolError)
    }
    expect(admitted).toEqual([])
  })

  test('large parts go out in slices that join to the same bytes', async () => {
    const payload = new Uint8Array(3 * 1024 * 1024).map((_, index) => index % 251)
    const { parts } = formatMessage({ op: 'x' }, payload)
    const written: Uint8Array[] = []
    let movedCount = 0
    const channel = { write: async (some: readonly Uint8Array[]) => void written.push(...some) }
    await writeSlices(channel, parts, () => {
      movedCount += 1
    })
    expect(Buffer.compare(concat(...written), concat(...parts))).toBe(0)
    expect(movedCount).toBe(6)
  })
})
