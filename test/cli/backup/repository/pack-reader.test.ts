import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type FileReadCapability, IntegrityError } from '#crypto'
import type { GridFiles } from '#gateway'
import { NotEnoughSharesError } from '#node'
import { RUN_SIZE_BYTES, RUNS_AHEAD_MAX } from '../../../../cli/backup/repository/limits.ts'
import { PackReader } from '../../../../cli/backup/repository/pack-reader.ts'
import { SimRandom } from '../../../sim/sim-random.ts'
import { randomFile } from '../../../support/blob-rows.ts'

const random = new SimRandom(1)

interface FakePack {
  readonly number: number
  readonly capability: FileReadCapability
  readonly bytes: Uint8Array
  readonly sizeBytes: number
}

function packOf(number: number, sizeBytes: number): FakePack {
  const bytes = new Uint8Array(sizeBytes)
  for (let offset = 0; offset < sizeBytes; offset += 977) bytes[offset] = random.below(256)
  return { number, capability: randomFile(random), bytes, sizeBytes }
}

class FakeFiles {
  readonly ranges: { readonly start: number; readonly end: number }[] = []
  /** Of the next calls. */
  failures: Error[] = []
  readonly #packs: readonly FakePack[]

  constructor(packs: readonly FakePack[]) {
    this.#packs = packs
  }

  readonly get: GridFiles['get'] = async (capability, options = {}) => {
    const pack = this.#packs.find((one) => one.capability === capability)
    const start = options.range?.start ?? 0
    if (pack === undefined) throw new Error('there is no such pack')
    const end = Math.min(options.range?.end ?? pack.sizeBytes, pack.sizeBytes)
    this.ranges.push({ start, end })
    const failure = this.failures.shift()
    async function* content(bytes: Uint8Array) {
      for (let offset = start; offset < end; offset += 700_001) {
        if (failure !== undefined && offset > start) throw failure
        yield bytes.slice(offset, Math.min(end, offset + 700_001))
      }
      if (failure !== undefined) throw failure
    }
    return {
      fileSizeBytes: pack.sizeBytes,
      range: { start, end },
      content: content(pack.bytes),
      failures: () => [],
      close: async () => undefined,
    }
  }
}

const packs = [packOf(0, 5 * RUN_SIZE_BYTES + 12_345), packOf(1, 900), packOf(2, 2 * RUN_SIZE_BYTES)]

const reads = fc.array(
  fc.record({
    pack: fc.constantFrom(...packs),
    from: fc.double({ min: 0, max: 0.999, noNaN: true }),
    size: fc.integer({ min: 1, max: 1_500_000 }),
  }),
  { minLength: 1, maxLength: 12 },
)

describe('a reader of packs', () => {
  test('gives what stands there, however it is asked', async () => {
    await fc.assert(
      fc.asyncProperty(reads, fc.boolean(), async (wanted, atOnce) => {
        const reader = new PackReader(new FakeFiles(packs))
        const read = async ({ pack, from, size }: (typeof wanted)[number]) => {
          const start = Math.floor(from * pack.sizeBytes)
          const end = Math.min(pack.sizeBytes, start + size)
          const bytes = await reader.read(pack, { start, end })
          expect(Buffer.compare(bytes, pack.bytes.subarray(start, end))).toBe(0)
        }
        if (atOnce) await Promise.all(wanted.map(read))
        else for (const one of wanted) await read(one)
        await reader[Symbol.asyncDispose]()
      }),
      { numRuns: 40 },
    )
  })

  test('fetches nothing twice, and more at a time where it goes on and on', async () => {
    const pack = packOf(0, 30 * RUN_SIZE_BYTES)
    const files = new FakeFiles([pack])
    const reader = new PackReader(files)
    const step = 50_000
    for (let start = 0; start < pack.sizeBytes; start += step) {
      await reader.read(pack, { start, end: Math.min(pack.sizeBytes, start + step) })
    }
    const fetched = files.ranges.reduce((sum, { start, end }) => sum + end - start, 0)
    expect(fetched).toBe(pack.sizeBytes)
    expect(files.ranges.length).toBeLessThan(12)
    const longest = Math.max(...files.ranges.map(({ start, end }) => end - start))
    expect(longest).toBeLessThanOrEqual((1 + RUNS_AHEAD_MAX) * RUN_SIZE_BYTES)
    // One here and one there fetches no more than it must.
    const other = new FakeFiles([pack])
    const jumping = new PackReader(other)
    for (const run of [20, 3, 11])
      await jumping.read(pack, { start: run * RUN_SIZE_BYTES, end: run * RUN_SIZE_BYTES + 1 })
    expect(other.ranges.every(({ start, end }) => end - start === RUN_SIZE_BYTES)).toBe(true)
  })

  test('tells a failure to whoever waits for it, and tries again for the next', async () => {
    const [pack] = packs
    if (pack === undefined) throw new Error('there are packs')
    const files = new FakeFiles(packs)
    files.failures = [new NotEnoughSharesError('servers are away')]
    const reader = new PackReader(files)
    const range = { start: 10, end: 3 * RUN_SIZE_BYTES }
    const both = await Promise.allSettled([reader.read(pack, range), reader.read(pack, range)])
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(files.ranges).toHaveLength(1)
    expect(await reader.read(pack, range)).toEqual(pack.bytes.slice(range.start, range.end))
  })

  test('refuses what the pack has not, and a pack that is another', async () => {
    const [pack] = packs
    if (pack === undefined) throw new Error('there are packs')
    const reader = new PackReader(new FakeFiles(packs))
    await expect(reader.read(pack, { start: 0, end: pack.sizeBytes + 1 })).rejects.toThrow(IntegrityError)
    const longer = { ...pack, sizeBytes: pack.sizeBytes + 1 }
    await expect(reader.read(longer, { start: 0, end: 10 })).rejects.toThrow(IntegrityError)
  })

  test('lets go of who gives up, and of all when it is closed', async () => {
    const [pack] = packs
    if (pack === undefined) throw new Error('there are packs')
    const files = new FakeFiles(packs)
    const begun = Promise.withResolvers<AbortSignal | undefined>()
    const reader = new PackReader({
      get: (capability, options) => {
        begun.resolve(options?.signal)
        return new Promise((_, reject) => {
          options?.signal?.addEventListener('abort', () => reject(options.signal?.reason))
          void capability
        })
      },
    })
    expect(files.ranges).toEqual([])
    const one = new AbortController()
    const first = reader.read(pack, { start: 0, end: 10 }, { signal: one.signal })
    const second = reader.read(pack, { start: 0, end: 10 })
    const signal = await begun.promise
    one.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    expect(signal?.aborted).toBe(false)
    const closed = reader[Symbol.asyncDispose]()
    await expect(second).rejects.toThrow(/closed/)
    await closed
  })
})
