/**
 * Plain work on bytes: joining, comparing, big-endian integers and base32.
 *
 * Text form of bytes is base32 of RFC 4648 §6 in lower case without padding, read canonically (FORMAT §1.2).
 */
import { assert, InvalidInputError } from './errors.ts'

const BASE32_ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const BASE32_VALUES: ReadonlyMap<string, number> = new Map(
  [...BASE32_ALPHABET].map((char, value) => [char, value]),
)

const textEncoder = new TextEncoder()

/** UTF-8 bytes of a string. */
export function utf8(text: string): Uint8Array {
  return textEncoder.encode(text)
}

/** A new buffer holding the parts one after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return concatAll(parts)
}

/** The same of any number of parts: a call takes no more than some 100,000 arguments. */
export function concatAll(parts: readonly Uint8Array[]): Uint8Array {
  let size = 0
  for (const part of parts) size += part.length
  const joined = new Uint8Array(size)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** Equality in a time that depends on the lengths alone. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false
  let difference = 0
  for (let index = 0; index < left.length; index += 1) difference |= (left[index] ?? 0) ^ (right[index] ?? 0)
  return difference === 0
}

/** Lexicographic order of bytes, for canonical sorting: negative, zero or positive. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const shared = Math.min(left.length, right.length)
  for (let index = 0; index < shared; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

/** Base32, lower case, no padding. */
export function toBase32(bytes: Uint8Array): string {
  let text = ''
  let pending = 0
  let pendingBits = 0
  for (const byte of bytes) {
    pending = (pending << 8) | byte
    pendingBits += 8
    while (pendingBits >= 5) {
      pendingBits -= 5
      text += BASE32_ALPHABET[(pending >>> pendingBits) & 31]
    }
    pending &= (1 << pendingBits) - 1
  }
  if (pendingBits > 0) text += BASE32_ALPHABET[(pending << (5 - pendingBits)) & 31]
  return text
}

/**
 * Read canonical base32: one text for each byte string.
 *
 * @throws InvalidInputError on a foreign character, an impossible length, or bits left over that are not zero.
 */
export function fromBase32(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8))
  let pending = 0
  let pendingBits = 0
  let offset = 0
  for (let position = 0; position < text.length; position += 1) {
    const value = BASE32_VALUES.get(text.charAt(position))
    if (value === undefined) {
      throw new InvalidInputError(
        `base32 holds only a-z and 2-7, found another character at position ${position}`,
      )
    }
    pending = (pending << 5) | value
    pendingBits += 5
    if (pendingBits >= 8) {
      pendingBits -= 8
      bytes[offset] = pending >>> pendingBits
      offset += 1
      pending &= (1 << pendingBits) - 1
    }
  }
  if (pendingBits >= 5 || pending !== 0) {
    throw new InvalidInputError(
      `base32 of ${text.length} characters is not canonical: bits are left over at its end`,
    )
  }
  return bytes
}

/** Big-endian unsigned integers, written in order. Sizes are fixed when the writer is made. */
export class ByteWriter {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #offset = 0

  constructor(sizeBytes: number) {
    this.#bytes = new Uint8Array(sizeBytes)
    this.#view = new DataView(this.#bytes.buffer)
  }

  u8(value: number): this {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xff, 'u8 in range')
    this.#view.setUint8(this.#take(1), value)
    return this
  }

  u16(value: number): this {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xffff, 'u16 in range')
    this.#view.setUint16(this.#take(2), value)
    return this
  }

  u32(value: number): this {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xffffffff, 'u32 in range')
    this.#view.setUint32(this.#take(4), value)
    return this
  }

  /** Any safe integer, written as 8 bytes. */
  u64(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, 'u64 in the safe range')
    this.#view.setBigUint64(this.#take(8), BigInt(value))
    return this
  }

  /** All 64 bits. */
  wideU64(value: bigint): this {
    assert(BigInt.asUintN(64, value) === value, 'u64 in range')
    this.#view.setBigUint64(this.#take(8), value)
    return this
  }

  /** Two's complement. */
  wideI64(value: bigint): this {
    assert(BigInt.asIntN(64, value) === value, 'i64 in range')
    this.#view.setBigInt64(this.#take(8), value)
    return this
  }

  bytes(value: Uint8Array): this {
    this.#bytes.set(value, this.#take(value.length))
    return this
  }

  /** The finished bytes; every byte must have been written. Owned by the caller. */
  finish(): Uint8Array {
    assert(this.#offset === this.#bytes.length, 'every byte written')
    return this.#bytes
  }

  #take(sizeBytes: number): number {
    const start = this.#offset
    assert(start + sizeBytes <= this.#bytes.length, 'write within the buffer')
    this.#offset = start + sizeBytes
    return start
  }
}

/** Reads what ByteWriter wrote, from untrusted bytes: running out is an InvalidInputError naming `what`. */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #what: string
  #offset = 0

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#what = what
  }

  get remainingBytes(): number {
    return this.#bytes.length - this.#offset
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2))
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  /** @throws InvalidInputError above 2^53 - 1. */
  u64(): number {
    const value = this.#view.getBigUint64(this.#take(8))
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new InvalidInputError(`${this.#what}: a number is above 2^53 - 1`)
    }
    return Number(value)
  }

  /** All 64 bits. */
  wideU64(): bigint {
    return this.#view.getBigUint64(this.#take(8))
  }

  /** Two's complement. */
  wideI64(): bigint {
    return this.#view.getBigInt64(this.#take(8))
  }

  /** A view of the bytes that are read. */
  view(sizeBytes: number): Uint8Array {
    const start = this.#take(sizeBytes)
    return this.#bytes.subarray(start, start + sizeBytes)
  }

  /** A copy, owned by the caller, also where the bytes are a Buffer, whose own slice would be a view. */
  bytes(sizeBytes: number): Uint8Array {
    return new Uint8Array(this.view(sizeBytes))
  }

  /** @throws InvalidInputError if bytes are left over. */
  finish(): void {
    if (this.remainingBytes > 0) {
      throw new InvalidInputError(`${this.#what}: ${this.remainingBytes} bytes too many`)
    }
  }

  #take(sizeBytes: number): number {
    const start = this.#offset
    if (start + sizeBytes > this.#bytes.length) {
      throw new InvalidInputError(
        `${this.#what}: ${start + sizeBytes} bytes wanted, found ${this.#bytes.length}`,
      )
    }
    this.#offset = start + sizeBytes
    return start
  }
}
