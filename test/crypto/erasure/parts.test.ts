import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bitMatrixOf } from '../../../crypto/erasure/bit-matrix.ts'
import { inverse, multiply } from '../../../crypto/erasure/field.ts'
import {
  entryAt,
  generatorOf,
  interpolationOf,
  inverseOf,
  type Matrix,
  matrixOf,
  product,
  range,
  recoveryOf,
  selectRows,
} from '../../../crypto/erasure/matrix.ts'
import { BlockMemory } from '../../../crypto/erasure/memory.ts'
import { orderOf } from '../../../crypto/erasure/order.ts'
import { type Schedule, scheduleOf } from '../../../crypto/erasure/schedule.ts'
import { planOf, stagesOf } from '../../../crypto/erasure/stages.ts'
import { type Plan, tilesOf } from '../../../crypto/erasure/steps.ts'
import { hasSimd } from '../../../crypto/erasure/wasm.ts'
import { RecentMap } from '../../../crypto/recent-map.ts'
import { BITS, pointsOf, randomSource, randomSubset } from './support.ts'

/** Multiplication by hand: add shifted copies, then reduce from the top. */
function multiplyByHand(a: number, b: number): number {
  let result = 0
  for (let bit = 0; bit < 8; bit++) if ((b >> bit) & 1) result ^= a << bit
  for (let bit = 15; bit >= 8; bit--) if ((result >> bit) & 1) result ^= 0x11d << (bit - 8)
  return result
}

describe('the field', () => {
  test('multiplies all pairs as by hand', () => {
    for (let a = 0; a < 256; a++)
      for (let b = 0; b < 256; b++) expect(multiply(a, b)).toBe(multiplyByHand(a, b))
  })

  test('inverts everything but zero', () => {
    for (let a = 1; a < 256; a++) expect(multiply(a, inverse(a))).toBe(1)
    expect(() => inverse(0)).toThrow('zero has no inverse')
  })
})

describe('matrices', () => {
  test('inverse times matrix is the identity', () => {
    const random = randomSource(1)
    const square = matrixOf(12, 12, (row, column) => (row > column ? random() & 255 : row === column ? 7 : 0))
    const shuffled = product(
      square,
      matrixOf(12, 12, (row, column) => (column === (row * 5 + 3) % 12 ? 1 : 0)),
    )
    expect(product(inverseOf(shuffled), shuffled)).toEqual(
      matrixOf(12, 12, (row, column) => Number(row === column)),
    )
  })

  test('the generator is the Vandermonde matrix times the inverse of its top', () => {
    for (const [k, n] of [
      [1, 1],
      [1, 3],
      [3, 10],
      [10, 16],
      [128, 255],
    ] as const) {
      const vandermonde = matrixOf(n, k, (row, column) =>
        range(column).reduce((power) => multiply(power, row), 1),
      )
      const expected = product(vandermonde, inverseOf(selectRows(vandermonde, range(k))))
      expect(generatorOf({ neededShares: k, totalShares: n, ...BITS })).toEqual(expected)
    }
  })

  test('interpolation recovers as inversion does', () => {
    const random = randomSource(11)
    for (const [k, n] of [
      [1, 4],
      [3, 10],
      [20, 40],
    ] as const) {
      const generator = generatorOf({ neededShares: k, totalShares: n, ...BITS })
      const sources = randomSubset(random, n, k)
      const wanted = range(n).filter((number) => number % 2 === 0)
      expect(interpolationOf(sources, wanted)).toEqual(recoveryOf(generator, sources, wanted))
    }
  })

  test('the generator begins with the identity, for every k and n', () => {
    for (const n of [1, 2, 17, 255]) {
      for (const k of [1, Math.ceil(n / 2), n]) {
        if (n === 255 && k === n) continue
        const generator = generatorOf({ neededShares: k, totalShares: n, ...BITS })
        const top = generator.entries.subarray(0, k * k)
        expect(top).toEqual(matrixOf(k, k, (row, column) => Number(row === column)).entries)
      }
    }
  })
})

describe('scheduleOf and orderOf', () => {
  test('make exactly the sums of the bit matrix, in any order, with fewer XORs', () => {
    const shapes = fc.record({
      rows: fc.integer({ min: 1, max: 8 }),
      columns: fc.integer({ min: 1, max: 8 }),
      seed: fc.integer(),
      zeroes: fc.integer({ min: 0, max: 9 }),
    })
    fc.assert(
      fc.property(shapes, ({ rows, columns, seed, zeroes }) => {
        const random = randomSource(seed)
        const matrix = matrixOf(rows, columns, () => (random() % 10 < zeroes ? 0 : random() & 255))
        const bits = bitMatrixOf(matrix)
        const schedule = scheduleOf(bits, 8 * columns)
        expect(sumsOf(schedule)).toEqual(bits)
        const plainXors = bits.reduce((sum, strips) => sum + Math.max(0, strips.length - 1), 0)
        expect(schedule.steps.length).toBeLessThanOrEqual(plainXors)
      }),
      { numRuns: 60 },
    )
  })
})

