/** The known-answer vectors of FORMAT §6.6: rows of matrices, and blocks in both layouts. Runs in a browser as well. */
import { sha256 } from '@noble/hashes/sha2.js'
import { type ErasureParameters, LAYOUT, MATRIX, openCodec } from '#crypto'
import { interpolationOf } from '../../crypto/erasure/matrix.ts'
import { hex, pattern } from './pattern.ts'

const SHAPES = [
  [1, 3],
  [2, 3],
  [3, 10],
  [10, 16],
  [16, 24],
  [64, 96],
  [128, 255],
] as const

export async function erasureVectors(): Promise<Readonly<Record<string, unknown>>> {
  return { erasure_matrix: matrixVectors(), erasure_blocks: await blockVectors() }
}

function matrixVectors() {
  return SHAPES.map(([k, n]) => {
    const data = numbers(0, k)
    const parity = numbers(k, n)
    const last = numbers(n - k, n)
    const lost = numbers(0, Math.min(k, n - k))
    return {
      k,
      n,
      parityRows: k > 16 ? { sha256OfRowsInOrder: hex(sha256(rows(data, parity))) } : hexRows(data, parity),
      recovery: {
        from: `the last ${k} blocks, in order`,
        wanted: lost,
        rows: k > 16 ? { sha256OfRowsInOrder: hex(sha256(rows(last, lost))) } : hexRows(last, lost),
      },
    }
  })
}

async function blockVectors() {
  const cases: (ErasureParameters & { readonly blockSizeBytes: number })[] = []
  for (const [neededShares, totalShares] of SHAPES) {
    const shape = { neededShares, totalShares, matrix: MATRIX.vandermonde }
    cases.push({ ...shape, layout: LAYOUT.bytes, blockSizeBytes: 5 })
    cases.push({ ...shape, layout: LAYOUT.bits, blockSizeBytes: 512 })
  }
  cases.push({ ...shapeOf(3, 10), layout: LAYOUT.bits, blockSizeBytes: 1536 })
  return Promise.all(
    cases.map(async ({ blockSizeBytes, ...parameters }, number) => {
      const { neededShares: k, totalShares: n, layout, matrix } = parameters
      const codec = await openCodec(parameters)
      const data = numbers(0, k).map((index) => pattern(1000 * (number + 1) + index, blockSizeBytes))
      const parity = numbers(k, n).map(() => new Uint8Array(blockSizeBytes))
      codec.encode(data, parity)
      return {
        ...{ k, n, matrix, layout, blockSize: blockSizeBytes },
        data: `block i is pattern(${1000 * (number + 1)} + i, ${blockSizeBytes})`,
        parity: parity.map((block) =>
          k < 3 || blockSizeBytes < 8 ? hex(block) : { sha256: hex(sha256(block)) },
        ),
      }
    }),
  )
}

function shapeOf(neededShares: number, totalShares: number) {
  return { neededShares, totalShares, matrix: MATRIX.vandermonde }
}

function rows(sources: readonly number[], wanted: readonly number[]): Uint8Array {
  return interpolationOf(sources, wanted).entries
}

function hexRows(sources: readonly number[], wanted: readonly number[]): string[] {
  return wanted.map((number) => hex(rows(sources, [number])))
}

function numbers(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, index) => start + index)
}
