import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asCutKey,
  ContentCutter,
  type CutSizes,
  concat,
  cutContent,
  cutPlainly,
  DATA_CUT_SIZES,
  equalBytes,
  TREE_CUT_SIZES,
} from '#crypto'
import { pattern } from '../../support/pattern.ts'

const cutKey = asCutKey(pattern(1, 32))
const SMALL: CutSizes = { leastBytes: 64, mostBytes: 400, proposalBits: 3, confirmedOneIn: 3, spreadBits: 4 }

/** Bytes of a seed, quickly: xorshift. */
function noise(seed: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes)
  let state = (seed ^ 0x9e3779b9) | 1
  for (let index = 0; index < sizeBytes; index += 1) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[index] = state
  }
  return bytes
}

/** Sizes that a cutter finds when the content comes in these buffers. */
function sizesInParts(cutter: ContentCutter, parts: readonly Uint8Array[]): readonly number[] {
  const sizes: number[] = []
  let open = 0
  for (const part of parts) {
    let rest = part
    for (;;) {
      const end = cutter.next(rest)
      if (end === undefined) break
      sizes.push(open + end)
      open = 0
      rest = rest.subarray(end)
    }
    open += rest.length
  }
  cutter.restart()
  return open > 0 ? [...sizes, open] : sizes
}

function split(content: Uint8Array, at: readonly number[]): readonly Uint8Array[] {
  const places = [0, ...at.map((place) => place % (content.length + 1)).sort((a, b) => a - b), content.length]
  return places.slice(1).map((end, index) => content.subarray(places[index], end))
}

/** Windows come again in bits, at once in runs of one byte, and in turn in periods with a fault now and then. */
function contentOf(kind: string, seed: number, sizeBytes: number): Uint8Array {
  const bytes = noise(seed, sizeBytes)
  const period = 1 + (seed % 90)
  if (kind === 'bits') return bytes.map((byte) => byte & 1)
  if (kind === 'runs') return bytes.map((_, index) => bytes[index - (index % 300)] ?? 0)
  if (kind === 'periods') return bytes.map((byte, index) => (byte < 1 ? byte : (bytes[index % period] ?? 0)))
  return bytes
}

describe('ContentCutter', () => {
  test('cuts as cutPlainly does, however the content is split', () => {
    const cutter = new ContentCutter(cutKey, SMALL)
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 0, max: 6000 }),
        fc.array(fc.nat(), { maxLength: 40 }),
        fc.constantFrom('noise', 'bits', 'runs', 'periods'),
        (seed, sizeBytes, at, kind) => {
          const content = contentOf(kind, seed, sizeBytes)
          expect(sizesInParts(cutter, split(content, at))).toEqual(cutPlainly(cutKey, content, SMALL))
        },
      ),
      { numRuns: 600 },
    )
  })

  test('cuts runs of one byte, proposed at every place or at none', () => {
    const sizes = new Set<number>()
    for (let seed = 0; seed < 60; seed += 1) {
      const key = asCutKey(pattern(seed, 32))
      const content = new Uint8Array(2000).fill(seed, 0, 1500)
      const found = sizesInParts(new ContentCutter(key, SMALL), split(content, [10, 700, 701, 1600]))
      expect(found).toEqual(cutPlainly(key, content, SMALL))
      sizes.add(found[0] ?? 0)
    }
    // Some keys confirm such a window, at one of 16 distances, and most do not.
    expect(sizes).toContain(SMALL.mostBytes)
    expect(sizes.size).toBeGreaterThan(2)
  })

  test('cuts a content that comes byte by byte', () => {
    const content = noise(3, 3000)
    const parts = Array.from(content, (_, index) => content.subarray(index, index + 1))
    expect(sizesInParts(new ContentCutter(cutKey, SMALL), parts)).toEqual(cutPlainly(cutKey, content, SMALL))
  })

  test.each([
    ['files', DATA_CUT_SIZES, 1024 * 1024],
    ['trees', TREE_CUT_SIZES, 128 * 1024],
  ] as const)('makes blobs of %s of the sizes it aims at', (_, sizes, averageBytes) => {
    const content = noise(4, 96 * averageBytes)
    const found = sizesInParts(new ContentCutter(cutKey, sizes), [content])
    expect(found.reduce((sum, size) => sum + size, 0)).toBe(content.length)
    for (const size of found.slice(0, -1)) {
      expect(size).toBeGreaterThanOrEqual(sizes.leastBytes)
      expect(size).toBeLessThanOrEqual(sizes.mostBytes)
    }
    expect(content.length / found.length).toBeGreaterThan(averageBytes * 0.75)
    expect(content.length / found.length).toBeLessThan(averageBytes * 1.3)
  })

  test('makes few blobs new where something is put in between', () => {
    const cutter = new ContentCutter(cutKey, SMALL)
    const before = noise(5, 40_000)
    const after = concat(before.subarray(0, 20_000), noise(6, 7), before.subarray(20_000))
    const known = new Set(blobsOf(cutter, before))
    const added = blobsOf(cutter, after).filter((blob) => !known.has(blob))
    expect(known.size).toBeGreaterThan(100)
    expect(added.length).toBeLessThan(8)
  })

  test('cuts elsewhere under another key', () => {
    const content = noise(7, 20_000)
    const other = cutPlainly(asCutKey(pattern(2, 32)), content, SMALL)
    expect(cutPlainly(cutKey, content, SMALL)).not.toEqual(other)
  })
})

function blobsOf(cutter: ContentCutter, content: Uint8Array): readonly string[] {
  let start = 0
  return sizesInParts(cutter, [content]).map((size) => {
    start += size
    return Buffer.from(content.subarray(start - size, start)).toString('hex')
  })
}

describe('cutContent', () => {
  test('gives the content back in blobs of its own', async () => {
    const content = noise(8, 5000)
    const source = split(content, [1, 1, 700, 2500, 4999])
    const blobs: Uint8Array[] = []
    for await (const blob of cutContent(new ContentCutter(cutKey, SMALL), source)) blobs.push(blob)
    expect(blobs.map((blob) => blob.length)).toEqual(cutPlainly(cutKey, content, SMALL))
    expect(concat(...blobs)).toEqual(content)
    content.fill(0)
    expect(concat(...blobs)).toEqual(noise(8, 5000))
  })

  test('takes a content in very many small buffers', async () => {
    const content = noise(9, 250_000)
    const source = Array.from(content, (_, index) => content.subarray(index, index + 1))
    const blobs: Uint8Array[] = []
    for await (const blob of cutContent(new ContentCutter(cutKey), source)) blobs.push(blob)
    expect(blobs.length).toBe(1)
    expect(equalBytes(concat(...blobs), content)).toBe(true)
  })

  test('gives nothing for an empty content', async () => {
    const source = [new Uint8Array(0), new Uint8Array(0)]
    for await (const _ of cutContent(new ContentCutter(cutKey, SMALL), source)) expect.unreachable()
  })
})
