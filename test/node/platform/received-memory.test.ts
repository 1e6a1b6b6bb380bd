import { expect, test } from 'vitest'
import { noteRead, noteReceived } from '../../../node/platform/received-memory.ts'

const received = (sizeBytes: number) => {
  const bytes = new Uint8Array(sizeBytes).fill(7)
  noteReceived(bytes)
  return bytes
}

test('a buffer goes when all of it was read, in whatever order and by however many', () => {
  const bytes = received(100)
  noteRead(bytes.subarray(40, 90))
  noteRead(bytes.subarray(0, 40))
  expect(bytes[99]).toBe(7)
  noteRead(bytes.subarray(90))
  expect(bytes.buffer.byteLength).toBe(0)
})

test('what came later into the same buffer keeps it', () => {
  const bytes = received(100)
  noteRead(bytes.subarray(0, 60))
  noteReceived(bytes.subarray(60))
  expect(bytes[60]).toBe(7)
  noteRead(bytes.subarray(60, 80))
  expect(bytes[80]).toBe(7)
  noteRead(bytes.subarray(80))
  expect(bytes.buffer.byteLength).toBe(0)
})

test('a buffer from elsewhere stays', () => {
  const bytes = new Uint8Array(10).fill(7)
  noteRead(bytes)
  expect(bytes).toEqual(new Uint8Array(10).fill(7))
})
