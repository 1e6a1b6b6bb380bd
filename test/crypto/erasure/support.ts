/** Blocks, subsets and the bit transposition for the tests of the erasure code. */

import { bitKernels } from '../../../crypto/erasure/bit-kernel.ts'
import { type ErasureParameters, LAYOUT, MATRIX } from '../../../crypto/erasure/code.ts'
import type { KernelFactory } from '../../../crypto/erasure/codec.ts'
import { generatorOf, range, selectRows } from '../../../crypto/erasure/matrix.ts'
import type { BlockMemory } from '../../../crypto/erasure/memory.ts'
import { applyPlainly } from '../../../crypto/erasure/plain.ts'
import type { Points } from '../../../crypto/erasure/stages.ts'

/** Deterministic bytes: xorshift32 from a seed. */
export function randomSource(seed: number): () => number {
  let state = seed | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

export function randomBlocks(random: () => number, count: number, sizeBytes: number): Uint8Array[] {
  return Array.from({ length: count }, () => Uint8Array.from({ length: sizeBytes }, () => random()))
}

export function emptyBlocks(count: number, sizeBytes: number): Uint8Array[] {
  return Array.from({ length: count }, () => new Uint8Array(sizeBytes))
}

export function concatBlocks(blocks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(blocks.flatMap((block) => [...block]))
}

/** All n blocks by the slow twin. */
export function plainlyEncoded(parameters: ErasureParameters, data: readonly Uint8Array[]): Uint8Array[] {
  const { neededShares, totalShares, layout } = parameters
  const rows = selectRows(generatorOf(parameters), range(totalShares).slice(neededShares))
  const parity = emptyBlocks(rows.rows, data[0]?.length ?? 0)
  applyPlainly(rows, layout, { inputs: data, outputs: parity })
  return [...data, ...parity]
}

/** Every way to choose `count` of the numbers 0 .. total - 1, ascending. */
export function* subsetsOf(total: number, count: number, from = 0): Generator<number[]> {
  if (count === 0) {
    yield []
    return
  }
  for (let first = from; first <= total - count; first++) {
    for (const rest of subsetsOf(total, count - 1, first + 1)) yield [first, ...rest]
  }
}

/** `count` different numbers below `total`, ascending. */
export function randomSubset(random: () => number, total: number, count: number): number[] {
  const numbers = [...range(total)]
  const chosen: number[] = []
  for (let taken = 0; taken < count; taken++) {
    chosen.push(...numbers.splice(random() % numbers.length, 1))
  }
  return chosen.sort((a, b) => a - b)
}

/** Points between which stages interpolate: sources that are whole eights in any order, and any others wanted. */
export function pointsOf(
  random: () => number,
  { eights, wanted }: { readonly eights: number; readonly wanted: number },
): Points {
  const chosen = randomSubset(random, 31, eights).reverse()
  const sources = chosen.flatMap((eight) => range(8).map((low) => 8 * eight + low))
  const others = range(255).filter((point) => !sources.includes(point))
  return { sources, wanted: randomSubset(random, others.length, wanted).map((index) => others[index] ?? 0) }
}

export const BYTES = { matrix: MATRIX.vandermonde, layout: LAYOUT.bytes } as const
export const BITS = { matrix: MATRIX.vandermonde, layout: LAYOUT.bits } as const

/** Every way a matrix can be applied in the bits layout, over one small memory. */
export function bitKernelVariants(memory: BlockMemory): readonly { name: string; kernelOf: KernelFactory }[] {
  return (['v128', 'i64'] as const).flatMap((lane) => [
    { name: `${lane}, compiled`, kernelOf: bitKernels({ memory, lane, hotAfterBytes: 0 }) },
    {
      name: `${lane}, factor by factor`,
      kernelOf: bitKernels({ memory, lane, hotAfterBytes: Number.POSITIVE_INFINITY }),
    },
  ])
}

/** The bytes of a block in the bits layout, with byte i made symbol i: the fixed transposition of FORMAT §6.3. */
export function symbolsOf(block: Uint8Array): Uint8Array {
  const symbols = new Uint8Array(block.length)
  for (let bit = 0; bit < block.length * 8; bit++) {
    const value = ((block[bit >> 3] ?? 0) >> (bit & 7)) & 1
    const group = Math.floor(bit / 4096)
    const symbolIndex = 512 * group + (bit % 512)
    symbols[symbolIndex] = (symbols[symbolIndex] ?? 0) | (value << Math.floor((bit % 4096) / 512))
  }
  return symbols
}
