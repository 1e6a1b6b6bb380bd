/**
 * Arithmetic in GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1 (0x11d), where x itself generates all 255 non-zero elements
 * (FORMAT §6.1). An element is a number from 0 to 255; addition is XOR.
 */
import { assert } from '../errors.ts'

const POLYNOMIAL = 0x11d
const ORDER = 255

/** EXP[i] = x^i, stored twice over so that a sum of two logarithms needs no reduction. */
const EXP = new Uint8Array(2 * ORDER)
const LOG = new Uint8Array(256)
for (let exponent = 0, value = 1; exponent < ORDER; exponent++) {
  EXP[exponent] = value
  EXP[exponent + ORDER] = value
  LOG[value] = exponent
  value = value & 0x80 ? (value << 1) ^ POLYNOMIAL : value << 1
}

export function multiply(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : at(EXP, at(LOG, a) + at(LOG, b))
}

/** The b with multiply(a, b) = 1; `a` must not be 0. */
export function inverse(a: number): number {
  assert(a !== 0, 'zero has no inverse')
  return at(EXP, ORDER - at(LOG, a))
}

const tables: (Uint8Array | undefined)[] = []

/** The 256 products of a factor: entry b is multiply(factor, b). Made once; not to be changed. */
export function productsOf(factor: number): Uint8Array {
  const known = tables[factor]
  if (known !== undefined) return known
  const table = Uint8Array.from({ length: 256 }, (_, other) => multiply(factor, other))
  tables[factor] = table
  return table
}

function at(table: Uint8Array, index: number): number {
  return table[index] ?? 0
}
