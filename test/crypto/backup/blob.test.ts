import { readFileSync } from 'node:fs'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asBlobId,
  asBlobIdKey,
  BLOB_SIZE_MAX_BYTES,
  type BlobEntry,
  type BlobKind,
  blobId,
  equalBytes,
  IntegrityError,
  nobleBulkCrypto,
  openBlob,
  sha256Small,
  storedForm,
} from '#crypto'
import { pattern } from '../../support/pattern.ts'

const blobIdKey = asBlobIdKey(pattern(1, 32))
const opener = {
  blobIdKey,
  bulk: nobleBulkCrypto,
  decompress: (frame: Uint8Array, sizeMaxBytes: number) =>
    zstdDecompressSync(frame, { maxOutputLength: sizeMaxBytes }),
}

function stored(kind: BlobKind, plain: Uint8Array) {
  const { compression, bytes } = storedForm(plain, zstdCompressSync(plain))
  const id = blobId(blobIdKey, kind, sha256Small(plain))
  const entry: BlobEntry = {
    ...{ kind, compression, id },
    ...{ storedSizeBytes: bytes.length, plainSizeBytes: plain.length },
  }
  return { entry, bytes }
}

const plains = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 300 }),
  fc.integer({ min: 1, max: 5000 }).map((size) => new Uint8Array(size).fill(99)),
)

describe('openBlob', () => {
  test('undoes storedForm, compressed or not', async () => {
    const seen = new Set<string>()
    await fc.assert(
      fc.asyncProperty(plains, fc.constantFrom<BlobKind>('data', 'tree', 'list'), async (plain, kind) => {
        const { entry, bytes } = stored(kind, plain)
        seen.add(entry.compression)
        expect(equalBytes(await openBlob(opener, entry, bytes), plain)).toBe(true)
      }),
    )
    expect(seen).toEqual(new Set(['stored', 'zstd']))
  })

  test('refuses every flip, every other length, and what another row says of it', async () => {
    for (const plain of [pattern(2, 40), new Uint8Array(500).fill(99)]) {
      const { entry, bytes } = stored('data', plain)
      const refuses = async (row: BlobEntry, one: Uint8Array) => {
        await expect(openBlob(opener, row, one)).rejects.toThrow(IntegrityError)
      }
      for (let at = 0; at < bytes.length; at += 1) {
        const flipped = bytes.map((byte, place) => (place === at ? byte ^ 0x10 : byte))
        const opened = await openBlob(opener, entry, flipped).catch((error: unknown) => error)
        // Some bits of a frame mean nothing: then the blob is what it was.
        if (opened instanceof Uint8Array) expect(equalBytes(opened, plain)).toBe(true)
        else expect(opened).toBeInstanceOf(IntegrityError)
      }
      await refuses(entry, bytes.subarray(1))
      await refuses({ ...entry, storedSizeBytes: bytes.length - 1 }, bytes.subarray(0, -1))
      await refuses({ ...entry, kind: 'tree' }, bytes)
      await refuses({ ...entry, plainSizeBytes: plain.length - 1 }, bytes)
      await refuses({ ...entry, plainSizeBytes: plain.length + 1 }, bytes)
      await refuses({ ...entry, id: blobId(blobIdKey, 'data', sha256Small(pattern(3, 9))) }, bytes)
    }
  })

  test('opens the blobs of the vectors', async () => {
    const file = new URL('../../vectors/v1/backup_blob.json', import.meta.url)
    const vectors: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (!Array.isArray(vectors)) throw new Error('a list of vectors is expected')
    for (const { blobIdKey: key, kind, compression, id, ...vector } of vectors) {
      const [storedBytes, plain] = [Buffer.from(vector.stored, 'hex'), Buffer.from(vector.plain, 'hex')]
      const entry = {
        ...{ kind, compression, id: asBlobId(Buffer.from(id, 'hex')) },
        ...{ storedSizeBytes: storedBytes.length, plainSizeBytes: plain.length },
      }
      const opened = await openBlob(
        { ...opener, blobIdKey: asBlobIdKey(Buffer.from(key, 'hex')) },
        entry,
        storedBytes,
      )
      expect(equalBytes(opened, plain)).toBe(true)
    }
    expect(vectors.length).toBeGreaterThan(5)
  })

  test('makes no more bytes of a frame than its row says', async () => {
    const { entry, bytes } = stored('data', new Uint8Array(BLOB_SIZE_MAX_BYTES))
    expect(bytes.length).toBeLessThan(1000)
    const limits: number[] = []
    const decompress = (frame: Uint8Array, sizeMaxBytes: number) => {
      limits.push(sizeMaxBytes)
      return opener.decompress(frame, sizeMaxBytes)
    }
    const opening = openBlob({ ...opener, decompress }, { ...entry, plainSizeBytes: 100 }, bytes)
    await expect(opening).rejects.toThrow(IntegrityError)
    expect(limits).toEqual([100])
  })
})
