/**
 * Matrices over GF(2^8): the generator of the code and the rows that make lost blocks again (FORMAT §6.2).
 *
 * A matrix is applied to blocks symbol by symbol: output r = sum over c of entry(r, c) times input c.
 */
import { assert } from '../errors.ts'
import { type ErasureParameters, MATRIX } from './code.ts'
import { inverse, multiply, power } from './field.ts'

/** Row-major; `entries.length` is `rows * columns`. Never changed once it is handed out. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly entries: Uint8Array
}

export function matrixOf(
  rows: number,
  columns: number,
  entry: (row: number, column: number) => number,
): Matrix {
  const entries = Uint8Array.from({ length: rows * columns }, (_, index) =>
    entry(Math.floor(index / columns), index % columns),
  )
  return { rows, columns, entries }
}

export function entryAt(matrix: Matrix, row: number, column: number): number {
  return matrix.entries[row * matrix.columns + column] ?? 0
}

/** The n x k generator: its first k rows are the identity, row k + r makes parity block k + r. */
export function generatorOf(parameters: ErasureParameters): Matrix {
  const { neededShares, totalShares, matrix } = parameters
  assert(matrix === MATRIX.vandermonde, 'every matrix id has a generator')
  const vandermonde = matrixOf(totalShares, neededShares, power)
  const top = selectRows(vandermonde, range(neededShares))
  return product(vandermonde, inverseOf(top))
}

/**
 * The rows that make the blocks `wanted` from the blocks `sources`.
 *
 * @param sources k different share numbers, in the order in which their blocks are applied
 */
export function recoveryOf(generator: Matrix, sources: readonly number[], wanted: readonly number[]): Matrix {
  return product(selectRows(generator, wanted), inverseOf(selectRows(generator, sources)))
}

export function selectRows(matrix: Matrix, rows: readonly number[]): Matrix {
  return matrixOf(rows.length, matrix.columns, (row, column) => entryAt(matrix, rows[row] ?? 0, column))
}

export function product(left: Matrix, right: Matrix): Matrix {
  assert(left.columns === right.rows, 'the left matrix is as wide as the right one is high')
  return matrixOf(left.rows, right.columns, (row, column) => {
    let sum = 0
    for (let inner = 0; inner < left.columns; inner++) {
      sum ^= multiply(entryAt(left, row, inner), entryAt(right, inner, column))
    }
    return sum
  })
}

/** Gauss-Jordan elimination. The matrix must be square and regular; k rows of a generator always are. */
export function inverseOf(matrix: Matrix): Matrix {
  const size = matrix.rows
  assert(matrix.columns === size, 'only a square matrix has an inverse')
  const left = selectRows(matrix, range(size)).entries
  const right = matrixOf(size, size, (row, column) => (row === column ? 1 : 0)).entries
  for (let column = 0; column < size; column++) {
    let pivot = column
    while (pivot < size && left[pivot * size + column] === 0) pivot++
    assert(pivot < size, 'the matrix is regular')
    const scale = inverse(left[pivot * size + column] ?? 0)
    for (const half of [left, right]) {
      swapRows(half, size, pivot, column)
      addScaledRow(half, size, { from: column, to: column, factor: scale ^ 1 })
    }
    for (let row = 0; row < size; row++) {
      const factor = left[row * size + column] ?? 0
      if (row === column || factor === 0) continue
      addScaledRow(left, size, { from: column, to: row, factor })
      addScaledRow(right, size, { from: column, to: row, factor })
    }
  }
  return { rows: size, columns: size, entries: right }
}

export function range(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => index)
}

function swapRows(entries: Uint8Array, size: number, a: number, b: number): void {
  if (a === b) return
  const saved = entries.slice(a * size, (a + 1) * size)
  entries.copyWithin(a * size, b * size, (b + 1) * size)
  entries.set(saved, b * size)
}

/** Row `to` += factor times row `from`; with `from` = `to` the row is scaled by factor + 1. */
function addScaledRow(
  entries: Uint8Array,
  size: number,
  step: { readonly from: number; readonly to: number; readonly factor: number },
): void {
  for (let column = 0; column < size; column++) {
    const addend = multiply(step.factor, entries[step.from * size + column] ?? 0)
    entries[step.to * size + column] = (entries[step.to * size + column] ?? 0) ^ addend
  }
}
