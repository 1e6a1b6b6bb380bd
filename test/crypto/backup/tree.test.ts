import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  concat,
  formatRepositoryFile,
  formatSnapshot,
  formatTree,
  formatTreeEntry,
  InvalidInputError,
  parseRepositoryFile,
  parseSnapshot,
  parseTree,
  parseTreeEntry,
  snapshotId,
  type TreeEntry,
} from '#crypto'
import { repositoryFiles, snapshots, treeEntries, trees } from '../../support/backup-arbitraries.ts'

async function bytesOf(entries: readonly TreeEntry[]): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of formatTree(entries)) parts.push(part)
  return concat(...parts)
}

async function entriesOf(source: Iterable<Uint8Array>): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = []
  for await (const entry of parseTree(source)) entries.push(entry)
  return entries
}

describe('a tree', () => {
  test('gives back its entries, however its bytes are split', async () => {
    await fc.assert(
      fc.asyncProperty(trees, fc.integer({ min: 1, max: 300 }), async (entries, partBytes) => {
        const bytes = await bytesOf(entries)
        const parts: Uint8Array[] = []
        for (let at = 0; at < bytes.length; at += partBytes) parts.push(bytes.subarray(at, at + partBytes))
        expect(await entriesOf(parts)).toEqual(entries)
      }),
    )
  })

  test('takes a large record in very many small buffers', async () => {
    const [first] = fc.sample(treeEntries, { numRuns: 1, seed: 3 })
    if (first === undefined) throw new Error('an entry is expected')
    const attributes = [{ name: Uint8Array.of(1), value: new Uint8Array(200_000).fill(7) }]
    const bytes = await bytesOf([{ ...first, attributes }])
    const source = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1))
    const [entry] = await entriesOf(source)
    expect(entry?.attributes?.[0]?.value).toHaveLength(200_000)
  })

  test('refuses entries out of order, twice, and cut short', async () => {
    await fc.assert(
      fc.asyncProperty(
        trees.filter((entries) => entries.length > 1),
        async (entries) => {
          await expect(bytesOf(entries.toReversed())).rejects.toThrow(InvalidInputError)
          const bytes = await bytesOf(entries)
          await expect(entriesOf([bytes, bytes])).rejects.toThrow(InvalidInputError)
          await expect(entriesOf([bytes.subarray(0, -1)])).rejects.toThrow(InvalidInputError)
        },
      ),
      { numRuns: 30 },
    )
  })
})

test('an entry, a snapshot and a repository file have one form', () => {
  fc.assert(
    fc.property(treeEntries, snapshots, repositoryFiles, (entry, snapshot, repository) => {
      const entryBytes = formatTreeEntry(entry)
      expect(parseTreeEntry(entryBytes)).toEqual(entry)
      const snapshotBytes = formatSnapshot(snapshot)
      expect(parseSnapshot(snapshotBytes)).toEqual({ ...snapshot, id: snapshotId(snapshotBytes) })
      const file = parseRepositoryFile(formatRepositoryFile(repository))
      expect(file.createdAtMilliseconds).toBe(repository.createdAtMilliseconds)
      expect(file.contentKey.reveal()).toEqual(repository.contentKey.reveal())
      expect(file.dropPrivateKey?.reveal()).toEqual(repository.dropPrivateKey?.reveal())
    }),
  )
})
