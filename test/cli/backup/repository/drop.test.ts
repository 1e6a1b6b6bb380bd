/** Backups through a drop-box: over a node in this process, and over HTTP to a daemon. */
import { afterAll, describe, expect, test } from 'vitest'
import {
  type BlobEntry,
  blobId,
  concat,
  type DropCapability,
  dropContentKey,
  formatPackEnd,
  formatPackId,
  InvalidInputError,
  nextDropSeed,
  repositoryKeys,
  slotWriteCapability,
} from '#crypto'
import type { GridFiles } from '#gateway'
import { MemoryDisk, NotFoundError, nativeBulkCrypto, systemClock, systemRandom, whileOpen } from '#node'
import { fillerOf } from '../../../../cli/backup/repository/blob-putter.ts'
import { DropSender } from '../../../../cli/backup/repository/drop-sender.ts'
import { createDropState, openDropSession } from '../../../../cli/backup/repository/drop-session.ts'
import { DropStateFile } from '../../../../cli/backup/repository/drop-state.ts'
import { createRepository, openRepository } from '../../../../cli/backup/repository/open-repository.ts'
import { sourceOf } from '../../../../cli/backup/repository/small-files.ts'
import { Spool } from '../../../../cli/backup/repository/spool.ts'
import type { Repository, RepositoryWriter } from '../../../../cli/backup/repository/types.ts'
import { closeStages, collect, STAGES } from '../../../support/grid-stages.ts'
import { contentOf } from '../../../support/memory-grid.ts'
import { readFolder, type SavedFolder, saveFolder } from '../../../support/saved-folders.ts'

afterAll(closeStages)

const FIRST: SavedFolder = {
  'a.txt': contentOf(500),
  below: { other: contentOf(20_000, 9), tiny: contentOf(1) },
}
const SECOND: SavedFolder = { ...FIRST, 'b.txt': contentOf(700, 3) }
const STATE_FILE = '/drop-state'

class Host {
  readonly disk = new MemoryDisk({ capacityBytes: 1e9 })
  readonly #files: GridFiles

  constructor(files: GridFiles) {
    this.#files = files
  }

