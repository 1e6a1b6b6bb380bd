/**
 * Reading of canonical CBOR (RFC 8949 §4.2.1), of the kinds of values that PROTOCOL §4.2 allows and no others.
 *
 * It refuses while it reads, and so never holds more than the bytes are worth: a general decoder makes gigabytes of
 * some megabytes of empty maps, drops a byte order mark at the start of text, and needs a second encoding to tell
 * whether the first was canonical.
 */
import { compareBytes } from './bytes.ts'

/** Maps and arrays in each other, the outermost one included: bounds the recursion of a reader. */
export const FIELDS_DEPTH_MAX = 8
/** Of all kinds, keys too: bounds the memory of a reader, at some 200 bytes each. */
export const FIELDS_VALUES_MAX = 262_144

export type DecodedValue =
  | number
  | string
  | boolean
  | Uint8Array
  | readonly DecodedValue[]
  | ReadonlyMap<string, DecodedValue>

/** A byte order mark is a character of the text, and what is no UTF-8 is refused. */
const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Up to this many bytes of ASCII a loop is faster than the decoder. */
const SHORT_TEXT_BYTES = 48
const MAJOR = { uint: 0, bytes: 2, text: 3, array: 4, map: 5, simple: 7 } as const
const FALSE = 20
const TRUE = 21

/** What is wrong with the bytes; for the caller to say in which. */
export class CborFault extends Error {}

/** @throws CborFault unless the bytes are one value and nothing after it */
export function decodeCanonical(bytes: Uint8Array): DecodedValue {
  const reader = new CborReader(bytes)
  const value = reader.value(0)
  if (!reader.isAtEnd) throw new CborFault('bytes after its end')
  return value
}

class CborReader {
  readonly #bytes: Uint8Array
  #offset = 0
  #valuesLeft = FIELDS_VALUES_MAX

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#offset === this.#bytes.length
  }

  /** @param depth maps and arrays around the value */
  value(depth: number): DecodedValue {
    this.#valuesLeft -= 1
    if (this.#valuesLeft < 0) throw new CborFault(`more than ${FIELDS_VALUES_MAX} values`)
    const first = this.#byte()
    const major = first >> 5
    if (major === MAJOR.simple) return booleanOf(first & 31)
    const argument = this.#argument(first & 31)
    switch (major) {
      case MAJOR.uint:
        return argument
      case MAJOR.bytes: {
        const start = this.#take(argument)
        // A Buffer's own slice would be a view.
        return new Uint8Array(this.#bytes.subarray(start, start + argument))
      }
      case MAJOR.text:
        return this.#text(argument)
      case MAJOR.array:
        return this.#array(argument, depth + 1)
      case MAJOR.map:
        return this.#map(argument, depth + 1)
      default:
        throw new CborFault('a value of no known kind')
    }
  }

  #array(count: number, depth: number): readonly DecodedValue[] {
    checkDepth(depth)
    const values: DecodedValue[] = []
    for (let index = 0; index < count; index += 1) values.push(this.value(depth))
    return values
  }

  #map(count: number, depth: number): ReadonlyMap<string, DecodedValue> {
    checkDepth(depth)
    const map = new Map<string, DecodedValue>()
    let before: Uint8Array = new Uint8Array(0)
    for (let index = 0; index < count; index += 1) {
      const start = this.#offset
      const key = this.value(depth)
      if (typeof key !== 'string') throw new CborFault("a field's name is text")
      const encoded = this.#bytes.subarray(start, this.#offset)
      if (compareBytes(before, encoded) >= 0) throw new CborFault('keys come in order, each once')
      before = encoded
      map.set(key, this.value(depth))
    }
    return map
  }

  #text(sizeBytes: number): string {
    const start = this.#take(sizeBytes)
    if (sizeBytes <= SHORT_TEXT_BYTES) {
      let text = ''
      let index = start
      while (index < this.#offset) {
        const byte = this.#bytes[index] ?? 0x80
        if (byte >= 0x80) break
        text += String.fromCharCode(byte)
        index += 1
      }
      if (index === this.#offset) return text
    }
    try {
      return textDecoder.decode(this.#bytes.subarray(start, this.#offset))
    } catch {
      throw new CborFault('text that is not UTF-8')
    }
  }

  /** The number in a head: of the shortest form, and at most 2^53 - 1. */
  #argument(short: number): number {
    if (short < 24) return short
    if (short > 27) throw new CborFault('a length that is not definite')
    const sizeBytes = 1 << (short - 24)
    const start = this.#take(sizeBytes)
    let value = 0
    for (let index = start; index < start + sizeBytes; index += 1) {
      value = value * 256 + (this.#bytes[index] ?? 0)
    }
    if (value > Number.MAX_SAFE_INTEGER) throw new CborFault('a number above 2^53 - 1')
    const least = sizeBytes === 1 ? 24 : 2 ** (4 * sizeBytes)
    if (value < least) throw new CborFault('a number that is not of the shortest form')
    return value
  }

  #byte(): number {
    return this.#bytes[this.#take(1)] ?? 0
  }

  #take(sizeBytes: number): number {
    const start = this.#offset
    if (sizeBytes > this.#bytes.length - start) throw new CborFault('it is cut short')
    this.#offset = start + sizeBytes
    return start
  }
}

function checkDepth(depth: number): void {
  if (depth > FIELDS_DEPTH_MAX) {
    throw new CborFault(`more than ${FIELDS_DEPTH_MAX} maps and arrays in each other`)
  }
}

function booleanOf(simple: number): boolean {
  if (simple === TRUE) return true
  if (simple === FALSE) return false
  throw new CborFault('a value of no known kind')
}
