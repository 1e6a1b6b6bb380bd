import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { decodeSealed, type Encoding, encodeSealed, InvalidInputError, openCodec } from '#crypto'
import { nobleBulkCrypto } from '../../../crypto/bulk.ts'
import { byteKernelOf } from '../../../crypto/erasure/byte-kernel.ts'
import { LAYOUT, MATRIX } from '../../../crypto/erasure/code.ts'
import { createCodec } from '../../../crypto/erasure/codec.ts'
import { generatorOf, matrixOf } from '../../../crypto/erasure/matrix.ts'
import { asDigest } from '../../../crypto/hash.ts'
import { BITS, BYTES, emptyBlocks, plainlyEncoded, randomBlocks, randomSource } from './support.ts'

const nativeBulk = {
  ...nobleBulkCrypto,
  sha256: (bytes: Uint8Array) => asDigest(new Uint8Array(createHash('sha256').update(bytes).digest())),
}

describe('encodeSealed and decodeSealed', () => {
  test.each([
    ['bits', LAYOUT.bits],
    ['bytes', LAYOUT.bytes],
  ])('give a sealed segment of every length from 0 to 2049 bytes back, layout %s', async (_, layout) => {
    const encoding: Encoding = {
      ...{ neededShares: 3, totalShares: 5, matrix: MATRIX.vandermonde, layout },
      segmentSizeBytes: 4096,
    }
    const codec = await openCodec(encoding)
    const random = randomSource(layout)
    const [source = new Uint8Array(0)] = randomBlocks(random, 1, 2049 + 16)
    for (let sizeBytes = 0; sizeBytes <= 2049; sizeBytes++) {
      const sealed = source.slice(0, sizeBytes + 16)
      const target = new Uint8Array(5 * 1024)
      const { blocks } = await encodeSealed({ bulk: nativeBulk, codec, encoding }, sealed, target)
      const lost = [random() % 5, random() % 5]
      const rest = blocks.map((block, number) => (lost.includes(number) ? undefined : block))
      expect(decodeSealed(codec, rest, sealed.length)).toEqual(sealed)
    }
  })
})

