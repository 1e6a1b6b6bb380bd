/** One suite for repositories: over a node in this process, and over HTTP to a daemon. */
import { afterAll, describe, expect, test } from 'vitest'
import { toReadCapability } from '#crypto'
import { BusyError, MemoryDisk } from '#node'
import { createRepository, openRepository } from '../../../../cli/backup/repository/open-repository.ts'
import { openReader } from '../../../../cli/backup/repository/reader.ts'
import { closeLater, closeStages, collect, STAGES } from '../../../support/grid-stages.ts'
import { contentOf } from '../../../support/memory-grid.ts'
import { readFolder, type SavedFolder, saveFolder } from '../../../support/saved-folders.ts'

afterAll(closeStages)

const TREE: SavedFolder = {
  'a.txt': new TextEncoder().encode('some text, some text, some text'),
  empty: new Uint8Array(0),
  below: { large: contentOf(300_000), other: contentOf(10_000, 9), none: {} },
}

const newPlace = () => ({ folder: 'backup', disk: new MemoryDisk({ capacityBytes: 1e9 }) })

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

      const readable = toReadCapability(capability)
      if (readable.kind !== 'dir-read') throw new Error('not a directory')
      const reader = await openReader(files, readable)
      closeLater(reader)
      expect(await collect(reader.snapshots())).toEqual([snapshot])
      expect(await readFolder(reader, snapshot.root)).toEqual(TREE)

      await expect(openRepository(files, capability, { place })).rejects.toThrow(BusyError)
      const beside = await openReader(files, capability, { place })
      expect(await readFolder(beside, snapshot.root)).toEqual(TREE)
      await beside[Symbol.asyncDispose]()
    })
  })
}
