import { beforeEach, describe, expect, test, vi } from 'vitest'
import {
  type Capability,
  isSameCapability,
  literalCapability,
  toBase32,
  toReadCapability,
  toVerifyCapability,
  utf8,
} from '#crypto'
import {
  ConflictError,
  checkDeep,
  type DeepReport,
  type DirectoryCapability,
  type DirectoryChange,
  type DirectoryOptions,
  editDirectory,
  findPath,
  isDirectory,
  makeDirectory,
  makeTree,
  type NamedChild,
  NotFoundError,
  openDirectory,
  repairDeep,
  UnhappyError,
  uploadFile,
  verifyDeep,
  walkDirectory,
} from '#node'
import { ENCODING, fileSource, MemoryGrid } from '../../support/memory-grid.ts'

const OPTIONS: DirectoryOptions = { encoding: ENCODING, happyServers: 4, replicas: 7 }

let grid: MemoryGrid
beforeEach(async () => {
  grid = await MemoryGrid.open(7)
})

function set(
  name: string,
  capability: NamedChild['capability'] = literalCapability(utf8(name)),
): DirectoryChange {
  return { kind: 'set', name, capability, metadata: { sizeBytes: name.length }, ifExists: 'refuse' }
}

async function namesIn(capability: DirectoryCapability): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { name } of (await openDirectory(grid, capability, OPTIONS)).entries()) names.push(name)
  return names
}

async function allOf<T>(source: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const item of source) all.push(item)
  return all
}