describe('the codec', () => {
  test('codes blocks of every size from 0 to 2049 bytes in the bytes layout', async () => {
    const codec = await openCodec({ neededShares: 2, totalShares: 4, ...BYTES })
    const source = randomBlocks(randomSource(9), 2, 2049)
    for (let sizeBytes = 0; sizeBytes <= 2049; sizeBytes++) {
      const data = source.map((block) => block.subarray(0, sizeBytes))
      const parity = emptyBlocks(2, sizeBytes)
      codec.encode(data, parity)
      const out = emptyBlocks(2, sizeBytes)
      codec.reconstruct([undefined, undefined, ...parity], [0, 1], out)
      expect(out).toEqual(data)
    }
  })

  test('makes lost parity again, alone and with lost data', async () => {
    const codec = await openCodec({ neededShares: 3, totalShares: 7, ...BITS })
    const all = plainlyEncoded(codec.parameters, randomBlocks(randomSource(2), 3, 512))
    for (const lost of [[6], [3, 5], [0, 6], [2, 1, 4, 3]]) {
      const out = emptyBlocks(lost.length, 512)
      codec.reconstruct(
        all.map((block, number) => (lost.includes(number) ? undefined : block)),
        lost,
        out,
      )
      expect(out).toEqual(lost.map((number) => all[number]))
    }
  })

  test('makes only the blocks that are wanted', async () => {
    const codec = await openCodec({ neededShares: 3, totalShares: 7, ...BITS })
    const all = plainlyEncoded(codec.parameters, randomBlocks(randomSource(4), 3, 512))
    const out = emptyBlocks(1, 512)
    codec.reconstruct([undefined, undefined, undefined, ...all.slice(3)], [1], out)
    expect(out).toEqual([all[1]])
    expect(() => codec.reconstruct([undefined, ...all.slice(1)], [], [])).not.toThrow()
  })

  test('rebuilds only the groups of a range', async () => {
    const codec = await openCodec({ neededShares: 3, totalShares: 7, ...BITS })
    const all = plainlyEncoded(codec.parameters, randomBlocks(randomSource(6), 3, 5 * 512))
    const middle = all.map((block) => block.subarray(2 * 512, 4 * 512))
    const out = emptyBlocks(1, 2 * 512)
    codec.reconstruct([undefined, ...middle.slice(1)], [0], out)
    expect(out).toEqual([middle[0]])
  })

  test('copies nothing and makes nothing when k = n', async () => {
    const codec = await openCodec({ neededShares: 4, totalShares: 4, ...BITS })
    const data = randomBlocks(randomSource(4), 4, 512)
    const before = data.map((block) => block.slice())
    codec.encode(data, [])
    expect(data).toEqual(before)
  })

  test('repeats the one block when k = 1', async () => {
    const codec = await openCodec({ neededShares: 1, totalShares: 4, ...BITS })
    const data = randomBlocks(randomSource(4), 1, 1536)
    const parity = emptyBlocks(3, 1536)
    codec.encode(data, parity)
    expect(parity).toEqual([data[0], data[0], data[0]])
  })

  test('takes any systematic generator', () => {
    const parameters = { neededShares: 2, totalShares: 3, ...BYTES }
    const exclusiveOr = matrixOf(3, 2, (row, column) => (row === 2 || row === column ? 1 : 0))
    const codec = createCodec(parameters, byteKernelOf, exclusiveOr)
    const parity = emptyBlocks(1, 2)
    codec.encode([Uint8Array.of(1, 2), Uint8Array.of(4, 9)], parity)
    expect(parity).toEqual([Uint8Array.of(5, 11)])
    expect(() =>
      createCodec(
        parameters,
        byteKernelOf,
        matrixOf(3, 2, () => 1),
      ),
    ).toThrow(InvalidInputError)
    expect(() =>
      createCodec(parameters, byteKernelOf, generatorOf({ ...parameters, totalShares: 4 })),
    ).toThrow('a generator of 3 x 2')
  })

  test.each([
    [0, 3],
    [4, 3],
    [1, 256],
    [1.5, 3],
    [Number.NaN, 3],
    [2, Number.POSITIVE_INFINITY],
  ])('refuses %d of %d', async (neededShares, totalShares) => {
    await expect(openCodec({ neededShares, totalShares, ...BITS })).rejects.toThrow(InvalidInputError)
  })

  test('refuses blocks that do not fit, and says why', async () => {
    const codec = await openCodec({ neededShares: 2, totalShares: 4, ...BITS })
    const [a = new Uint8Array(0), b = new Uint8Array(0), c = new Uint8Array(0)] = emptyBlocks(3, 512)
    const odd = new Uint8Array(511)
    expect(() => codec.encode([a], [b, c])).toThrow('2 data blocks wanted, found 1')
    expect(() => codec.encode([a, b], [c])).toThrow('2 parity blocks wanted, found 1')
    expect(() => codec.encode([a, b], [c, odd])).toThrow('blocks of one size wanted, found 512 and 511 bytes')
    expect(() => codec.encode([odd, odd], [odd, odd])).toThrow('a multiple of 512 bytes wanted, found 511')
    expect(() => codec.reconstruct([a, b], [], [])).toThrow('4 entries for present blocks wanted, found 2')
    const one = [a, undefined, undefined, undefined]
    expect(() => codec.reconstruct(one, [1], [b])).toThrow('2 blocks wanted to rebuild from, found 1')
    const two = [a, b, undefined, undefined]
    expect(() => codec.reconstruct(two, [2], [])).toThrow('1 output blocks wanted, found 0')
    expect(() => codec.reconstruct(two, [4], [c])).toThrow('share numbers from 0 to 3 wanted, found 4')
    expect(() => codec.reconstruct(two, [-1], [c])).toThrow(InvalidInputError)
    expect(() => codec.reconstruct(two, [0.5], [c])).toThrow(InvalidInputError)
    expect(() => codec.reconstruct(two, [0], [c])).toThrow('block 0 is present already')
    expect(() => codec.reconstruct(two, [2, 2], [c, c])).toThrow('share number 2 is wanted twice')
    expect(() => codec.reconstruct(two, [2], [odd])).toThrow(InvalidInputError)
  })
})