  async session<Result>(work: (writer: RepositoryWriter) => Promise<Result>): Promise<Result> {
    const place = { folder: '/backup', disk: this.disk }
    return whileOpen(await openDropSession(this.#files, { stateFile: STATE_FILE, place }), work)
  }

  async stateBytes(): Promise<Uint8Array> {
    const file = await this.disk.openFile(STATE_FILE)
    if (file === undefined) throw new Error('the host has no state')
    return file.read(0, file.sizeBytes)
  }

  async setState(bytes: Uint8Array): Promise<void> {
    await this.disk.removeFile(STATE_FILE)
    const file = await this.disk.createFile(STATE_FILE)
    await file.append(bytes)
  }
}

async function newBox(files: GridFiles) {
  const { capability, drop } = await createRepository(files, { dropBox: true })
  if (drop === undefined) throw new Error('a drop-box was asked for')
  const host = new Host(files)
  await createDropState(drop, STATE_FILE, host.disk)
  const disk = new MemoryDisk({ capacityBytes: 1e9 })
  const owner = async <Result>(work: (repository: Repository) => Promise<Result>): Promise<Result> =>
    whileOpen(await openRepository(files, capability, { place: { folder: '/backup', disk } }), work)
  return { host, owner, drop }
}

for (const [name, openStage] of STAGES) {
  describe(`a drop-box ${name}`, () => {
    test('takes backups that the owner collects and restores', async () => {
      const { files } = await openStage(5)
      const { host, owner } = await newBox(files)
      const first = await host.session((writer) => saveFolder(writer, FIRST))
      const second = await host.session(async (writer) => {
        const parent = await writer.parentOf('host', ['/home'])
        expect(parent).toEqual({
          id: first.id,
          root: first.root,
          takenAtMilliseconds: first.takenAtMilliseconds,
        })
        expect((await collect(writer.readTree(first.root))).map((entry) => entry.kind)).toEqual([
          'file',
          'folder',
        ])
        expect(await writer.hasContent(first.root)).toBe(true)
        const snapshot = await saveFolder(writer, SECOND, { takenAtMilliseconds: 2 })
        // A file and the tree.
        expect(writer.traffic).toMatchObject({ blobsAdded: 2, packsSent: 2 })
        return snapshot
      })
      await owner(async (repository) => {
        expect(await collect(repository.snapshots())).toEqual([])
        expect(await repository.collect()).toEqual({ drops: 2, packs: 4, snapshots: 2, refused: [] })
        expect(await repository.collect()).toEqual({ drops: 0, packs: 0, snapshots: 0, refused: [] })
        const found = await collect(repository.snapshots())
        expect(new Set(found)).toEqual(new Set([first, second]))
        expect(await readFolder(repository, first.root)).toEqual(FIRST)
        expect(await readFolder(repository, second.root)).toEqual(SECOND)
        expect(await repository.check({ read: { percent: 100 } })).toMatchObject({
          problems: 0,
          packsRead: 4,
        })
        await expect(saveFolder(repository, FIRST)).rejects.toThrow(InvalidInputError)
      })
    })
  })
}

describe('a host with a drop-box', () => {
  const openStage = STAGES[0][1]

  test('has no way back to what it dropped', async () => {
    const { files } = await openStage(5)
    const { host, drop } = await newBox(files)
    await host.session((writer) => saveFolder(writer, FIRST))
    const state = toHex(await host.stateBytes())
    const first = drop.seed.reveal()
    expect(state).not.toContain(toHex(first))
    expect(state).toContain(toHex(nextDropSeed(first)))
    await host.session((writer) => saveFolder(writer, SECOND))
    const later = toHex(await host.stateBytes())
    expect(later).not.toContain(toHex(nextDropSeed(first)))
    expect(later).toContain(toHex(nextDropSeed(nextDropSeed(first))))
    // Neither do capabilities of packs stay: the state is as long as one without any.
    expect(later.length).toBe(state.length)
  })

  test('that died before it wrote down its drop finds the slot taken, and moves on', async () => {
    const { files } = await openStage(5)
    const { host, owner } = await newBox(files)
    const before = await host.stateBytes()
    const first = await host.session((writer) => saveFolder(writer, FIRST))
    await host.setState(before)
    const second = await host.session((writer) => saveFolder(writer, SECOND, { takenAtMilliseconds: 2 }))
    await owner(async (repository) => {
      expect(await repository.collect()).toMatchObject({ drops: 2, snapshots: 2, refused: [] })
      expect(await readFolder(repository, first.root)).toEqual(FIRST)
      expect(await readFolder(repository, second.root)).toEqual(SECOND)
    })
  })

  test('that has lost its cache sends again, and knows no parent', async () => {
    const { files } = await openStage(5)
    const { host, owner } = await newBox(files)
    const first = await host.session((writer) => saveFolder(writer, FIRST))
    const state = await host.stateBytes()
    host.disk.root.entries.clear()
    await host.setState(state)
    await host.session(async (writer) => {
      expect(await writer.parentOf('host', ['/home'])).toBeUndefined()
      await expect(collect(writer.readTree(first.root))).rejects.toThrow(NotFoundError)
      expect(await writer.hasContent(first.root)).toBe(false)
      await saveFolder(writer, FIRST, { takenAtMilliseconds: 2 })
      expect(writer.traffic.blobsFound).toBe(0)
    })
    await owner(async (repository) => {
      expect(await repository.collect()).toMatchObject({ drops: 2, snapshots: 2, refused: [] })
      expect(await readFolder(repository, first.root)).toEqual(FIRST)
    })
  })

  test('does not refer to what the owner may have pruned', async () => {
    const { files } = await openStage(5)
    const { host, owner } = await newBox(files)
    const first = await host.session((writer) => saveFolder(writer, { only: contentOf(9000, 5) }))
    await host.session((writer) => saveFolder(writer, FIRST, { takenAtMilliseconds: 2 }))
    await owner(async (repository) => {
      await repository.collect()
      await repository.forget([first.id])
      expect(await repository.prune({ keepUnfinishedMilliseconds: 0 })).toMatchObject({ freed: 2 })
    })
    const third = await host.session((writer) =>
      saveFolder(writer, { ...FIRST, only: contentOf(9000, 5) }, { takenAtMilliseconds: 3 }),
    )
    await owner(async (repository) => {
      expect(await repository.collect()).toMatchObject({ snapshots: 1, refused: [] })
      expect(await readFolder(repository, third.root)).toEqual({ ...FIRST, only: contentOf(9000, 5) })
    })
  })
})

describe('an owner', () => {
  const openStage = STAGES[0][1]

  test('loses nothing to a host that brings false blobs under the ids of true ones', async () => {
    const { files } = await openStage(5)
    const { host, owner, drop } = await newBox(files)
    const like = systemRandom.bytes(20_000)
    const folder = { ...FIRST, like }
    const first = await host.session((writer) => saveFolder(writer, folder))
    await owner((repository) => repository.collect())
    await dropFalsePack(files, host, { drop, like })
    const problems: string[] = []
    await owner(async (repository) => {
      expect(await repository.collect()).toMatchObject({ drops: 1, packs: 1, refused: [] })
      // The false pack comes first, so the blob is marked there; and the true one is mostly waste then.
      const options = { keepUnfinishedMilliseconds: 0, repackBelow: 0.9 }
      expect(await repository.prune(options)).toMatchObject({ freed: 0 })
      expect(await readFolder(repository, first.root)).toEqual(folder)
      const onProblem = ({ kind }: { readonly kind: string }) => void problems.push(kind)
      await repository.check({ read: { percent: 100 }, onProblem })
    })
    expect(new Set(problems)).toEqual(new Set(['damaged-blob']))
  })

  test('reads a blob that false packs have as another kind, or of another size', async () => {
    const { files } = await openStage(5)
    const { host, owner, drop } = await newBox(files)
    const like = systemRandom.bytes(20_000)
    const first = await host.session((writer) => saveFolder(writer, { like }))
    await owner((repository) => repository.collect())
    await dropFalsePack(files, host, { drop, like, claim: { kind: 'tree' } })
    await dropFalsePack(files, host, { drop, like, claim: { compression: 'zstd', plainSizeBytes: 30_000 } })
    await owner(async (repository) => {
      expect(await repository.collect()).toMatchObject({ drops: 2, packs: 2, refused: [] })
      expect(await readFolder(repository, first.root)).toEqual({ like })
      const { content } = (await collect(repository.readTree(first.root)))[0] ?? {}
      if (content === undefined) throw new Error('a file has a content')
      const range = { start: 19_000, end: 25_000 }
      expect(concat(...(await collect(repository.readContent(content, { range }))))).toEqual(
        like.subarray(19_000),
      )
    })
  })

  test('keeps the pack that it has when a host brings another one of the same name', async () => {
    const { files } = await openStage(5)
    const { host, owner, drop } = await newBox(files)
    const like = systemRandom.bytes(20_000)
    const first = await host.session((writer) => saveFolder(writer, { like }))
    await owner((repository) => repository.collect())
    // The pack of a single blob has a table that whoever has the file can make again.
    await dropFalsePack(files, host, { drop, like, isNamedAlike: true })
    await owner(async (repository) => {
      expect(await repository.collect()).toMatchObject({ drops: 1, packs: 0, refused: [] })
      expect(await readFolder(repository, first.root)).toEqual({ like })
      expect(await repository.check({ read: { percent: 100 } })).toMatchObject({ problems: 0 })
    })
  })

  test('refuses what cannot be restored as a whole, and goes on', async () => {
    const { files } = await openStage(5)
    const { host, owner } = await newBox(files)
    const first = await host.session((writer) => saveFolder(writer, FIRST))
    await owner(async (repository) => {
      await repository.collect()
      await repository.forget([first.id])
      await repository.prune({ keepUnfinishedMilliseconds: 0 })
    })
    // The host goes by its last snapshot, which the owner has forgotten.
    await host.session((writer) => saveFolder(writer, SECOND, { takenAtMilliseconds: 2 }))
    await host.session((writer) =>
      saveFolder(writer, SECOND, { takenAtMilliseconds: Date.now() + 1e10, tags: ['late'] }),
    )
    await owner(async (repository) => {
      const report = await repository.collect()
      expect(report).toMatchObject({ drops: 2, packs: 2, snapshots: 0 })
      expect(report.refused).toEqual([
        expect.stringMatching(/cannot be restored: no pack has one of its blobs/),
        expect.stringMatching(/cannot be restored: it says that it was taken days from now/),
      ])
      expect(await repository.check()).toMatchObject({ problems: 0 })
      await repository.prune({ keepUnfinishedMilliseconds: 0 })
    })
  })

  test('passes over a slot that holds no drop', async () => {
    const { files } = await openStage(5)
    const { host, owner, drop } = await newBox(files)
    await files.putSlot(slotWriteCapability('slot', drop.seed.reveal()), sourceOf(contentOf(100)))
    const first = await host.session((writer) => saveFolder(writer, FIRST))
    await owner(async (repository) => {
      const report = await repository.collect()
      expect(report).toMatchObject({ drops: 2, snapshots: 1 })
      expect(report.refused).toEqual([expect.stringMatching(/does not open/)])
      expect(await readFolder(repository, first.root)).toEqual(FIRST)
    })
  })
})

interface FalsePack {
  readonly drop: DropCapability
  /** What it claims to hold, and holds zeros instead. */
  readonly like: Uint8Array
  /** What else it says of that. */
  readonly claim?: Partial<BlobEntry>
  /** With the very table that the true pack has, else with a name that comes before others. */
  readonly isNamedAlike?: boolean
}

/** Whatever a host can do that has turned: a pack of the right form. */
async function dropFalsePack(
  files: GridFiles,
  host: Host,
  { drop, like, claim, isNamedAlike = false }: FalsePack,
): Promise<void> {
  const { blobIdKey } = repositoryKeys(dropContentKey(drop.seed.reveal()))
  const entryOf = (plain: Uint8Array): BlobEntry => ({
    kind: 'data',
    compression: 'stored',
    id: blobId(blobIdKey.reveal(), 'data', nativeBulkCrypto.sha256(plain)),
    storedSizeBytes: plain.length,
    plainSizeBytes: plain.length,
  })
  const claimed = { ...entryOf(like), ...claim }
  let own = isNamedAlike ? fillerOf(blobIdKey.reveal(), 'data').stored : systemRandom.bytes(40)
  while (!isNamedAlike && !formatPackId(formatPackEnd([claimed, entryOf(own)]).packId).startsWith('22')) {
    own = systemRandom.bytes(40)
  }
  const spool = await Spool.open(host.disk, '/false')
  const pack = spool.create()
  await pack.append(claimed, new Uint8Array(like.length))
  await pack.append(entryOf(own), own)
  const sender = new DropSender({
    files,
    stateFile: await DropStateFile.open(host.disk, STATE_FILE),
    random: systemRandom,
    onDropped: async () => undefined,
    signal: new AbortController().signal,
    clock: systemClock,
    onWarning: () => undefined,
  })
  await sender.send(await pack.close())
  await sender.dropAll(undefined)
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
