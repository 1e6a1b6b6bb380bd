/** What every Disk promises (node/platform/platform.ts), run on the real, the memory and the simulated one. */
import { describe, expect, test } from 'vitest'
import { IntegrityError, utf8 } from '#crypto'
import { ConflictError } from '#node'
import type { Disk } from '../../node/platform/platform.ts'

export interface DiskUnderTest extends AsyncDisposable {
  readonly disk: Disk
  /** An empty folder that exists. */
  readonly folder: string
}

export function diskContract(name: string, open: () => Promise<DiskUnderTest>): void {
  describe(`disk contract: ${name}`, () => {
    fileCases(open)
    folderCases(open)
    indexCases(open)
  })
}

async function writeWhole(disk: Disk, path: string, ...parts: readonly Uint8Array[]): Promise<void> {
  const file = await disk.createFile(path)
  for (const part of parts) await file.append(part)
  await file.sync()
  await file.close()
}

async function readWhole(disk: Disk, path: string): Promise<Uint8Array | undefined> {
  const file = await disk.openFile(path)
  if (file === undefined) return undefined
  try {
    return await file.read(0, file.sizeBytes)
  } finally {
    await file.close()
  }
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}

function fileCases(open: () => Promise<DiskUnderTest>): void {
  test('reads back what was appended, whole and in runs', async () => {
    await using under = await open()
    const path = `${under.folder}/file`
    await writeWhole(under.disk, path, utf8('stone '), utf8(''), utf8('upon stone'))
    expect(await readWhole(under.disk, path)).toEqual(utf8('stone upon stone'))
    const file = await under.disk.openFile(path)
    expect(file?.sizeBytes).toBe(16)
    expect(await file?.read(4, 5)).toEqual(utf8('e upo'))
    expect(await file?.read(16, 0)).toEqual(utf8(''))
    await file?.close()
  })

  test('keeps its own copy of appended bytes', async () => {
    await using under = await open()
    const bytes = utf8('before')
    const file = await under.disk.createFile(`${under.folder}/file`)
    await file.append(bytes)
    expect(file.sizeBytes).toBe(6)
    bytes.fill(0)
    await file.close()
    expect(await readWhole(under.disk, `${under.folder}/file`)).toEqual(utf8('before'))
  })

  test('refuses to read past the end', async () => {
    await using under = await open()
    await writeWhole(under.disk, `${under.folder}/file`, utf8('short'))
    const file = await under.disk.openFile(`${under.folder}/file`)
    await expect(file?.read(3, 3)).rejects.toThrow(IntegrityError)
    await file?.close()
  })

  test('does not create over a name that is taken', async () => {
    await using under = await open()
    await writeWhole(under.disk, `${under.folder}/file`, utf8('first'))
    await expect(under.disk.createFile(`${under.folder}/file`)).rejects.toThrow(ConflictError)
    expect(await readWhole(under.disk, `${under.folder}/file`)).toEqual(utf8('first'))
  })

  test('a missing file is undefined, and removing it is no error', async () => {
    await using under = await open()
    expect(await under.disk.openFile(`${under.folder}/none`)).toBeUndefined()
    expect(await under.disk.openFile(`${under.folder}/none/below`)).toBeUndefined()
    await under.disk.removeFile(`${under.folder}/none`)
  })

  test('rename replaces, and a reader of the old file reads on', async () => {
    await using under = await open()
    await writeWhole(under.disk, `${under.folder}/old`, utf8('old'))
    await writeWhole(under.disk, `${under.folder}/new`, utf8('new'))
    const reader = await under.disk.openFile(`${under.folder}/old`)
    await under.disk.rename(`${under.folder}/new`, `${under.folder}/old`)
    await under.disk.syncFolder(under.folder)
    expect(await readWhole(under.disk, `${under.folder}/old`)).toEqual(utf8('new'))
    expect(await readWhole(under.disk, `${under.folder}/new`)).toBeUndefined()
    expect(await reader?.read(0, 3)).toEqual(utf8('old'))
    await under.disk.removeFile(`${under.folder}/old`)
    expect(await reader?.read(0, 3)).toEqual(utf8('old'))
    await reader?.close()
  })
}

