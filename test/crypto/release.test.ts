import { expect, test } from 'vitest'
import { releaseBuffer } from '#crypto'

test('releases a buffer that the view is all of, and no other', () => {
  const whole = new Uint8Array(100).fill(7)
  releaseBuffer(whole)
  expect([whole.length, whole.buffer.byteLength]).toEqual([0, 0])
  const part = new Uint8Array(100).fill(7).subarray(1)
  releaseBuffer(part)
  expect(part[98]).toBe(7)
  const shared = new Uint8Array(new SharedArrayBuffer(10))
  releaseBuffer(shared)
  expect(shared).toHaveLength(10)
})
