/** One suite for directories, slots and deep upkeep: over a node in this process, and over HTTP to a daemon. */
import { afterAll, describe, expect, test } from 'vitest'
import {
  compareNames,
  type DirectoryWriteCapability,
  formatCapability,
  IntegrityError,
  InvalidInputError,
  literalCapability,
  requireRead,
  toReadCapability,
  toVerifyCapability,
  utf8,
  WeakCapabilityError,
} from '#crypto'
import { EDIT_CHANGES_MAX, type GridFiles, requireDirectory, requireSlotUpkeep } from '#gateway'
import {
  ConflictError,
  type DeepReport,
  type DirectoryChange,
  type NamedChild,
  NotFoundError,
  UnhappyError,
  UnreachableError,
} from '#node'
import { bytesOf, closeStages, collect, STAGES } from '../support/grid-stages.ts'
import { contentOf, fileSource, pipeSource } from '../support/memory-grid.ts'

afterAll(closeStages)

const leaf = (name: string): NamedChild => ({
  name,
  capability: literalCapability(utf8(`content of ${name}`.slice(0, 60))),
  metadata: {},
})
const set = (child: NamedChild, ifExists: 'refuse' | 'replace' = 'refuse'): DirectoryChange => ({
  ...child,
  kind: 'set',
  ifExists,
})
const namesOf = async (children: AsyncIterable<NamedChild>): Promise<readonly string[]> =>
  (await collect(children)).map(({ name }) => name)

/** Directories in each other; the last one holds `file`. */
async function nest(files: GridFiles, names: readonly string[]): Promise<DirectoryWriteCapability> {
  const root = await files.makeDirectory()
  let directory = root
  for (const name of names) {
    const below = await files.makeDirectory()
    await files.edit(directory, [set({ name, capability: below, metadata: {} })])
    directory = below
  }
  await files.edit(directory, [set(leaf('file'))])
  return root
}

