import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ErasureCodec, ErasureParameters } from '../../../crypto/erasure/code.ts'
import { createCodec } from '../../../crypto/erasure/codec.ts'
import { openCodec } from '../../../crypto/erasure/index.ts'
import { interpolationOf, matrixOf } from '../../../crypto/erasure/matrix.ts'
import { BlockMemory } from '../../../crypto/erasure/memory.ts'
import { applyPlainly } from '../../../crypto/erasure/plain.ts'
import { openNpmOracle } from './open-npm-oracle.ts'
import {
  BITS,
  bitKernelVariants,
  concatBlocks,
  emptyBlocks,
  plainlyEncoded,
  pointsOf,
  randomBlocks,
  randomSource,
  randomSubset,
  subsetsOf,
  symbolsOf,
} from './support.ts'

const memory = new BlockMemory(1024 * 1024)
const variants = bitKernelVariants(memory)

function parametersOf(neededShares: number, totalShares: number): ErasureParameters {
  return { neededShares, totalShares, ...BITS }
}

function encoded(codec: ErasureCodec, data: readonly Uint8Array[]): Uint8Array[] {
  const parity = emptyBlocks(codec.parameters.totalShares - data.length, data[0]?.length ?? 0)
  codec.encode(data, parity)
  return [...data, ...parity]
}

/** Loses all blocks but `kept` and makes every lost one again. */
function recovered(codec: ErasureCodec, all: readonly Uint8Array[], kept: readonly number[]) {
  const present = all.map((block, number) => (kept.includes(number) ? block : undefined))
  const lost = all.flatMap((_, number) => (kept.includes(number) ? [] : [number]))
  const out = emptyBlocks(lost.length, all[0]?.length ?? 0)
  codec.reconstruct(present, lost, out)
  return { out, expected: lost.map((number) => all[number]) }
}