describe('plans', () => {
  const shapes = fc.record({
    eights: fc.integer({ min: 1, max: 9 }),
    wanted: fc.integer({ min: 1, max: 40 }),
  })

  test('tiles and stages come to the matrix that interpolates', () => {
    fc.assert(
      fc.property(shapes, fc.integer(), (shape, seed) => {
        const points = pointsOf(randomSource(seed), shape)
        const matrix = interpolationOf(points.sources, points.wanted)
        const stages = stagesOf(points)
        if (stages === undefined) throw new Error('whole eights have stages')
        expect(matrixOfPlan(tilesOf(matrix), matrix)).toEqual(matrix)
        expect(matrixOfPlan(stages, matrix)).toEqual(matrix)
      }),
      { numRuns: 50 },
    )
  })

  test('the stages of 64 of 96 have half as many factors as its matrix', () => {
    const points = { sources: range(64), wanted: range(96).slice(64) }
    const plan = planOf(interpolationOf(points.sources, points.wanted), points)
    const factors = plan.steps.reduce((sum, { matrix }) => sum + matrix.entries.length, 0)
    expect([factors, plan.temporaryCount]).toEqual([1024, 96])
  })

  test('tiles it is where an eight lacks a source, or where stages would be longer', () => {
    const [broken, short] = [[...range(63), 64], range(16)]
    expect(stagesOf({ sources: broken, wanted: [63] })).toBeUndefined()
    const points = { sources: short, wanted: range(24).slice(16) }
    const matrix = interpolationOf(points.sources, points.wanted)
    expect(planOf(matrix, points)).toEqual(tilesOf(matrix))
  })
})

/** What a plan does to its inputs, symbol by symbol: each place holds the factors of all inputs. */
function matrixOfPlan(plan: Plan, { rows, columns }: Matrix): Matrix {
  const places: (Uint8Array | undefined)[] = range(columns).map((column) =>
    Uint8Array.from({ length: columns }, (_, other) => Number(other === column)),
  )
  for (const { matrix, inputs, outputs, adds } of plan.steps) {
    for (const [row, output] of outputs.entries()) {
      expect(output, 'no step overwrites an input').toBeGreaterThanOrEqual(columns)
      expect(output).toBeLessThan(plan.blockCount + plan.temporaryCount)
      expect(places[output] !== undefined, 'what is added to is there, and nothing else is made twice').toBe(
        adds,
      )
      const sum = places[output] ?? new Uint8Array(columns)
      for (const [column, input] of inputs.entries()) {
        for (const [index, factor] of (
          places[input] ?? expect.fail('an input is made before it is used')
        ).entries())
          sum[index] = (sum[index] ?? 0) ^ multiply(entryAt(matrix, row, column), factor)
      }
      places[output] = sum
    }
  }
  return matrixOf(
    rows,
    columns,
    (row, column) => places[columns + row]?.[column] ?? expect.fail('no output lacks'),
  )
}

/** Carries a schedule out over sets of input strips. */
function sumsOf(schedule: Schedule): number[][] {
  const values = new Map<number, ReadonlySet<number>>(
    range(schedule.inputCount).map((strip) => [strip, new Set([strip])]),
  )
  const outputs = new Map<number, number[]>()
  for (const act of orderOf(schedule)) {
    if (act.kind === 'make') {
      const [left = -1, right = -1] = schedule.steps[act.value - schedule.inputCount] ?? []
      values.set(
        act.value,
        (values.get(left) ?? new Set()).symmetricDifference(values.get(right) ?? new Set()),
      )
    } else {
      const sum = act.value === undefined ? new Set<number>() : values.get(act.value)
      expect(sum, 'a value is made before it is stored').toBeDefined()
      outputs.set(
        act.strip,
        [...(sum ?? [])].sort((a, b) => a - b),
      )
    }
  }
  return range(schedule.outputs.length).map((strip) => outputs.get(strip) ?? [])
}

describe('BlockMemory', () => {
  test('leases up to its ceiling, again after a release, and never the same bytes twice', () => {
    const memory = new BlockMemory(256 * 1024)
    const first = memory.lease(3, 40_960)
    const second = memory.lease(2, 40_960)
    expect(first).toBeDefined()
    expect(second).toBeDefined()
    expect(memory.lease(3, 40_960)).toBeUndefined()
    for (const [index, block] of [...(first?.blocks ?? []), ...(second?.blocks ?? [])].entries())
      block.fill(index + 1)
    expect(first?.blocks.map((block) => new Set(block))).toEqual([new Set([1]), new Set([2]), new Set([3])])
    first?.release()
    const third = memory.lease(3, 40_960)
    expect(third).toBeDefined()
    third?.release()
    third?.release()
    second?.release()
    expect(memory.leasedBytes).toBe(0)
  })

  test('starts blocks at different offsets of their pages', () => {
    const lease = new BlockMemory(1024 * 1024).lease(8, 65_536)
    expect(new Set(lease?.blocks.map((block) => block.byteOffset % 4096)).size).toBe(8)
  })
})

describe('RecentMap', () => {
  test('keeps what was used last', () => {
    const map = new RecentMap<string, number>(2)
    map.set('a', 1)
    map.set('b', 2)
    expect(map.get('a')).toBe(1)
    map.set('c', 3)
    expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([1, undefined, 3, 2])
  })
})

test('this engine has SIMD, so both lanes are tested here', () => {
  expect(hasSimd()).toBe(true)
})
