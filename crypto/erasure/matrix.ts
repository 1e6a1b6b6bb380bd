/**
 * Matrices over GF(2^8): the generator of the code and the rows that make lost blocks again (FORMAT §6.2).
 *
 * A matrix is applied to blocks symbol by symbol: output r = sum over c of entry(r, c) times input c.
 */
import { assert } from '../errors.ts'
import { type ErasureParameters, MATRIX } from './code.ts'
import { inverse, multiply, productsOf } from './field.ts'

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
  const entries = new Uint8Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) entries[row * columns + column] = entry(row, column)
  }
  return { rows, columns, entries }
}

export function entryAt(matrix: Matrix, row: number, column: number): number {
  return matrix.entries[row * matrix.columns + column] ?? 0
}

/**
 * The rows that make the blocks `wanted` from the blocks `sources`, in the code of MATRIX.vandermonde.
 *
 * Block i holds the values at point i of the polynomials of degree below k that run through the data blocks, so this
 * is Lagrange's interpolation: entry (w, i) = product over sources j other than i of (w + j) / (i + j).
 *
 * @param sources k different share numbers, in the order in which their blocks are applied
 * @param wanted share numbers, each of which may also be a source
 */
export function interpolationOf(sources: readonly number[], wanted: readonly number[]): Matrix {
  const own = sources.map((point) => productOf(sources.map((other) => (other === point ? 1 : point ^ other))))
  const whole = wanted.map((point) => productOf(sources.map((other) => point ^ other)))
  return matrixOf(wanted.length, sources.length, (row, column) => {
    const difference = (wanted[row] ?? 0) ^ (sources[column] ?? 0)
    if (difference === 0) return 1
    return multiply(whole[row] ?? 0, inverse(multiply(difference, own[column] ?? 1)))
  })
}

/** The n x k generator: its first k rows are the identity, row k + r makes parity block k + r. */
export function generatorOf(parameters: ErasureParameters): Matrix {
  assert(parameters.matrix === MATRIX.vandermonde, 'every matrix id has a generator')
  return interpolationOf(range(parameters.neededShares), range(parameters.totalShares))
}

/**
 * The rows that make the blocks `wanted` from the blocks `sources`, in the code of any generator.
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
  const entries = new Uint8Array(left.rows * right.columns)
  for (let row = 0; row < left.rows; row++) {
    const target = entries.subarray(row * right.columns, (row + 1) * right.columns)
    for (let inner = 0; inner < left.columns; inner++) {
      addScaled(target, rowOf(right, inner), entryAt(left, row, inner))
    }
  }
  return { rows: left.rows, columns: right.columns, entries }
}

/** Gauss-Jordan elimination. The matrix must be square and regular; k rows of a generator always are. */
export function inverseOf(matrix: Matrix): Matrix {
  const size = matrix.rows
  assert(matrix.columns === size, 'only a square matrix has an inverse')
  const wide = matrixOf(size, 2 * size, (row, column) =>
    column < size ? entryAt(matrix, row, column) : Number(column - size === row),
  )
  const rows = range(size).map((row) => rowOf(wide, row))
  for (let column = 0; column < size; column++) {
    const found = rows.findIndex((row, index) => index >= column && row[column] !== 0)
    const pivot = rows[found]
    assert(pivot !== undefined, 'the matrix is regular')
    rows[found] = rows[column] ?? pivot
    rows[column] = pivot
    // Adding the row to itself, times scale + 1, scales it.
    addScaled(pivot, pivot, inverse(pivot[column] ?? 0) ^ 1)
    for (const row of rows) if (row !== pivot) addScaled(row, pivot, row[column] ?? 0)
  }
  return matrixOf(size, size, (row, column) => rows[row]?.[size + column] ?? 0)
}

export function range(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => index)
}

function productOf(factors: readonly number[]): number {
  return factors.reduce(multiply, 1)
}

function rowOf(matrix: Matrix, row: number): Uint8Array {
  return matrix.entries.subarray(row * matrix.columns, (row + 1) * matrix.columns)
}

/** target += factor times source. */
function addScaled(target: Uint8Array, source: Uint8Array, factor: number): void {
  if (factor === 0) return
  const products = productsOf(factor)
  for (let column = 0; column < target.length; column++) {
    target[column] = (target[column] ?? 0) ^ (products[source[column] ?? 0] ?? 0)
  }
}
