/**
 * A matrix as steps, small matrices applied one after the other, each of which becomes one function (FORMAT §6.3).
 *
 * The plain way is to cut the matrix into tiles. Where it interpolates and its points allow it, stages.ts knows a
 * shorter one.
 */
import { entryAt, type Matrix, matrixOf, range } from './matrix.ts'

/** 8 by 8 beats 16 by 8 and 4 by 8: larger functions spill registers, smaller ones share fewer sums. */
const TILE_BLOCKS_MAX = 8

/** A matrix of at most 8 by 8 applied to blocks. Places number blocks: inputs, then outputs, then temporary blocks. */
export interface Step {
  readonly matrix: Matrix
  /** The place of each column. */
  readonly inputs: readonly number[]
  /** The place of each row; none is an input too. */
  readonly outputs: readonly number[]
  /** The step adds to its outputs instead of overwriting them. */
  readonly adds: boolean
}

/** Steps that together apply a matrix. */
export interface Plan {
  readonly steps: readonly Step[]
  /** Inputs and outputs; the places from here on are temporary blocks. */
  readonly blockCount: number
  readonly temporaryCount: number
}

/** The matrix in tiles, as it stands. */
export function tilesOf(matrix: Matrix): Plan {
  const inputs = range(matrix.columns)
  const outputs = range(matrix.rows).map((row) => matrix.columns + row)
  return {
    steps: stepsOf(matrix, inputs, outputs),
    blockCount: matrix.rows + matrix.columns,
    temporaryCount: 0,
  }
}

/** Tiles of a matrix between any places. Where there is one tile, it has the matrix itself. */
export function stepsOf(
  matrix: Matrix,
  inputs: readonly number[],
  outputs: readonly number[],
): readonly Step[] {
  if (matrix.rows <= TILE_BLOCKS_MAX && matrix.columns <= TILE_BLOCKS_MAX) {
    return [{ matrix, inputs, outputs, adds: false }]
  }
  return cut(matrix.rows).flatMap((rows) =>
    cut(matrix.columns).map((columns, index) => ({
      matrix: matrixOf(rows.length, columns.length, (row, column) =>
        entryAt(matrix, rows[row] ?? 0, columns[column] ?? 0),
      ),
      inputs: columns.map((column) => inputs[column] ?? 0),
      outputs: rows.map((row) => outputs[row] ?? 0),
      adds: index > 0,
    })),
  )
}

/** 0 .. count - 1 in runs of nearly one length, none longer than a tile. */
function cut(count: number): (readonly number[])[] {
  const parts = Math.ceil(count / TILE_BLOCKS_MAX)
  return range(parts).map((part) =>
    range(count).slice(Math.floor((part * count) / parts), Math.floor(((part + 1) * count) / parts)),
  )
}
