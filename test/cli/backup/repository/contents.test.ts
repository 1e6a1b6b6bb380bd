import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  asBlobId,
  asCutKey,
  type BlobId,
  type BlobKind,
  CONTENT_IDS_MAX,
  compareBytes,
  concat,
  IntegrityError,
  Secret,
  type TreeEntry,
  toBase32,
  utf8,
} from '#crypto'
import { NotFoundError } from '#node'
import { ContentReader } from '../../../../cli/backup/repository/content-reader.ts'
import { ContentWriter } from '../../../../cli/backup/repository/content-writer.ts'
import { hasContent } from '../../../../cli/backup/repository/has-content.ts'
import { SimRandom } from '../../../sim/sim-random.ts'
import { collect } from '../../../support/grid-stages.ts'
import { entryOf } from '../../../support/saved-folders.ts'

class FakeBlobs {
  readonly blobs = new Map<string, { readonly kind: BlobKind; readonly bytes: Uint8Array }>()
  /** Of data and lists, as they are read. */
  readonly read: string[] = []

  readonly put = async (kind: BlobKind, bytes: Uint8Array) => {
    const id = asBlobId(new Uint8Array(createHash('sha256').update(kind).update(bytes).digest()))
    const isNew = !this.blobs.has(toBase32(id))
    this.blobs.set(toBase32(id), { kind, bytes })
    return { id, isNew, storedBytes: isNew ? bytes.length : 0 }
  }

  readonly has = async (id: BlobId) => this.blobs.has(toBase32(id))

  readonly getKind = async (kind: BlobKind, id: BlobId) => {
    const blob = this.blobs.get(toBase32(id))
    if (blob === undefined) throw new NotFoundError('no pack has it')
    if (blob.kind !== kind) throw new IntegrityError('it is of another kind')
    this.read.push(kind)
    return blob.bytes.slice()
  }

  readonly sizeOf = async (id: BlobId) => this.blobs.get(toBase32(id))?.bytes.length ?? 0
}

const random = new SimRandom(1)
const CUT_KEY = new Secret(asCutKey(random.bytes(32)))

function newContents() {
  const blobs = new FakeBlobs()
  return { blobs, writer: new ContentWriter(blobs, CUT_KEY), reader: new ContentReader(blobs) }
}

/** Random enough to be cut, and made quickly. */
function longBytes(sizeBytes: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4))
  let state = seed
  for (let index = 0; index < words.length; index += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    words[index] = state ^ (state >>> 15)
  }
  return new Uint8Array(words.buffer, 0, sizeBytes)
}

async function* inParts(bytes: Uint8Array, partBytes = 1_000_003): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += partBytes) yield bytes.slice(start, start + partBytes)
}

async function joined(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return concat(...(await collect(parts)))
}

function expectSame(found: Uint8Array, wanted: Uint8Array): void {
  expect([found.length, Buffer.compare(found, wanted)]).toEqual([wanted.length, 0])
}

describe('contents', () => {
  test('of any length come back', async () => {
    const { writer, reader } = newContents()
    for (const sizeBytes of [0, 1, 5000, 262_144, 262_145, 3_000_000]) {
      const bytes = longBytes(sizeBytes, sizeBytes)
      const { content, addedBytes } = await writer.putContent(inParts(bytes))
      expect([content.sizeBytes, addedBytes]).toEqual([sizeBytes, sizeBytes])
      expectSame(await joined(reader.readContent(content)), bytes)
    }
  })

  test('of many blobs come back through lists, and parts of them without the rest', async () => {
    const { blobs, writer, reader } = newContents()
    const bytes = longBytes(48_000_000, 7)
    const { content } = await writer.putContent(inParts(bytes))
    expect(content.depth).toBe(1)
    expect(blobs.blobs.size).toBeGreaterThan(CONTENT_IDS_MAX)
    expectSame(await joined(reader.readContent(content)), bytes)
    for (const [start, end] of [
      [0, 1],
      [20_000_000, 20_000_100],
      [47_999_990, 99_000_000],
      [1_000_000, 3_000_000],
      [99_000_000, 99_000_001],
    ] as const) {
      blobs.read.length = 0
      expectSame(
        await joined(reader.readContent(content, { range: { start, end } })),
        bytes.slice(start, end),
      )
      expect(blobs.read.length).toBeLessThan(9)
    }
    expect(await hasContent({ blobs, contents: reader }, content)).toBe(true)
    const [list] = content.ids
    if (list === undefined) throw new Error('a list stands at the top')
    blobs.blobs.delete(toBase32(list))
    expect(await hasContent({ blobs, contents: reader }, content)).toBe(false)
    await expect(joined(reader.readContent(content))).rejects.toThrow(NotFoundError)
  })

  test('that have much in common share blobs', async () => {
    const { writer } = newContents()
    const bytes = longBytes(20_000_000, 3)
    await writer.putContent(inParts(bytes))
    const changed = concat(bytes.subarray(0, 9_000_000), utf8('some more'), bytes.subarray(9_000_000))
    const { addedBytes } = await writer.putContent(inParts(changed))
    expect(addedBytes).toBeLessThan(9_000_000)
    expect((await writer.putContent(inParts(bytes, 77_777))).addedBytes).toBe(0)
  })

  test('are refused where blobs are of another kind, or come to another size', async () => {
    const { blobs, writer, reader } = newContents()
    const { content } = await writer.putContent(inParts(longBytes(1000, 1)))
    await expect(collect(reader.readTree(content))).rejects.toThrow(IntegrityError)
    const longer = { ...content, sizeBytes: 1001 }
    await expect(joined(reader.readContent(longer))).rejects.toThrow(IntegrityError)
    expect(blobs.read).toEqual(['data'])
  })

  test('give up when they are told to', async () => {
    const { writer, reader } = newContents()
    const { content } = await writer.putContent(inParts(longBytes(9_000_000, 1)))
    const given = new AbortController()
    const reading = async () => {
      for await (const _ of reader.readContent(content, { signal: given.signal }))
        given.abort(new Error('enough'))
    }
    await expect(reading()).rejects.toThrow('enough')
  })
})

/** As different from others as entries are. */
function newEntry(name: string): TreeEntry {
  const numbers = { inode: BigInt(random.u32()), modifiedAtNanoseconds: BigInt(random.u32()) * 1_234_567n }
  return { ...entryOf(name, 'fifo', undefined), ...numbers }
}

describe('trees', () => {
  test('of many entries come back in order, and a changed entry makes few blobs new', async () => {
    const { writer, reader } = newContents()
    const entries = Array.from({ length: 20_000 }, (_, number) => newEntry(`entry ${number}`)).sort(
      (left, right) => compareBytes(left.name, right.name),
    )
    const { content, addedBytes } = await writer.putTree(entries)
    const found: TreeEntry[] = []
    for await (const entry of reader.readTree(content)) found.push(entry)
    expect(found.length).toBe(entries.length)
    expect(found[12_345]).toEqual(entries[12_345])
    const changed = entries.with(12_345, newEntry('entry 12345x'))
    changed.sort((left, right) => compareBytes(left.name, right.name))
    const again = await writer.putTree(changed)
    expect(again.addedBytes).toBeLessThan(addedBytes / 3)
    expect((await writer.putTree(entries)).addedBytes).toBe(0)
  })
})
