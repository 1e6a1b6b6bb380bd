/**
 * Fields: canonical CBOR maps (RFC 8949 §4.2.1) with text keys, written and read strictly. Headers of messages
 * (PROTOCOL §4.2), announcements and directories (FORMAT §17) are such maps.
 *
 * One value has one encoding, so that no two implementations can read one differently. Values are whole numbers from 0
 * to 2^53 - 1, text, byte strings, booleans, arrays and maps of these.
 */
import { encode } from 'cborg'
import { CborFault, decodeCanonical } from './canonical-cbor.ts'
import { InvalidInputError } from './errors.ts'

export type FieldValue = number | string | boolean | Uint8Array | readonly FieldValue[] | FieldRecord
/** Fields that are undefined are left out. */
export interface FieldRecord {
  readonly [name: string]: FieldValue | undefined
}

/** Canonical CBOR of the fields. The result belongs to the caller. */
export function encodeFields(fields: FieldRecord): Uint8Array {
  return encode(fields, { ignoreUndefinedProperties: true })
}

/**
 * @throws InvalidInputError unless the bytes are one canonical map with text keys and nothing after it, and all in it
 * are values of PROTOCOL §4.2, nested no deeper than FIELDS_DEPTH_MAX and no more than FIELDS_VALUES_MAX
 */
export function decodeFields(bytes: Uint8Array, what: string): Fields {
  try {
    return new Fields(decodeCanonical(bytes), what)
  } catch (cause) {
    if (!(cause instanceof CborFault)) throw cause
    throw new InvalidInputError(`${what}: not canonical CBOR: ${cause.message}`, {}, { cause })
  }
}

/**
 * Reads named fields of one map that decodeFields has checked. Everything it throws is an InvalidInputError that names
 * the field.
 */
export class Fields {
  readonly #map: ReadonlyMap<unknown, unknown>
  readonly #what: string
  readonly #read = new Set<string>()

  constructor(value: unknown, what: string) {
    if (!(value instanceof Map)) throw new InvalidInputError(`${what}: a map wanted`)
    this.#map = value
    this.#what = what
  }

  has(name: string): boolean {
    return this.#map.has(name)
  }

  /** A whole number from 0 to `most`. */
  uint(name: string, most: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.#take(name)
    if (typeof value !== 'number' || value > most) throw this.#wrong(name, `a whole number from 0 to ${most}`)
    return value
  }

  /** A whole number from 1 to `most`. */
  positive(name: string, most: number): number {
    const value = this.#take(name)
    if (typeof value !== 'number' || value < 1 || value > most) {
      throw this.#wrong(name, `a whole number from 1 to ${most}`)
    }
    return value
  }

  boolean(name: string): boolean {
    const value = this.#take(name)
    if (typeof value !== 'boolean') throw this.#wrong(name, 'true or false')
    return value
  }

  /** @param lengthMax in UTF-16 units */
  text(name: string, lengthMax: number): string {
    const value = this.#take(name)
    if (typeof value !== 'string' || value.length > lengthMax) {
      throw this.#wrong(name, `text of at most ${lengthMax} characters`)
    }
    return value
  }

  /** A byte string of exactly so many bytes. */
  bytes(name: string, sizeBytes: number): Uint8Array {
    const value = this.#take(name)
    if (!(value instanceof Uint8Array) || value.length !== sizeBytes) {
      throw this.#wrong(name, `a byte string of ${sizeBytes} bytes`)
    }
    return value
  }

  bytesUpTo(name: string, sizeMaxBytes: number): Uint8Array {
    const value = this.#take(name)
    if (!(value instanceof Uint8Array) || value.length > sizeMaxBytes) {
      throw this.#wrong(name, `a byte string of at most ${sizeMaxBytes} bytes`)
    }
    return value
  }

  list(name: string, countMax: number): readonly unknown[] {
    const value = this.#take(name)
    if (!Array.isArray(value) || value.length > countMax) {
      throw this.#wrong(name, `an array of at most ${countMax}`)
    }
    return value
  }

  /** An array of maps. */
  records(name: string, countMax: number): readonly Fields[] {
    return this.list(name, countMax).map((item) => new Fields(item, `${this.#what} ${name}`))
  }

  map(name: string): ReadonlyMap<unknown, unknown> {
    const value = this.#take(name)
    if (!(value instanceof Map)) throw this.#wrong(name, 'a map')
    return value
  }

  /** Whatever the reader gives, or undefined if the field is missing. */
  optional<T>(name: string, read: (fields: Fields) => T): T | undefined {
    return this.has(name) ? read(this) : undefined
  }

  /** Refuses fields that were not read: what is asked in them would silently not be done. */
  finish(): void {
    for (const name of this.#map.keys()) {
      if (typeof name === 'string' && this.#read.has(name)) continue
      throw new InvalidInputError(`${this.#what}: unknown field ${JSON.stringify(String(name).slice(0, 32))}`)
    }
  }

  #take(name: string): unknown {
    this.#read.add(name)
    return this.#map.get(name)
  }

  #wrong(name: string, wanted: string): InvalidInputError {
    const problem = this.has(name) ? 'must be' : 'is missing:'
    return new InvalidInputError(`${this.#what}: field "${name}" ${problem} ${wanted}`)
  }
}