describe.each(variants)('the bits layout, $name', ({ kernelOf }) => {
  test('applies any matrix as the plain twin does', () => {
    const shape = fc.record({
      rows: fc.integer({ min: 1, max: 19 }),
      columns: fc.integer({ min: 1, max: 19 }),
      groups: fc.integer({ min: 1, max: 3 }),
      seed: fc.integer(),
      sparse: fc.boolean(),
      inPlace: fc.boolean(),
    })
    fc.assert(
      fc.property(shape, ({ rows, columns, groups, seed, sparse, inPlace }) => {
        const random = randomSource(seed)
        const matrix = matrixOf(rows, columns, () => (sparse && random() % 3 > 0 ? 0 : random() & 255))
        const sizeBytes = 512 * groups
        const inputs = randomBlocks(random, columns, sizeBytes)
        const outputs = randomBlocks(random, rows, sizeBytes)
        const expected = emptyBlocks(rows, sizeBytes)
        applyPlainly(matrix, BITS.layout, { inputs, outputs: expected })
        const lease = memory.lease(columns + rows, sizeBytes)
        if (inPlace && lease !== undefined) {
          for (const [index, input] of inputs.entries()) lease.blocks[index]?.set(input)
          const [views, results] = [lease.blocks.slice(0, columns), lease.blocks.slice(columns)]
          kernelOf(matrix)(views, results)
          for (const [index, result] of results.entries()) outputs[index]?.set(result)
        } else kernelOf(matrix)(inputs, outputs)
        lease?.release()
        expect(outputs).toEqual(expected)
      }),
      { numRuns: 40 },
    )
  })

  test('interpolates between whole eights as the plain twin does, over more than a run', () => {
    const shape = fc.record({
      eights: fc.integer({ min: 3, max: 9 }),
      wanted: fc.integer({ min: 6, max: 30 }),
    })
    fc.assert(
      fc.property(shape, fc.integer({ min: 1, max: 6 }), fc.integer(), (counts, groups, seed) => {
        const random = randomSource(seed)
        const points = pointsOf(random, counts)
        const matrix = interpolationOf(points.sources, points.wanted)
        const inputs = randomBlocks(random, matrix.columns, 512 * groups)
        const outputs = randomBlocks(random, matrix.rows, 512 * groups)
        const expected = emptyBlocks(matrix.rows, 512 * groups)
        applyPlainly(matrix, BITS.layout, { inputs, outputs: expected })
        kernelOf(matrix, points)(inputs, outputs)
        expect(outputs).toEqual(expected)
      }),
      { numRuns: 4 },
    )
  })

  test.each([
    [1, 1],
    [1, 4],
    [2, 3],
    [3, 10],
    [10, 16],
    [16, 24],
    [9, 17],
    [24, 40],
    [64, 96],
    [120, 255],
  ])('encodes %i of %i as the npm package does, but for the transposition', async (k, n) => {
    const codec = createCodec(parametersOf(k, n), kernelOf)
    const all = encoded(codec, randomBlocks(randomSource(k * n), k, 1024))
    if (n > k) {
      const theirs = concatBlocks([...all.slice(0, k).map(symbolsOf), ...emptyBlocks(n - k, 1024)])
      const oracle = await openNpmOracle()
      oracle.encode(theirs, k, n)
      expect(concatBlocks(all.map(symbolsOf))).toEqual(theirs)
    }
  })

  test('recovers from every subset of k blocks, for every n up to 10', () => {
    for (let n = 1; n <= 10; n++) {
      for (let k = 1; k <= n; k++) {
        const codec = createCodec(parametersOf(k, n), kernelOf)
        const all = encoded(codec, randomBlocks(randomSource(n), k, 512))
        for (const kept of subsetsOf(n, k)) {
          const { out, expected } = recovered(codec, all, kept)
          expect(out).toEqual(expected)
        }
      }
    }
  })

  test('recovers from random subsets up to 255 blocks', () => {
    const random = randomSource(7)
    for (const [k, n] of [
      [128, 255],
      [254, 255],
      [1, 255],
      [33, 70],
    ] as const) {
      const codec = createCodec(parametersOf(k, n), kernelOf)
      const all = encoded(codec, randomBlocks(random, k, 512))
      const kept = randomSubset(random, n, k)
      const lost = randomSubset(random, n, n)
        .filter((number) => !kept.includes(number))
        .slice(0, 9)
      const out = emptyBlocks(lost.length, 512)
      codec.reconstruct(
        all.map((block, number) => (kept.includes(number) ? block : undefined)),
        lost,
        out,
      )
      expect(out).toEqual(lost.map((number) => all[number]))
    }
  })

  test('works at the very end of its memory', () => {
    const small = new BlockMemory(0)
    const whole = new Uint8Array(small.wasm.buffer)
    const end = whole.length
    const data = [whole.subarray(end - 512), whole.subarray(end - 1024, end - 512)]
    const output = whole.subarray(end - 1536, end - 1024)
    const bytes = randomBlocks(randomSource(3), 2, 512)
    for (const [index, block] of data.entries()) block.set(bytes[index] ?? new Uint8Array(512))
    for (const { kernelOf: over } of bitKernelVariants(small)) {
      output.fill(0)
      createCodec(parametersOf(2, 3), over).encode(data, [output])
      expect([...bytes, output]).toEqual(plainlyEncoded(parametersOf(2, 3), bytes))
    }
  })
})

describe('openCodec for the bits layout', () => {
  test('agrees with the plain twin over large blocks, before and after it compiles', async () => {
    const codec = await openCodec(parametersOf(3, 5))
    const data = randomBlocks(randomSource(5), 3, 512 * 40)
    const expected = plainlyEncoded(codec.parameters, data)
    for (let round = 0; round < 140; round++) encoded(codec, data)
    expect(encoded(codec, data)).toEqual(expected)
  })

  test('gives the same codec for the same parameters', async () => {
    expect(await openCodec(parametersOf(4, 9))).toBe(await openCodec(parametersOf(4, 9)))
  })
})
