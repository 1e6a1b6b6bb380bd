import { describe, expect, test } from 'vitest'
import { openCodec } from '../../../crypto/erasure/index.ts'
import { openNpmOracle } from './open-npm-oracle.ts'
import {
  BYTES,
  concatBlocks,
  emptyBlocks,
  plainlyEncoded,
  randomBlocks,
  randomSource,
  randomSubset,
} from './support.ts'

const SHAPES = [
  [1, 2],
  [1, 5],
  [2, 3],
  [3, 10],
  [10, 16],
  [16, 24],
  [64, 96],
  [128, 255],
] as const

describe('the bytes layout', () => {
  test.each(SHAPES)('encodes %i of %i as the npm package and the plain twin do', async (k, n) => {
    const oracle = await openNpmOracle()
    const codec = await openCodec({ neededShares: k, totalShares: n, ...BYTES })
    const data = randomBlocks(randomSource(k * n), k, 96)
    const parity = emptyBlocks(n - k, 96)
    codec.encode(data, parity)
    const expected = concatBlocks([...data, ...emptyBlocks(n - k, 96)])
    oracle.encode(expected, k, n)
    expect(concatBlocks([...data, ...parity])).toEqual(expected)
    expect([...data, ...parity]).toEqual(plainlyEncoded(codec.parameters, data))
  })

  test.each(SHAPES)('rebuilds random losses of %i of %i as the npm package does', async (k, n) => {
    const oracle = await openNpmOracle()
    const random = randomSource(k + n)
    const codec = await openCodec({ neededShares: k, totalShares: n, ...BYTES })
    const all = plainlyEncoded(codec.parameters, randomBlocks(random, k, 32))
    for (let round = 0; round < 4; round++) {
      const lost = randomSubset(random, n, n - k)
      const out = emptyBlocks(lost.length, 32)
      const present = all.map((block, number) => (lost.includes(number) ? undefined : block))
      codec.reconstruct(present, lost, out)
      expect(out).toEqual(lost.map((number) => all[number]))
      const theirs = concatBlocks(present.map((block) => block ?? new Uint8Array(32)))
      oracle.reconstruct(
        theirs,
        k,
        present.map((block) => block !== undefined),
      )
      expect(theirs.subarray(0, 32 * k)).toEqual(concatBlocks(all.slice(0, k)))
    }
  })
})