describe('a directory', () => {
  test('has what was put into it, by name', async () => {
    const directory = await makeDirectory(grid, [set('b'), set('a')], OPTIONS)
    await editDirectory(
      grid,
      directory,
      [set('c'), { kind: 'remove', name: 'b', ifMissing: 'refuse' }],
      OPTIONS,
    )
    expect(await namesIn(directory)).toEqual(['a', 'c'])
    const opened = await openDirectory(grid, directory, OPTIONS)
    expect(await opened.find('a')).toMatchObject({ name: 'a', metadata: { sizeBytes: 1 } })
    expect(await opened.find('b')).toBeUndefined()
  })

  test('finds a name in whichever form of Unicode it is asked for', async () => {
    const directory = await makeDirectory(grid, [set('A\u0308pfel')], OPTIONS)
    const opened = await openDirectory(grid, directory, OPTIONS)
    expect((await opened.find('\u00c4pfel'))?.name).toBe('\u00c4pfel')
    await expect(
      editDirectory(
        grid,
        directory,
        [set('A\u0308pfel2'), set('\u00c4pfel', literalCapability(utf8('other')))],
        OPTIONS,
      ),
    ).rejects.toThrow(ConflictError)
    expect(await namesIn(directory)).toEqual(['\u00c4pfel'])
  })

  test('makes all changes of an edit, or none', async () => {
    const directory = await makeDirectory(grid, [set('a')], OPTIONS)
    const edit = [set('b'), { kind: 'remove', name: 'missing', ifMissing: 'refuse' }] as const
    await expect(editDirectory(grid, directory, edit, OPTIONS)).rejects.toThrow(NotFoundError)
    expect(await namesIn(directory)).toEqual(['a'])
    const same = await editDirectory(grid, directory, [set('a')], OPTIONS)
    expect(same).toMatchObject({ changed: false, sequence: 1 })
  })

  test('renames within itself at once', async () => {
    const directory = await makeDirectory(grid, [set('a'), set('b')], OPTIONS)
    const rename = (from: string, to: string, ifExists: 'refuse' | 'replace') =>
      editDirectory(grid, directory, [{ kind: 'rename', from, to, ifExists }], OPTIONS)
    await expect(rename('a', 'b', 'refuse')).rejects.toThrow(ConflictError)
    await expect(rename('x', 'y', 'refuse')).rejects.toThrow(NotFoundError)
    await rename('a', 'b', 'replace')
    const b = await (await openDirectory(grid, directory, OPTIONS)).find('b')
    expect(b?.capability).toEqual(literalCapability(utf8('a')))
    expect(await namesIn(directory)).toEqual(['b'])
    await rename('b', 'b', 'refuse')
    expect(await namesIn(directory)).toEqual(['b'])
  })

  test('gives its readers read capabilities only, all the way down', async () => {
    const inner = await makeDirectory(grid, [set('leaf')], OPTIONS)
    const middle = await makeDirectory(grid, [set('inner', inner)], OPTIONS)
    const outer = await makeDirectory(grid, [set('middle', middle)], OPTIONS)
    const written = await findPath(grid, outer, ['middle', 'inner'], OPTIONS)
    expect(isSameCapability(written.capability, inner)).toBe(true)
    const read = await findPath(grid, toReadCapability(outer), ['middle', 'inner'], OPTIONS)
    expect(isSameCapability(read.capability, toReadCapability(inner))).toBe(true)
    expect(read.name).toBe('inner')
    const walked = await allOf(walkDirectory(grid, requireReadable(toReadCapability(outer)), OPTIONS))
    expect(walked.map(({ path, child }) => [path.join('/'), child.capability.access])).toEqual([
      ['middle', 'read'],
      ['middle/inner', 'read'],
      ['middle/inner/leaf', 'read'],
    ])
  })

  test('says how far a path led', async () => {
    const inner = await makeDirectory(grid, [set('file')], OPTIONS)
    const outer = await makeDirectory(grid, [set('inner', inner)], OPTIONS)
    await expect(findPath(grid, outer, ['inner', 'x', 'y'], OPTIONS)).rejects.toThrow(
      'no entry "x" in "inner"',
    )
    await expect(findPath(grid, outer, ['inner', 'file', 'y'], OPTIONS)).rejects.toThrow(
      '"inner/file" is not a directory',
    )
  })

  test('is edited as it was opened, without reading it again, unless others have changed it since', async () => {
    const directory = await makeDirectory(grid, [set('a')], OPTIONS)
    const client = grid.anotherClient()
    const reads = grid.ring().map(({ server }) => vi.spyOn(server, 'readSlots'))
    const readCount = (): number => reads.reduce((sum, { mock }) => sum + mock.calls.length, 0)
    await openDirectory(client, directory, OPTIONS)
    const opened = readCount()
    expect(opened).toBeGreaterThan(0)
    await editDirectory(client, directory, [set('b')], OPTIONS)
    expect(readCount()).toBe(opened)
    await openDirectory(client, directory, OPTIONS)
    await editDirectory(grid, directory, [set('c')], OPTIONS)
    await editDirectory(client, directory, [set('d')], OPTIONS)
    expect(await namesIn(directory)).toEqual(['a', 'b', 'c', 'd'])
  })

  test('is walked once though it holds itself', async () => {
    const directory = await makeDirectory(grid, [], OPTIONS)
    await editDirectory(grid, directory, [set('me', directory)], OPTIONS)
    expect(await allOf(walkDirectory(grid, directory, OPTIONS))).toHaveLength(1)
    expect(await allOf(checkDeep(grid, toVerifyCapability(directory), OPTIONS))).toHaveLength(1)
  })

  test('takes a thousand names at once, from two clients, and has them all', async () => {
    const directory = await makeDirectory(grid, [], OPTIONS)
    const other = grid.anotherClient()
    await Promise.all(
      Array.from({ length: 500 }, (_, number) => [
        editDirectory(grid, directory, [set(`mine ${number}`)], OPTIONS),
        editDirectory(other, directory, [set(`yours ${number}`)], OPTIONS),
      ]).flat(),
    )
    expect(await namesIn(directory)).toHaveLength(1000)
    await editDirectory(other, directory, [{ kind: 'remove', name: 'mine 7', ifMissing: 'refuse' }], OPTIONS)
    await editDirectory(
      grid,
      directory,
      [{ kind: 'rename', from: 'mine 8', to: 'mine 7', ifExists: 'refuse' }],
      OPTIONS,
    )
    expect(await namesIn(directory)).toHaveLength(999)
  })

  test('is not on the grid before it is made, and says so', async () => {
    const made = await makeDirectory(grid, [], OPTIONS)
    const elsewhere = await MemoryGrid.open(7)
    await expect(openDirectory(elsewhere, made, OPTIONS)).rejects.toThrow(NotFoundError)
    await expect(editDirectory(elsewhere, made, [set('a')], OPTIONS)).rejects.toThrow(NotFoundError)
  })

  test('is read with most servers gone, and not written', async () => {
    const directory = await makeDirectory(grid, [set('a')], OPTIONS)
    for (const number of [0, 1, 2, 3]) grid.fault(number, { kind: 'down' })
    const opened = await openDirectory(grid, directory, OPTIONS)
    expect(opened.warnings.map(({ kind }) => kind)).toContain('partial')
    expect(await allOf(opened.entries())).toHaveLength(1)
    await expect(editDirectory(grid, directory, [set('b')], OPTIONS)).rejects.toThrow(UnhappyError)
  })
})

