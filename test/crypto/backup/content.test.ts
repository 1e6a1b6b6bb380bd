import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asBlobId,
  asBlobIdKey,
  type BlobId,
  blobId,
  CONTENT_IDS_MAX,
  ContentBuilder,
  type ContentPart,
  contentIds,
  contentRange,
  InvalidInputError,
  parseList,
  sha256Small,
  toBase32,
} from '#crypto'
import { pattern } from '../../support/pattern.ts'

const key = asBlobIdKey(pattern(1, 32))

/** Lists in memory, as a repository would have them. */
function memoryLists() {
  const lists = new Map<string, Uint8Array>()
  return {
    lists,
    put: async (bytes: Uint8Array) => {
      const id = blobId(key, 'list', sha256Small(bytes))
      lists.set(toBase32(id), bytes)
      return id
    },
    get: async (id: BlobId) => lists.get(toBase32(id)) ?? expect.unreachable('no such list'),
  }
}

const idOf = (place: number) => asBlobId(sha256Small(Uint8Array.of(place >> 16, place >> 8, place)))
const sizeOf = (place: number) => 1 + ((place * 7919) % 5000)

async function build(count: number, store = memoryLists()) {
  const builder = new ContentBuilder(store.put)
  let sizeBytes = 0
  for (let place = 0; place < count; place += 1) {
    await builder.add({ id: idOf(place), sizeBytes: sizeOf(place) })
    sizeBytes += sizeOf(place)
  }
  return { content: await builder.finish(), sizeBytes, store }
}

async function allOf<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of source) all.push(one)
  return all
}

describe('ContentBuilder', () => {
  test.each([0, 1, CONTENT_IDS_MAX, CONTENT_IDS_MAX + 1, 1024, 1025, 20_000])(
    'makes a content of %i blobs that is found again',
    async (count) => {
      const { content, sizeBytes, store } = await build(count)
      expect(content.sizeBytes).toBe(sizeBytes)
      expect(content.depth === 0).toBe(count <= CONTENT_IDS_MAX)
      const ids = await allOf(contentIds(content, store.get))
      expect(ids).toHaveLength(count)
      expect(ids.every((id, place) => toBase32(id) === toBase32(idOf(place)))).toBe(true)
    },
  )

  test('makes few lists new where a blob is put in between', async () => {
    const { store } = await build(60_000)
    const before = store.lists.size
    expect(before).toBeGreaterThan(6)
    const builder = new ContentBuilder(store.put)
    for (let place = 0; place < 60_000; place += 1) {
      if (place === 30_000) await builder.add({ id: idOf(70_000), sizeBytes: 1 })
      await builder.add({ id: idOf(place), sizeBytes: sizeOf(place) })
    }
    await builder.finish()
    expect(store.lists.size - before).toBeLessThanOrEqual(4)
  })
})

describe('contentRange', () => {
  test.each([20, 20_000])('gives the parts that a range touches, of %i blobs', async (count) => {
    const { content, store } = await build(count)
    const sizes = new Map(Array.from({ length: count }, (_, place) => [toBase32(idOf(place)), sizeOf(place)]))
    const sizeOfId = (id: BlobId) => sizes.get(toBase32(id)) ?? 0
    await fc.assert(
      fc.asyncProperty(fc.nat(content.sizeBytes), fc.nat(30_000), async (start, length) => {
        const range = { start, end: Math.min(content.sizeBytes, start + length) }
        const parts = await allOf(contentRange(content, range, { getList: store.get, sizeOf: sizeOfId }))
        expect(parts).toEqual(partsPlainly(count, range))
      }),
      { numRuns: 30 },
    )
  })

  test('reads no list that it does not need', async () => {
    const { content, store } = await build(20_000)
    let reads = 0
    const getList = (id: BlobId) => {
      reads += 1
      return store.get(id)
    }
    await allOf(contentRange(content, { start: 5, end: 6 }, { getList, sizeOf: () => 0 }))
    expect(reads).toBe(content.depth)
  })
})

function partsPlainly(count: number, range: { readonly start: number; readonly end: number }): ContentPart[] {
  const parts: ContentPart[] = []
  let at = 0
  for (let place = 0; place < count; place += 1) {
    const start = Math.max(0, range.start - at)
    const end = Math.min(sizeOf(place), range.end - at)
    if (start < end) parts.push({ id: idOf(place), start, end })
    at += sizeOf(place)
  }
  return parts
}

describe('parseList', () => {
  test('refuses another level, another size and every other length', async () => {
    const { content, sizeBytes, store } = await build(40)
    const [top] = content.ids
    if (top === undefined) throw new Error('a list is expected')
    const bytes = await store.get(top)
    expect(parseList(bytes, { level: 1, sizeBytes })).toHaveLength(40)
    expect(() => parseList(bytes, { level: 2, sizeBytes })).toThrow(InvalidInputError)
    expect(() => parseList(bytes, { level: 1, sizeBytes: sizeBytes + 1 })).toThrow(InvalidInputError)
    for (let end = 0; end < bytes.length; end += 1) {
      expect(() => parseList(bytes.subarray(0, end), { level: 1, sizeBytes })).toThrow(InvalidInputError)
    }
  })
})
