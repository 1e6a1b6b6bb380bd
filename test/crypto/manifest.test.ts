import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asStorageIndex,
  asTreeHash,
  ENCODING_DEFAULT,
  formatManifest,
  formatShareFooter,
  GridError,
  IntegrityError,
  InvalidInputError,
  LAYOUT,
  MATRIX,
  type Manifest,
  manifestRoot,
  parseManifest,
  parseManifestOf,
  parseShareFooter,
  SEGMENT_COUNT_MAX,
} from '#crypto'

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const manifests: fc.Arbitrary<Manifest> = fc
  .record({
    shares: fc.tuple(fc.integer({ min: 1, max: 255 }), fc.integer({ min: 1, max: 255 })),
    layout: fc.constantFrom(...Object.values(LAYOUT)),
    segmentSizeBytes: fc.integer({ min: 1024, max: 4 * 1024 * 1024 }),
    fileSizeBytes: fc.integer({ min: 0, max: 1024 * SEGMENT_COUNT_MAX }),
    hashes: fc.tuple(hash, hash, hash),
  })
  .map(({ shares, layout, segmentSizeBytes, fileSizeBytes, hashes }) => {
    const totalShares = Math.max(...shares)
    return {
      encoding: {
        neededShares: Math.min(...shares),
        totalShares,
        matrix: MATRIX.vandermonde,
        layout,
        segmentSizeBytes,
      },
      fileSizeBytes,
      storageIndex: asStorageIndex(hashes[0]),
      sealedRoot: asTreeHash(hashes[1]),
      shareRoots: Array.from({ length: totalShares }, () => asTreeHash(hashes[2])),
    }
  })

const example: Manifest = {
  encoding: { ...ENCODING_DEFAULT, neededShares: 2, totalShares: 3 },
  fileSizeBytes: 5_000_000,
  storageIndex: asStorageIndex(new Uint8Array(32).fill(1)),
  sealedRoot: asTreeHash(new Uint8Array(32).fill(2)),
  shareRoots: [3, 4, 5].map((value) => asTreeHash(new Uint8Array(32).fill(value))),
}

describe('parseManifest', () => {
  test('undoes formatManifest', () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        expect(parseManifest(formatManifest(manifest))).toEqual(manifest)
      }),
    )
  })

  test('refuses each value outside its limits', () => {
    const change = (offset: number, ...values: readonly number[]) => {
      const bytes = formatManifest(example)
      bytes.set(values, offset)
      return () => parseManifest(bytes)
    }
    expect(change(0, 2)).toThrow('version 1 wanted, found 2')
    expect(change(1, 0)).toThrow('found 0 of 3')
    expect(change(1, 4)).toThrow('found 4 of 3')
    expect(change(3, 99)).toThrow('unknown matrix')
    expect(change(4, 99)).toThrow('unknown layout')
    expect(change(5, 0, 0, 0, 1)).toThrow('segment size')
    expect(change(5, 255)).toThrow('segment size')
    expect(change(9, 255)).toThrow('2^53')
    expect(change(9, 0, 31)).toThrow('segments wanted')
    expect(change(2, 4)).toThrow('wanted, found')
    expect(change(2, 2)).toThrow('32 bytes too many')
  })

  test('answers random and damaged bytes with an error of ours, and nothing else', () => {
    const sound = formatManifest(example)
    const damaged = fc
      .tuple(fc.nat(sound.length - 1), fc.nat(255), fc.nat(sound.length))
      .map(([at, value, end]) => {
        const bytes = sound.slice(0, end)
        if (at < end) bytes[at] = value
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), damaged), (bytes) => {
        try {
          expect(formatManifest(parseManifest(bytes))).toEqual(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidInputError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('parseManifestOf', () => {
  const bytes = formatManifest(example)
  const root = manifestRoot(bytes)

  test('reads the manifest that a capability commits to', () => {
    expect(parseManifestOf({ storageIndex: example.storageIndex, root }, bytes)).toEqual(example)
  })

  test('refuses every other byte string', () => {
    for (let position = 0; position < bytes.length; position += 1) {
      const changed = bytes.slice()
      changed[position] = (changed[position] ?? 0) ^ 1
      expect(() => parseManifestOf({ storageIndex: example.storageIndex, root }, changed)).toThrow(
        IntegrityError,
      )
    }
  })

  test('refuses a manifest made under another key', () => {
    const storageIndex = asStorageIndex(new Uint8Array(32))
    expect(() => parseManifestOf({ storageIndex, root }, bytes)).toThrow('another key')
  })
})

describe('parseShareFooter', () => {
  test('undoes formatShareFooter and refuses anything else', () => {
    const footer = { manifestSizeBytes: 401, shareNumber: 7 }
    expect(parseShareFooter(formatShareFooter(footer))).toEqual(footer)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
        try {
          parseShareFooter(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(GridError)
        }
      }),
    )
    expect(() =>
      parseShareFooter(formatShareFooter({ manifestSizeBytes: 1_000_000, shareNumber: 7 })),
    ).toThrow('too large')
  })
})
