import { describe, expect, test } from 'vitest'
import { LAYOUT, MATRIX, openCodec } from '#crypto'
import { inverse, multiply } from '../../../crypto/erasure/field.ts'
import { interpolationOf, matrixOf } from '../../../crypto/erasure/matrix.ts'
import { symbolsOf } from './support.ts'

const shape = { neededShares: 2, totalShares: 3, matrix: MATRIX.vandermonde }

describe('the worked example of FORMAT §6', () => {
  test('in the field', () => {
    expect([multiply(0x02, 0x80), multiply(0x03, 0x41), multiply(0x53, 0xca)]).toEqual([0x1d, 0xc3, 0x8f])
    expect(inverse(3)).toBe(0xf4)
  })

  test('in the matrix', () => {
    expect(interpolationOf([0, 1], [2])).toEqual(matrixOf(1, 2, (_, column) => (column === 0 ? 3 : 2)))
    expect([...interpolationOf([1, 2], [0]).entries]).toEqual([0xf5, 0xf4])
  })

  test('in the bytes layout', async () => {
    const codec = await openCodec({ ...shape, layout: LAYOUT.bytes })
    const parity = new Uint8Array(1)
    codec.encode([Uint8Array.of(0x41), Uint8Array.of(0x80)], [parity])
    expect(parity).toEqual(Uint8Array.of(0xde))
    const a = new Uint8Array(1)
    codec.reconstruct([undefined, Uint8Array.of(0x80), parity], [0], [a])
    expect(a).toEqual(Uint8Array.of(0x41))
  })

  test('in the bits layout', async () => {
    const codec = await openCodec({ ...shape, layout: LAYOUT.bits })
    const a = groupOf([0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80])
    const b = groupOf([0, 0, 0, 0, 0, 0, 0, 0xff])
    const parity = new Uint8Array(512)
    codec.encode([a, b], [parity])
    expect(parity).toEqual(groupOf([0x7e, 0x03, 0x79, 0x73, 0x67, 0x30, 0x60, 0xc0]))
    expect([...symbolsOf(a).subarray(0, 8)]).toEqual([0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80])
    expect([...symbolsOf(b).subarray(0, 9)]).toEqual([...new Array<number>(8).fill(0x80), 0])
    expect([...symbolsOf(parity).subarray(0, 8)]).toEqual([0x1e, 0x1b, 0x11, 0x05, 0x2d, 0x7d, 0xdd, 0x80])
  })
})

/** A group whose strips begin with these bytes and are zero otherwise. */
function groupOf(firstBytes: readonly number[]): Uint8Array {
  const group = new Uint8Array(512)
  for (const [strip, byte] of firstBytes.entries()) group[64 * strip] = byte
  return group
}
