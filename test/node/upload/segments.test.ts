import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cutSegments, SegmentBuffers } from '../../../node/upload/segments.ts'

async function* streamOf(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts
}

describe('cutSegments', () => {
  test('gives the stream back in full segments, also in buffers that are used again', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 16 }), async (partSizes, segmentSizeBytes) => {
        let next = 0
        const parts = partSizes.map((size) => Uint8Array.from({ length: size }, () => next++))
        const originals = parts.map((part) => part.slice())
        const buffers = new SegmentBuffers()
        const seen: number[] = []
        const lasts: boolean[] = []
        for await (const { segmentIndex, isLast, plaintext } of cutSegments(
          streamOf(parts),
          segmentSizeBytes,
          buffers,
        )) {
          expect(segmentIndex).toBe(lasts.length)
          if (!isLast) expect(plaintext.length).toBe(segmentSizeBytes)
          seen.push(...plaintext)
          lasts.push(isLast)
          buffers.giveBack(plaintext)
        }
        expect(seen).toEqual(originals.flatMap((part) => [...part]))
        expect(lasts).toEqual(lasts.map((_, index) => index === lasts.length - 1))
        expect(parts, "the source's own buffers stay as they were").toEqual(originals)
      }),
    )
  })

  test('needs two buffers for any number of segments that are given back', async () => {
    const buffers = new SegmentBuffers()
    const memory = new Set<ArrayBufferLike>()
    for await (const { segmentIndex, plaintext } of cutSegments(
      streamOf(Array.from({ length: 40 }, () => new Uint8Array(5))),
      10,
      buffers,
    )) {
      // The first grows with what comes, and is not one of them.
      if (segmentIndex > 0) memory.add(plaintext.buffer)
      buffers.giveBack(plaintext)
    }
    expect(memory.size).toBe(2)
  })

  test('a buffer given back twice is handed out once', () => {
    const buffers = new SegmentBuffers()
    const first = buffers.take(8)
    buffers.giveBack(first)
    buffers.giveBack(first)
    expect(buffers.take(8)).toBe(first)
    expect(buffers.take(8)).not.toBe(first)
  })
})
