import { decode, encode } from 'cborg'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  concat,
  decodeFields,
  encodeFields,
  equalBytes,
  FIELDS_VALUES_MAX,
  type FieldValue,
  InvalidInputError,
} from '#crypto'

const texts = fc.string({ unit: 'binary', maxLength: 60 })
const { value: values } = fc.letrec<{ value: FieldValue; list: FieldValue; map: FieldValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.maxSafeNat(),
    fc.boolean(),
    texts,
    fc.uint8Array({ maxLength: 40 }),
    tie('list'),
    tie('map'),
  ),
  list: fc.array(tie('value'), { maxLength: 4 }),
  map: fc.array(fc.tuple(texts, tie('value')), { maxLength: 4 }).map((fields) => Object.fromEntries(fields)),
}))

/** As the package decodes it, with the rules of PROTOCOL §4.2 checked afterwards: the slow way. */
function decodeSlowly(bytes: Uint8Array): unknown {
  const value: unknown = decode(bytes, { useMaps: true, strict: true, rejectDuplicateMapKeys: true })
  return isPlain(value, 1) && equalBytes(encode(value), bytes) && value instanceof Map ? value : undefined
}

function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'string' || typeof value === 'boolean' || value instanceof Uint8Array) return true
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0
  if (depth > 8) return false
  if (Array.isArray(value)) return value.every((item) => isPlain(item, depth + 1))
  if (!(value instanceof Map)) return false
  return [...value].every(([name, item]) => typeof name === 'string' && isPlain(item, depth + 1))
}

function attempt(work: () => unknown): unknown {
  try {
    return work()
  } catch {
    return undefined
  }
}

/** What decodeFields read. */
function readField(bytes: Uint8Array): unknown {
  try {
    return decodeFields(bytes, 'test').map('outer')
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error
    return undefined
  }
}

/** A map with one field, `outer`, whose value stands as it is given. */
function wrapped(inner: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(0xa1, 0x65), new TextEncoder().encode('outer'), inner)
}

describe('decodeFields', () => {
  test('undoes encodeFields', () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = encodeFields({ outer: { value } })
        const outer = decodeFields(bytes, 'test').map('outer')
        expect(encode(new Map([['outer', outer]]))).toEqual(bytes)
      }),
    )
  })

  test('reads what the package reads, and refuses what is not its canonical form', () => {
    const sound = values.map((value) => encodeFields({ value }))
    const changed = fc.tuple(sound, fc.nat(), fc.nat(255)).map(([bytes, at, byte]) => {
      const copy = bytes.slice()
      copy[at % copy.length] = byte
      return copy
    })
    fc.assert(
      fc.property(fc.oneof(sound, changed, fc.uint8Array({ maxLength: 12 })), (inner) => {
        const slow = attempt(() => decodeSlowly(wrapped(inner)))
        // The package drops a byte order mark before text.
        fc.pre(!Buffer.from(inner).includes(Buffer.from('\u{feff}')))
        const outer = slow instanceof Map ? slow.get('outer') : undefined
        expect(readField(wrapped(inner))).toEqual(outer instanceof Map ? outer : undefined)
      }),
      { numRuns: 2000 },
    )
  })

  test('gives copies, also of a Buffer', () => {
    const bytes = Buffer.from(encodeFields({ value: Uint8Array.of(1, 2) }))
    const value = decodeFields(bytes, 'test').bytes('value', 2)
    bytes.fill(0)
    expect(value).toEqual(Uint8Array.of(1, 2))
  })

  test('keeps a byte order mark at the start of text', () => {
    for (const text of ['\u{feff}', '\u{feff}abc', `\u{feff}${'x'.repeat(100)}`]) {
      expect(decodeFields(encodeFields({ text }), 'test').text('text', 200)).toBe(text)
    }
  })

  test.each([
    ['a number of two bytes for 23', [0x18, 23]],
    ['a number of three bytes for 255', [0x19, 0, 255]],
    ['a number of five bytes for 65,535', [0x1a, 0, 0, 255, 255]],
    ['a number of nine bytes for 2^32 - 1', [0x1b, 0, 0, 0, 0, 255, 255, 255, 255]],
    ['2^53', [0x1b, 0, 0x20, 0, 0, 0, 0, 0, 0]],
    ['a negative number', [0x20]],
    ['a tag', [0xc0, 0]],
    ['null', [0xf6]],
    ['undefined', [0xf7]],
    ['a simple value of two bytes', [0xf8, 0x15]],
    ['a float', [0xf9, 0, 0]],
    ['a break', [0xff]],
    ['an indefinite array', [0x9f, 0xff]],
    ['an indefinite map', [0xbf, 0xff]],
    ['indefinite bytes', [0x5f, 0xff]],
    ['a reserved length', [0x5c]],
    ['a key twice', [0xa2, 0x61, 0x61, 0, 0x61, 0x61, 0]],
    ['keys out of order', [0xa2, 0x61, 0x62, 0, 0x61, 0x61, 0]],
    ['a longer key first', [0xa2, 0x62, 0x61, 0x61, 0, 0x61, 0x62, 0]],
    ['a key that is a number', [0xa1, 1, 0]],
    ['a key that is bytes', [0xa1, 0x41, 1, 0]],
    ['text that is not UTF-8', [0x61, 0xff]],
    ['half a character', [0x63, 0xed, 0xa0, 0x80]],
    ['a character in too many bytes', [0x62, 0xc1, 0x81]],
    ['bytes past the end', [0x42, 0]],
    ['an array of more than there is', [0x9b, 0, 0x1f, 255, 255, 255, 255, 255, 255]],
    ['a map of more than there is', [0xbb, 0, 0x1f, 255, 255, 255, 255, 255, 255]],
    ['bytes of 2^53 - 1', [0x5b, 0, 0x1f, 255, 255, 255, 255, 255, 255]],
  ])('refuses %s', (_, inner) => {
    expect(() => decodeFields(wrapped(Uint8Array.from(inner)), 'test')).toThrow(/test: not canonical CBOR/)
  })

  test('holds no more values than it is allowed, whatever a map or array says', () => {
    const array = (count: number) => {
      const head = Uint8Array.of(0x9a, count >>> 24, (count >> 16) & 255, (count >> 8) & 255, count & 255)
      return wrapped(concat(head, new Uint8Array(count).fill(0xa0)))
    }
    // Besides the empty maps: the outer map, its key, and the array.
    const most = FIELDS_VALUES_MAX - 3
    expect(decodeFields(array(most), 'test').list('outer', most)).toHaveLength(most)
    expect(() => decodeFields(array(most + 1), 'test')).toThrow(/more than 262144 values/)
    expect(() => decodeFields(array(1_000_000), 'test')).toThrow(/more than 262144 values/)
  })
})
