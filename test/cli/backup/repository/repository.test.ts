/** One suite for repositories: over a node in this process, and over HTTP to a daemon. */
import { afterAll, describe, expect, test } from 'vitest'
import { type DirectoryWriteCapability, InvalidInputError, toReadCapability } from '#crypto'
import type { GridFiles } from '#gateway'
import { BusyError, MemoryDisk, NotFoundError, whileOpen } from '#node'
import { createRepository, openRepository } from '../../../../cli/backup/repository/open-repository.ts'
import { openReader } from '../../../../cli/backup/repository/reader.ts'
import type { Repository } from '../../../../cli/backup/repository/types.ts'
import { SimRandom } from '../../../sim/sim-random.ts'
import { closeLater, closeStages, collect, STAGES } from '../../../support/grid-stages.ts'
import { contentOf } from '../../../support/memory-grid.ts'
import { putFolder, readFolder, type SavedFolder, saveFolder } from '../../../support/saved-folders.ts'

afterAll(closeStages)

const TREE: SavedFolder = {
  'a.txt': new TextEncoder().encode('some text, some text, some text'),
  empty: new Uint8Array(0),
  below: { large: contentOf(300_000), other: contentOf(10_000, 9), none: {} },
}

const newPlace = () => ({ folder: 'backup', disk: new MemoryDisk({ capacityBytes: 1e9 }) })

function readForm(capability: DirectoryWriteCapability) {
  const readable = toReadCapability(capability)
  if (readable.kind !== 'dir-read') throw new Error('a directory reads as one')
  return readable
}

for (const [name, openStage] of STAGES) {
  describe(`a repository ${name}`, () => {
    test('gives back what was put, to the session, to others and to readers', async () => {
      const { files } = await openStage(5)
      const { capability } = await createRepository(files)
      const place = newPlace()
      const repository = await openRepository(files, capability, { place })
      closeLater(repository)
      const snapshot = await saveFolder(repository, TREE)
      expect(await readFolder(repository, snapshot.root)).toEqual(TREE)
      expect(await collect(repository.snapshots())).toEqual([snapshot])

      const reader = await openReader(files, readForm(capability))
      closeLater(reader)
      expect(await collect(reader.snapshots())).toEqual([snapshot])
      expect(await readFolder(reader, snapshot.root)).toEqual(TREE)

      await expect(openRepository(files, capability, { place })).rejects.toThrow(BusyError)
      const beside = await openReader(files, capability, { place })
      expect(await readFolder(beside, snapshot.root)).toEqual(TREE)
      await beside[Symbol.asyncDispose]()
    })

    test('takes backups of two hosts and a prune at once', async () => {
      const { files } = await openStage(5)
      const { capability } = await createRepository(files)
      const random = new SimRandom(4)
      const places = [newPlace(), newPlace(), newPlace()] as const
      const session = async (
        place: (typeof places)[number],
        work: (opened: Repository) => Promise<unknown>,
      ) => whileOpen(await openRepository(files, capability, { place }), work)
      const saved = new Map<string, SavedFolder>()
      const backUp = (host: string, takenAtMilliseconds: number) => async (repository: Repository) => {
        const folder = { own: random.bytes(3000), shared: contentOf(5000, takenAtMilliseconds) }
        saved.set((await saveFolder(repository, folder, { host, takenAtMilliseconds })).id, folder)
      }
      for (let round = 1; round <= 3; round += 1) {
        const [oldest] = saved.keys()
        await Promise.all([
          session(places[0], backUp('anna', round)),
          session(places[1], backUp('bert', round)),
          session(places[2], async (repository) => {
            if (oldest !== undefined) saved.delete(oldest)
            await repository.forget(oldest === undefined ? [] : [oldest])
            await repository.prune({ keepUnfinishedMilliseconds: 0 })
          }),
        ])
        const reader = await openReader(files, readForm(capability))
        await whileOpen(reader, async () => {
          const found = new Map<string, SavedFolder>()
          for await (const snapshot of reader.snapshots()) {
            if ('error' in snapshot) throw snapshot.error
            found.set(snapshot.id, await readFolder(reader, snapshot.root))
          }
          expect(found).toEqual(saved)
        })
      }
      await session(newPlace(), async (repository) => {
        expect(await repository.check({ read: { percent: 100 } })).toMatchObject({
          snapshots: 4,
          problems: 0,
        })
      })
    })
  })
}

describe('a directory that is no repository', () => {
  test('is told from one', async () => {
    const { files } = await STAGES[0][1](5)
    const capability = await files.makeDirectory()
    await expect(openRepository(files, capability, { place: newPlace() })).rejects.toThrow(NotFoundError)
    await expect(openReader(files, capability)).rejects.toThrow(/no repository of backups/)
    const { capability: file } = await files.put(sourceOfText('not a repository, and not a map'.repeat(9)))
    const child = {
      kind: 'set',
      name: 'repository',
      capability: file,
      metadata: {},
      ifExists: 'refuse',
    } as const
    const inner = await files.makeDirectory()
    await files.edit(capability, [
      child,
      { ...child, name: 'data', capability: inner },
      { ...child, name: 'snapshots', capability: inner },
    ])
    await expect(openReader(files, capability)).rejects.toThrow(InvalidInputError)
  })
})

describe('a dry run', () => {
  test('says what a backup would put, and puts nothing', async () => {
    const { files } = await STAGES[0][1](5)
    const { capability } = await createRepository(files)
    const place = newPlace()
    const dry = await whileOpen(await openRepository(files, capability, { place }), async (repository) => {
      const twice = { dryRun: true }
      const first = await putOne(repository, contentOf(5000, 3), twice)
      const again = await putOne(repository, contentOf(5000, 3), twice)
      expect([again.addedBytes, again.storedBytes]).toEqual([0, 0])
      expect(repository.traffic).toMatchObject({ packsSent: 0, blobsAdded: 1, blobsFound: 1 })
      return first
    })
    await whileOpen(await openRepository(files, capability, { place }), async (repository) => {
      expect(await repository.hasContent(dry.content)).toBe(false)
      expect(await putOne(repository, contentOf(5000, 3), {})).toEqual(dry)
      expect(await repository.hasContent(dry.content)).toBe(true)
      expect((await putOne(repository, contentOf(5000, 3), { dryRun: true })).addedBytes).toBe(0)
      await putFolder(repository, {})
    })
  })
})

function putOne(repository: Repository, bytes: Uint8Array, options: { readonly dryRun?: boolean }) {
  return repository.putContent(once(bytes), options)
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function sourceOfText(text: string): Parameters<GridFiles['put']>[0] {
  const bytes = new TextEncoder().encode(text)
  return { sizeBytes: bytes.length, rereadable: true, open: () => once(bytes.slice()) }
}