describe('a tree', () => {
  test('has its children, all readable and none writable', async () => {
    const child = await makeDirectory(grid, [set('x')], OPTIONS)
    const tree = await makeTree(
      grid,
      [
        { name: 'dir', capability: child, metadata: {} },
        ...Array.from({ length: 2000 }, (_, number) => {
          const capability = literalCapability(utf8(`${number}`))
          return { name: `file ${number}`, capability, metadata: { sizeBytes: 1 } }
        }),
      ],
      OPTIONS,
    )
    expect(await namesIn(tree)).toHaveLength(2001)
    const found = await findPath(grid, tree, ['dir', 'x'], OPTIONS)
    expect(found.parent?.access).toBe('read')
  })
})

describe('deep upkeep', () => {
  async function aTree() {
    const files = await Promise.all(
      Array.from({ length: 30 }, async (_, number) => {
        const source = fileSource(new Uint8Array(200 + number * 300).fill(number))
        return (await uploadFile(grid, source, { encoding: ENCODING, happyServers: 4 })).capability
      }),
    )
    const inner = await makeDirectory(
      grid,
      files.map((capability, number) => set(`${number}`, capability)),
      OPTIONS,
    )
    const many = Array.from({ length: 1500 }, (_, number) => set(`name ${number}`))
    const outer = await makeDirectory(grid, [...many, set('inner', inner)], OPTIONS)
    return { outer, files }
  }

  const kindsOf = (reports: readonly DeepReport[]) =>
    Object.fromEntries(
      [...Map.groupBy(reports, ({ kind }) => kind)].map(([kind, some]) => [kind, some.length]),
    )

  test('reaches everything with a capability that only verifies', async () => {
    const { outer } = await aTree()
    const reports = await allOf(checkDeep(grid, toVerifyCapability(outer), OPTIONS))
    const kinds = kindsOf(reports)
    expect(kinds).toMatchObject({ directory: 2, file: 30 })
    expect(kinds.node).toBeGreaterThan(2)
    expect(reports.every(({ isHealthy }) => isHealthy)).toBe(true)
    const verified = await allOf(verifyDeep(grid, toVerifyCapability(outer), OPTIONS))
    expect(kindsOf(verified)).toEqual(kinds)
  })

  test('says what is missing, and makes it again', async () => {
    const { outer, files } = await aTree()
    const verifyCap = toVerifyCapability(outer)
    await grid.wipe(1)
    await grid.wipe(4)
    const before = await allOf(checkDeep(grid, verifyCap, OPTIONS))
    expect(before.filter(({ isHealthy }) => isHealthy)).toEqual([])
    expect(before.every(({ isRecoverable }) => isRecoverable)).toBe(true)
    const repaired = await allOf(repairDeep(grid, verifyCap, OPTIONS))
    expect(repaired.filter(({ isHealthy }) => !isHealthy)).toEqual([])
    expect(repaired.every(({ madeCount }) => madeCount > 0)).toBe(true)
    const after = await allOf(checkDeep(grid, verifyCap, OPTIONS))
    expect(after.filter(({ isHealthy }) => !isHealthy)).toEqual([])
    // The servers that were never lost may go now.
    for (const number of [0, 2]) grid.fault(number, { kind: 'down' })
    const inner = await findPath(grid, outer, ['inner'], OPTIONS)
    const children = await namesIn(requireReadable(inner.capability))
    expect(children).toHaveLength(files.length)
  })

  test('goes on beside what is lost', async () => {
    const { outer } = await aTree()
    for (const number of [0, 1, 2, 3, 4, 5]) await grid.wipe(number)
    const reports = await allOf(repairDeep(grid, toVerifyCapability(outer), OPTIONS))
    expect(reports.some(({ isRecoverable }) => !isRecoverable)).toBe(true)
    const names = new Set(reports.map(({ storageIndex }) => toBase32(storageIndex)))
    expect(names.size).toBe(reports.length)
  })
})

function requireReadable(capability: Capability): DirectoryCapability {
  if (isDirectory(capability)) return capability
  throw new Error(`a directory wanted, found ${capability.kind}`)
}