for (const [name, open] of STAGES) {
  describe(`directories ${name}`, () => {
    test('are made, changed and listed, with all that is known of their children', async () => {
      const { files } = await open(5)
      const directory = await files.makeDirectory()
      expect(await namesOf(files.list(directory))).toEqual([])
      const { capability } = await files.put(fileSource(contentOf(50_000)))
      const metadata = {
        sizeBytes: 50_000,
        modifiedAtMilliseconds: 1_795_000_000_000,
        user: { text: 'ß\n"', number: 7, yes: true, bytes: Uint8Array.of(0, 255, 128) },
      }
      const below = await files.makeDirectory({ children: [leaf('first')] })
      const edited = await files.edit(directory, [
        set({ name: 'b', capability, metadata }),
        set({ name: 'a', capability: below, metadata: {} }),
        set(leaf('c')),
        { kind: 'rename', from: 'c', to: 'd', ifExists: 'refuse' },
      ])
      expect(edited).toMatchObject({ changed: true, warnings: [] })
      const children = await collect(files.list(directory))
      expect(children.map((child) => [child.name, formatCapability(child.capability)])).toEqual([
        ['a', formatCapability(below)],
        ['b', formatCapability(capability)],
        ['d', formatCapability(leaf('c').capability)],
      ])
      expect(children[1]?.metadata).toEqual(metadata)
      expect(await namesOf(files.list(below))).toEqual(['first'])
      const readable = await collect(files.list(requireDirectory(toReadCapability(directory))))
      expect(readable.map((child) => child.capability.kind)).toEqual(['dir-read', 'file', 'lit'])
      const again = await files.edit(directory, [{ kind: 'remove', name: 'zz', ifMissing: 'ignore' }])
      expect(again).toMatchObject({ changed: false, sequence: edited.sequence })
    })

    test('of 3,000 names are listed in order', async () => {
      const { files } = await open(5)
      const names = Array.from({ length: 3000 }, (_, number) => `name-${(number * 7919) % 3000}`)
      const directory = await files.makeDirectory()
      for (let start = 0; start < names.length; start += EDIT_CHANGES_MAX) {
        const some = names.slice(start, start + EDIT_CHANGES_MAX)
        await files.edit(
          directory,
          some.map((one) => set(leaf(one))),
        )
      }
      expect(await namesOf(files.list(directory))).toEqual(names.toSorted(compareNames))
    })

    test('lead along a path, and say how far', async () => {
      const { files } = await open(5)
      const root = await nest(files, ['one', 'two', 'three', 'four'])
      const found = await files.find(root, ['one', 'two', 'three', 'four', 'file'])
      expect(found).toMatchObject({ name: 'file', parent: { kind: 'dir' }, warnings: [] })
      expect(formatCapability(found.capability)).toBe(formatCapability(leaf('file').capability))
      const readable = await files.find(toReadCapability(root), ['one', 'two', 'three', 'four', 'file'])
      expect(readable.parent?.kind).toBe('dir-read')
      const missing = files.find(root, ['one', 'two', 'drei', 'four', 'file'])
      await expect(missing).rejects.toThrow(NotFoundError)
      await expect(missing).rejects.toThrow(/drei.*one\/two/)
      const itself = await files.find(root, [])
      expect([formatCapability(itself.capability), itself.parent, itself.name]).toEqual([
        formatCapability(root),
        undefined,
        undefined,
      ])
      await expect(files.find(toVerifyCapability(root), ['one'])).rejects.toThrow(WeakCapabilityError)
      await expect(files.find(root, ['one', 'two', 'three', 'four', 'file', 'x'])).rejects.toThrow(
        InvalidInputError,
      )
    })

    test('refuse a change that others stand in the way of, and then all of its company', async () => {
      const { files } = await open(5)
      const directory = await files.makeDirectory({ children: [leaf('a'), leaf('b')] })
      const remove: DirectoryChange = { kind: 'remove', name: 'missing', ifMissing: 'refuse' }
      await expect(
        files.edit(directory, [set(leaf('new')), set({ ...leaf('b'), name: 'a' })]),
      ).rejects.toThrow(ConflictError)
      await expect(files.edit(directory, [set(leaf('new')), remove])).rejects.toThrow(NotFoundError)
      const rename: DirectoryChange = { kind: 'rename', from: 'a', to: 'b', ifExists: 'refuse' }
      await expect(files.edit(directory, [rename])).rejects.toThrow(ConflictError)
      await expect(files.edit(directory, [set(leaf('x/y'))])).rejects.toThrow(InvalidInputError)
      const many = Array.from({ length: EDIT_CHANGES_MAX + 1 }, (_, number) => leaf(`${number}`))
      await expect(
        files.edit(
          directory,
          many.map((one) => set(one)),
        ),
      ).rejects.toThrow(InvalidInputError)
      await expect(files.makeDirectory({ children: many })).rejects.toThrow(InvalidInputError)
      expect(await namesOf(files.list(directory))).toEqual(['a', 'b'])
      await files.edit(directory, [{ ...rename, ifExists: 'replace' }])
      expect(await namesOf(files.list(directory))).toEqual(['b'])
    })

    test('take many edits at once', async () => {
      const { files } = await open(5)
      const directory = await files.makeDirectory()
      const names = Array.from({ length: 40 }, (_, number) => `name-${number}`)
      await Promise.all(names.map((one) => files.edit(directory, [set(leaf(one))])))
      expect(await namesOf(files.list(directory))).toEqual(names.toSorted(compareNames))
    })

    test('are changed by nobody who only reads', async () => {
      const { files } = await open(5)
      const directory = await files.makeDirectory()
      const readable = toReadCapability(directory)
      // @ts-expect-error a read capability does not edit
      const edit = () => files.edit(readable, [])
      expect(edit).toBeTypeOf('function')
    })

    test('are walked', async () => {
      const { files } = await open(5)
      const root = await nest(files, ['one', 'two'])
      await files.edit(root, [set(leaf('beside'))])
      const walked = await collect(files.walk(root))
      expect(walked.map(({ path }) => path.join('/'))).toEqual(['beside', 'one', 'one/two', 'one/two/file'])
      expect(walked.every(({ path, child }) => path.at(-1) === child.name)).toBe(true)
    })

    test('that never change hold what they were made of, without the right to write', async () => {
      const { files } = await open(5)
      const directory = await files.makeDirectory()
      const children = [leaf('b'), { name: 'a', capability: directory, metadata: { user: { x: 1 } } }]
      const tree = await files.makeTree(children)
      const listed = await collect(files.list(tree))
      expect(listed.map((child) => [child.name, child.capability.kind])).toEqual([
        ['a', 'dir-read'],
        ['b', 'lit'],
      ])
      expect(listed[0]?.metadata.user).toEqual({ x: 1 })
      await expect(files.makeTree([leaf('b'), leaf('b')])).rejects.toThrow(InvalidInputError)
    })

    test('break off a list when the signal says so', async () => {
      const { files } = await open(5)
      const children = Array.from({ length: 1000 }, (_, number) => leaf(`${number}`))
      const directory = await files.makeDirectory({ children })
      const reason = new Error('enough')
      const stop = new AbortController()
      let count = 0
      const list = (async () => {
        for await (const _ of files.list(directory, { signal: stop.signal })) {
          count += 1
          if (count === 3) stop.abort(reason)
        }
      })()
      await expect(list).rejects.toBe(reason)
      expect(count).toBe(3)
    })
  })

  describe(`slots ${name}`, () => {
    test.each([0, 100, 100_000])('hold %d bytes, and other ones later', async (sizeBytes) => {
      const { files } = await open(5)
      const first = contentOf(sizeBytes)
      const slot = await files.putSlot(undefined, pipeSource(first))
      expect(await bytesOf((await files.get(slot)).content)).toEqual(first)
      const second = contentOf(sizeBytes + 10, 2)
      const same = await files.putSlot(slot, fileSource(second))
      expect(formatCapability(same)).toBe(formatCapability(slot))
      const readable = toReadCapability(slot)
      if (readable.kind !== 'slot-read') throw new Error('a slot reads as a slot')
      const whole = await files.get(readable)
      expect([whole.fileSizeBytes, await bytesOf(whole.content)]).toEqual([sizeBytes + 10, second])
      const part = await files.get(readable, { range: { start: 3, end: 9 } })
      expect(await bytesOf(part.content)).toEqual(second.slice(3, 9))
    })

    test('are written only in the version that is named', async () => {
      const { files } = await open(5)
      const slot = await files.putSlot(undefined, fileSource(contentOf(10)))
      const first = await files.get(slot)
      expect(first.version).toBe((await files.get(slot)).version)
      await files.putSlot(slot, fileSource(contentOf(20)), { ifVersion: first.version })
      const second = await files.get(slot)
      expect(second.version).not.toBe(first.version)
      const late = files.putSlot(slot, fileSource(contentOf(30)), { ifVersion: first.version })
      await expect(late).rejects.toThrow(ConflictError)
      await expect(files.putSlot(slot, fileSource(contentOf(30)), { ifVersion: 'x' })).rejects.toThrow(
        InvalidInputError,
      )
      expect((await files.get(slot)).version).toBe(second.version)
      const file = await files.put(fileSource(contentOf(1000)))
      expect((await files.get(file.capability)).version).toBeUndefined()
    })

    test('are checked and repaired one at a time, whatever they point to', async () => {
      const { files, lose } = await open(6)
      const slot = requireSlotUpkeep(await files.putSlot(undefined, fileSource(contentOf(100_000))))
      const directory = requireSlotUpkeep(await files.makeDirectory())
      for (const [capability, kind] of [
        [slot, 'slot'],
        [directory, 'directory'],
      ] as const) {
        const whole = { kind, isHealthy: true, foundCount: 5, wantedCount: 5, madeCount: 0 }
        expect(await files.checkSlot(capability)).toMatchObject(whole)
      }
      lose(1)
      for (const capability of [slot, directory]) {
        const less = { isHealthy: false, isRecoverable: true, foundCount: 4, wantedCount: 5 }
        expect(await files.checkSlot(capability)).toMatchObject(less)
        expect(await files.repairSlot(capability)).toMatchObject({ isHealthy: true, madeCount: 1 })
        expect(await files.checkSlot(capability)).toMatchObject({ isHealthy: true, foundCount: 5 })
      }
    })

    test('tell a reader what few servers cannot know', async () => {
      const { files, grid } = await open(5)
      const slot = await files.putSlot(undefined, fileSource(contentOf(10)))
      for (const number of [0, 1, 2]) grid.fault(number, { kind: 'down' })
      const kinds: string[] = []
      const { content } = await files.get(slot, { onWarning: ({ kind }) => kinds.push(kind) })
      expect(await bytesOf(content)).toEqual(contentOf(10))
      expect(kinds).toContain('partial')
    })
  })

  test(`after a rollback ${name} nothing is written unless it is accepted`, async () => {
    const { files, grid, lose, restart } = await open(9)
    const directory = await files.makeDirectory({ children: [leaf('first')] })
    const slot = await files.putSlot(undefined, fileSource(contentOf(10)))
    grid.fault(4, { kind: 'down' })
    await files.edit(directory, [set(leaf('second'))])
    await files.putSlot(slot, fileSource(contentOf(20)))
    grid.fault(4, { kind: 'none' })
    for (const number of [0, 1, 2, 3]) lose(number)
    restart()
    const kinds: string[] = []
    const list = files.list(directory, { onWarning: ({ kind }) => kinds.push(kind) })
    expect(await namesOf(list)).toEqual(['first'])
    expect(kinds).toContain('rollback')
    const third = [set(leaf('third'))]
    await expect(files.edit(directory, third)).rejects.toThrow(IntegrityError)
    await expect(files.putSlot(slot, fileSource(contentOf(30)))).rejects.toThrow(IntegrityError)
    await files.edit(directory, third, { acceptRollback: true })
    expect(await namesOf(files.list(directory))).toEqual(['first', 'third'])
    await files.putSlot(slot, fileSource(contentOf(30)), { acceptRollback: true })
    expect(await bytesOf((await files.get(slot)).content)).toEqual(contentOf(30))
  })

  describe(`deep upkeep ${name}`, () => {
    test('says what is missing after a server is lost, and makes it again', async () => {
      const { files, lose, grid } = await open(6)
      const content = contentOf(20_000)
      const { capability } = await files.put(fileSource(content))
      const slot = await files.putSlot(undefined, fileSource(contentOf(200_000, 3)))
      const tree = await files.makeTree([{ name: 'file', capability, metadata: {} }])
      const below = await files.makeDirectory({
        children: [
          { name: 'file', capability, metadata: {} },
          { name: 'tree', capability: tree, metadata: {} },
        ],
      })
      const root = await files.makeDirectory({
        children: [
          { name: 'below', capability: below, metadata: {} },
          { name: 'slot', capability: slot, metadata: {} },
        ],
      })
      const verify = toVerifyCapability(root)
      const kinds = (reports: readonly DeepReport[]) => reports.map(({ kind }) => kind).toSorted()
      const all = ['directory', 'directory', 'file', 'file', 'slot', 'tree']
      const whole = await collect(files.checkDeep(verify))
      expect(kinds(whole)).toEqual(all)
      expect(whole.every(({ isHealthy }) => isHealthy)).toBe(true)
      expect(new Set(whole.map(({ storageIndex }) => storageIndex.join())).size).toBe(all.length)

      lose(0)
      const less = await collect(files.checkDeep(verify))
      expect(less.every((one) => !one.isHealthy && one.isRecoverable && one.foundCount === 4)).toBe(true)
      const repaired = await collect(files.repairDeep(verify))
      expect(kinds(repaired)).toEqual(all)
      expect(repaired.map((one) => [one.isHealthy, one.madeCount])).toEqual(all.map(() => [true, 1]))
      const verified = await collect(files.verifyDeep(verify))
      expect(verified.map(({ isHealthy }) => isHealthy)).toEqual(all.map(() => true))

      for (const number of [1, 2]) grid.fault(number, { kind: 'down' })
      const found = await files.find(root, ['below', 'tree', 'file'])
      const download = await files.get(requireRead(found.capability))
      expect(await bytesOf(download.content)).toEqual(content)
    })

    test('reports what cannot be repaired, and goes on', async () => {
      const { files, lose } = await open(5)
      const { capability } = await files.put(fileSource(contentOf(20_000)), {
        numbers: { neededShares: 5, happyServers: 5, totalShares: 5 },
      })
      const children = [{ name: 'file', capability, metadata: {} }, leaf('literal')]
      const root = await files.makeDirectory({ children })
      lose(4)
      const reports = await collect(files.repairDeep(toVerifyCapability(root)))
      expect(reports.map((one) => [one.kind, one.isRecoverable]).toSorted()).toEqual([
        ['directory', true],
        ['file', false],
      ])
    })
  })

  describe(`a grid without enough servers ${name}`, () => {
    test('without any says so, and why', async () => {
      const { files } = await open(0)
      const { files: whole } = await open(5)
      const root = await whole.makeDirectory()
      const slot = await whole.putSlot(undefined, fileSource(contentOf(10)))
      await expect(files.makeDirectory()).rejects.toThrow(UnreachableError)
      await expect(files.edit(root, [set(leaf('a'))])).rejects.toThrow('nobody home')
      await expect(files.find(root, ['a'])).rejects.toThrow(UnreachableError)
      await expect(files.get(slot)).rejects.toThrow(UnreachableError)
      await expect(files.putSlot(slot, fileSource(contentOf(5)))).rejects.toThrow(UnreachableError)
      await expect(files.checkSlot(requireSlotUpkeep(slot))).rejects.toThrow(UnreachableError)
      await expect(namesOf(files.list(root))).rejects.toThrow(UnreachableError)
      await expect(collect(files.walk(root))).rejects.toThrow(UnreachableError)
      await expect(collect(files.checkDeep(toVerifyCapability(root)))).rejects.toThrow(UnreachableError)
    })

    test('of fewer than the numbers want proposes others, and keeps what fits', async () => {
      const { files } = await open(3)
      const directory = await files.makeDirectory({ children: [leaf('a')] })
      expect(await namesOf(files.list(directory))).toEqual(['a'])
      const proposal = { neededShares: 1, happyServers: 2, totalShares: 3 }
      const large = files.putSlot(undefined, fileSource(contentOf(100_000)))
      await expect(large).rejects.toThrow(UnhappyError)
      await expect(large).rejects.toMatchObject({ details: { serverCount: 3, proposal } })
      const slot = await files.putSlot(undefined, fileSource(contentOf(100_000)), { numbers: proposal })
      expect(await bytesOf((await files.get(slot)).content)).toEqual(contentOf(100_000))
    })
  })
}
