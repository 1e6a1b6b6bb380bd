/**
 * A matrix over GF(2^8) as a matrix of bits (FORMAT §6.3).
 *
 * Multiplying by a constant is linear over bits: bit i of `entry * symbol` is the XOR of those bits j of the symbol
 * for which bit i of `entry * x^j` is set. So R x C entries become 8R x 8C bits, and in LAYOUT.bits, where each bit of
 * the symbols has a strip of its own, applying the matrix is XOR of strips and nothing else.
 */
import { multiply } from './field.ts'
import { entryAt, type Matrix, range } from './matrix.ts'

/** Strips of one block in each group: one for each bit of a symbol. */
export const STRIPS = 8

/** For each output strip (8 * row + bit), the input strips (8 * column + bit) whose XOR it is, ascending. */
export type BitMatrix = readonly (readonly number[])[]

export function bitMatrixOf(matrix: Matrix): BitMatrix {
  return range(matrix.rows).flatMap((row) => {
    const strips: number[][] = Array.from({ length: STRIPS }, () => [])
    for (const column of range(matrix.columns)) {
      for (let inputBit = 0; inputBit < STRIPS; inputBit++) {
        const image = multiply(entryAt(matrix, row, column), 1 << inputBit)
        for (const [outputBit, strip] of strips.entries()) {
          if ((image >> outputBit) & 1) strip.push(column * STRIPS + inputBit)
        }
      }
    }
    return strips
  })
}
