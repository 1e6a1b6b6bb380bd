/**
 * Interpolation in three stages where whole eights of blocks are there: a short additive Fourier transform.
 *
 * An eight is the eight points that differ in their lowest three bits. Let s(x) be the product of x + v over the eight
 * points v below 8: it has one value all over an eight, and another in every other eight. A polynomial of degree below
 * 8q is a sum of X_j(x) q_j(s(x)) for j = 0 .. 7, with X_j of degree j and q_j of degree below q. Within an eight the
 * q_j(s) are constants, so from q eights of values to others it takes three steps:
 *
 * 1. in each eight of sources, from its eight values to the eight q_j(s);
 * 2. for each j, from the q values of q_j at the sources' s to those at the wanted s, which is interpolation again;
 * 3. in each eight that is wanted, from the q_j(s) to the values.
 *
 * 64 of 96 has half as many factors that way as in one step. X_j is the product of s_i(x) / s_i(2^i) over the bits i
 * of j, with s_i the product of x + v over v below 2^i (the basis of Lin, Chung and Han): most factors are then 0 or 1
 * or stand in many rows, and a step takes a third fewer XORs than one between eights of values.
 */
import { inverse, multiply } from './field.ts'
import { interpolationOf, inverseOf, type Matrix, matrixOf, range } from './matrix.ts'
import { type Plan, type Step, stepsOf, tilesOf } from './steps.ts'

const EIGHT = 8
const EIGHT_BITS = 3

/** The points, that is share numbers, between which a matrix interpolates. */
export interface Points {
  readonly sources: readonly number[]
  readonly wanted: readonly number[]
}

/**
 * The shorter of the two ways to apply a matrix.
 *
 * @param points between which the matrix interpolates, if it is such a matrix
 */
export function planOf(matrix: Matrix, points: Points | undefined): Plan {
  const tiles = tilesOf(matrix)
  const stages = points === undefined ? undefined : stagesOf(points)
  return stages !== undefined && factorsIn(stages) < factorsIn(tiles) ? stages : tiles
}

/** @returns undefined unless the sources are whole eights */
export function stagesOf({ sources, wanted }: Points): Plan | undefined {
  const sourceEights = eightsOf(sources)
  const wantedEights = eightsOf(wanted)
  if (sourceEights.some(({ members }) => members.length < EIGHT)) return undefined
  const blockCount = sources.length + wanted.length
  // Temporary blocks: for each eight of sources, then for each that is wanted, eight coefficients.
  const coefficient = (eight: number, j: number) => blockCount + eight * EIGHT + j
  const coefficients = (eight: number) => range(EIGHT).map((j) => coefficient(eight, j))
  const steps: Step[] = []
  for (const [index, { points, members }] of sourceEights.entries()) {
    steps.push(...stepsOf(inverseOf(valuesOf(points)), members, coefficients(index)))
  }
  const across = interpolationOf(
    sourceEights.map(({ first }) => vanishing(EIGHT_BITS, first)),
    wantedEights.map(({ first }) => vanishing(EIGHT_BITS, first)),
  )
  for (const j of range(EIGHT)) {
    const from = sourceEights.map((_, index) => coefficient(index, j))
    const to = wantedEights.map((_, index) => coefficient(sourceEights.length + index, j))
    steps.push(...stepsOf(across, from, to))
  }
  for (const [index, { points, members }] of wantedEights.entries()) {
    const outputs = members.map((member) => sources.length + member)
    steps.push(...stepsOf(valuesOf(points), coefficients(sourceEights.length + index), outputs))
  }
  return { steps, blockCount, temporaryCount: EIGHT * (sourceEights.length + wantedEights.length) }
}

interface Eight {
  readonly first: number
  readonly points: readonly number[]
  /** Where the points stand in the list they came from. */
  readonly members: readonly number[]
}

function eightsOf(points: readonly number[]): readonly Eight[] {
  const eights = Map.groupBy(points.keys(), (position) => (points[position] ?? 0) >> EIGHT_BITS)
  return [...eights].map(([eight, members]) => ({
    first: eight << EIGHT_BITS,
    points: members.map((position) => points[position] ?? 0),
    members,
  }))
}

/** Entry (r, j) is X_j at point r. */
function valuesOf(points: readonly number[]): Matrix {
  return matrixOf(points.length, EIGHT, (row, j) => {
    const factors = range(EIGHT_BITS).map((bit) =>
      (j >> bit) & 1 ? multiply(vanishing(bit, points[row] ?? 0), inverse(vanishing(bit, 1 << bit))) : 1,
    )
    return factors.reduce(multiply)
  })
}

/** s_bits at a point: the product of point + v over all v below 2^bits. */
function vanishing(bits: number, point: number): number {
  return range(1 << bits).reduce((product, other) => multiply(product, point ^ other), 1)
}

function factorsIn(plan: Plan): number {
  return plan.steps.reduce((sum, { matrix }) => sum + matrix.rows * matrix.columns, 0)
}
