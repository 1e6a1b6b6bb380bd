import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  concat,
  formatFreedRecord,
  formatIndexFile,
  formatPackEnd,
  formatRows,
  InvalidInputError,
  LITERAL_SIZE_MAX_BYTES,
  PACK_FOOTER_SIZE_BYTES,
  PACK_ROW_SIZE_BYTES,
  paddedSize,
  parseFreedRecord,
  parseIndexFile,
  parsePackTable,
  readPackTable,
} from '#crypto'
import { fileCapabilities } from '../../support/arbitraries.ts'
import { blobLists } from '../../support/backup-arbitraries.ts'

describe('a pack', () => {
  test('gives back its table, by one read where it is small', async () => {
    await fc.assert(
      fc.asyncProperty(blobLists, async (entries) => {
        const end = formatPackEnd(entries)
        const blobsBytes = entries.reduce((sum, { storedSizeBytes }) => sum + storedSizeBytes, 0)
        const pack = concat(new Uint8Array(blobsBytes), end.bytes)
        expect(pack.length).toBe(end.packSizeBytes)
        let reads = 0
        const table = await readPackTable(pack.length, async ({ start, end: stop }) => {
          reads += 1
          return pack.subarray(start, stop)
        })
        expect(reads).toBe(1)
        expect(table).toEqual({ packId: end.packId, rows: end.rows, packSizeBytes: pack.length })
        expect(table.rows.map(({ offsetBytes: _, ...entry }) => entry)).toEqual(entries)
      }),
    )
  })

  test('of one small blob is no literal', () => {
    const { bytes, packSizeBytes } = formatPackEnd([entry(1)])
    expect([packSizeBytes, bytes.length]).toEqual([128, 127])
    expect(packSizeBytes).toBeGreaterThan(LITERAL_SIZE_MAX_BYTES)
  })

  test('has a size of the Padmé rule', () => {
    expect([0, 128, 129, 1000, 1_000_001, 33_554_432, 33_554_433].map(paddedSize)).toEqual([
      128, 128, 144, 1024, 1_015_808, 33_554_432, 34_603_008,
    ])
    fc.assert(
      fc.property(fc.integer({ min: 128, max: 2 ** 30 }), (size) => {
        const padded = paddedSize(size)
        expect(padded).toBeGreaterThanOrEqual(size)
        expect(padded).toBeLessThanOrEqual(size * 1.125)
        expect(paddedSize(padded)).toBe(padded)
      }),
    )
  })

  test('refuses a footer of something else, and one with too many rows for the pack', async () => {
    const { bytes, packSizeBytes } = formatPackEnd([entry(10)])
    const pack = concat(new Uint8Array(10), bytes)
    expect(pack.length).toBe(packSizeBytes)
    const refused = async (changed: Uint8Array) => {
      const read = readPackTable(changed.length, async ({ start, end }) => changed.subarray(start, end))
      await expect(read).rejects.toThrow(InvalidInputError)
    }
    for (let at = pack.length - PACK_FOOTER_SIZE_BYTES; at < pack.length; at += 1) {
      await refused(pack.map((byte, place) => (place === at ? byte ^ 1 : byte)))
    }
    await refused(pack.subarray(1))
    await refused(concat(new Uint8Array(200), pack))
    await refused(new Uint8Array(3))
  })
})

function entry(sizeBytes: number) {
  const blob = { kind: 'data', compression: 'stored' } as const
  const id = fc.sample(blobLists, { numRuns: 1, seed: 1 })[0]?.[0]?.id
  if (id === undefined) throw new Error('an id is expected')
  return { ...blob, id, storedSizeBytes: sizeBytes, plainSizeBytes: sizeBytes }
}

describe('parsePackTable', () => {
  test('undoes formatRows', () => {
    fc.assert(
      fc.property(blobLists, (entries) => {
        const bytes = formatRows(entries)
        expect(bytes.length).toBe(entries.length * PACK_ROW_SIZE_BYTES)
        expect(formatRows(parsePackTable(bytes).rows)).toEqual(bytes)
      }),
    )
  })
})

describe('index files and records of freed packs', () => {
  test('of one blob are no literals', () => {
    const index = formatIndexFile([parsePackTable(formatRows([entry(1)]))])
    expect(index.length).toBe(128)
    expect([...parseIndexFile(index)]).toHaveLength(1)
  })

  test('give back their tables, in the order of the ids', () => {
    fc.assert(
      fc.property(fc.array(blobLists, { minLength: 1, maxLength: 5 }), fileCapabilities, (lists, file) => {
        const tables = lists.map((entries) => parsePackTable(formatRows(entries)))
        const index = formatIndexFile(tables)
        const found = [...parseIndexFile(index)]
        expect(formatIndexFile(found.toReversed())).toEqual(index)
        expect(new Set(found.map(({ packId }) => packId.join()))).toEqual(
          new Set(tables.map(({ packId }) => packId.join())),
        )
        const freed = formatFreedRecord({
          freedAtMilliseconds: 7,
          packs: tables.map((table) => ({ ...table, file })),
        })
        const record = parseFreedRecord(freed)
        expect(formatFreedRecord(record)).toEqual(freed)
        expect(record.packs.map(({ packId }) => packId)).toEqual(found.map(({ packId }) => packId))
      }),
    )
  })
})