function folderCases(open: () => Promise<DiskUnderTest>): void {
  test('makes folders with their parents, lists and removes them', async () => {
    await using under = await open()
    const { disk, folder } = under
    await disk.makeFolder(`${folder}/a/b`)
    await disk.makeFolder(`${folder}/a/b`)
    await writeWhole(disk, `${folder}/a/file`, utf8('x'))
    const listed = (await disk.list(`${folder}/a`)).toSorted((left, right) =>
      left.name < right.name ? -1 : 1,
    )
    expect(listed).toEqual([
      { name: 'b', isFolder: true },
      { name: 'file', isFolder: false },
    ])
    await expect(disk.removeFolder(`${folder}/a`)).rejects.toThrow(ConflictError)
    await disk.removeFile(`${folder}/a/file`)
    await disk.removeFolder(`${folder}/a/b`)
    await disk.removeFolder(`${folder}/a`)
    await disk.removeFolder(`${folder}/a`)
    expect(await disk.list(`${folder}/a`)).toEqual([])
    expect(await disk.list(folder)).toEqual([])
  })

  test('moves a whole folder', async () => {
    await using under = await open()
    await under.disk.makeFolder(`${under.folder}/a/b`)
    await writeWhole(under.disk, `${under.folder}/a/b/file`, utf8('x'))
    await under.disk.rename(`${under.folder}/a`, `${under.folder}/c`)
    expect(await readWhole(under.disk, `${under.folder}/c/b/file`)).toEqual(utf8('x'))
  })

  test('says how much is free', async () => {
    await using under = await open()
    expect(await under.disk.freeBytes(under.folder)).toBeGreaterThan(0)
  })
}

function indexCases(open: () => Promise<DiskUnderTest>): void {
  test('an index keeps its entries in the order of their bytes, across openings', async () => {
    await using under = await open()
    const path = `${under.folder}/index`
    const index = await under.disk.openIndex(path)
    const keys = [Uint8Array.of(2), Uint8Array.of(1, 255), Uint8Array.of(1), Uint8Array.of(200)]
    await index.batch(
      keys.map((key) => ({ type: 'put' as const, key, value: key.slice(0, 1) })),
      { sync: true },
    )
    await index.batch([{ type: 'del', key: Uint8Array.of(2) }], { sync: false })
    await index.close()

    const again = await under.disk.openIndex(path)
    const found = await collect(again.iterator({ gte: Uint8Array.of(1), lt: Uint8Array.of(255) }))
    expect(found.map(([key]) => [...key])).toEqual([[1], [1, 255], [200]])
    expect(await again.get(Uint8Array.of(200))).toEqual(Uint8Array.of(200))
    expect(await again.get(Uint8Array.of(2))).toBeUndefined()
    expect(await again.getMany([Uint8Array.of(9), Uint8Array.of(1)])).toEqual([undefined, Uint8Array.of(1)])
    await again.close()
  })

  test('an iterator sees the entries as they stood when it was asked for', async () => {
    await using under = await open()
    const index = await under.disk.openIndex(`${under.folder}/index`)
    await index.batch([{ type: 'put', key: Uint8Array.of(1), value: utf8('old') }], { sync: false })
    const entries = index.iterator({ gte: Uint8Array.of(0), lt: Uint8Array.of(9) })
    await index.batch([{ type: 'put', key: Uint8Array.of(1), value: utf8('new') }], { sync: false })
    expect((await collect(entries)).map(([, value]) => value)).toEqual([utf8('old')])
    await index.close()
  })

  test('an index has one holder at a time', async () => {
    await using under = await open()
    const index = await under.disk.openIndex(`${under.folder}/index`)
    await expect(under.disk.openIndex(`${under.folder}/index`)).rejects.toThrow(ConflictError)
    await index.close()
  })
}
