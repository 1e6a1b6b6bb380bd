import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { concat, InvalidInputError, utf8 } from '#crypto'
import {
  BusyError,
  ConflictError,
  LEASE_DURATION_DEFAULT_SECONDS,
  type Log,
  NoSpaceError,
  NotFoundError,
  nativeBulkCrypto,
  OPEN_SHARES_MAX,
  OPEN_WRITE_IDLE_SECONDS,
  OPEN_WRITES_PER_ACCOUNT_MAX,
  SMALL_SHARE_LIMIT_BYTES,
  type Storage,
} from '#node'
import { bytesAsFile } from '../../../node/storage/bytes-as-file.ts'
import { smallKey } from '../../../node/storage/index-keys.ts'
import { openShareFile } from '../../../node/storage/open-shares.ts'
import { StoragePaths } from '../../../node/storage/paths.ts'
import { findDamage } from '../../../node/storage/scrub.ts'
import { SimDisk } from '../../sim/disk.ts'
import {
  blockWrite,
  checkShareFile,
  type MadeFile,
  type MadeShare,
  makeShares,
  putShare,
  seededBytes,
  shareAt,
} from '../../support/make-shares.ts'
import { openStorage, ShiftedClock, SIM_FOLDER } from '../../support/storages.ts'

const paths = new StoragePaths(SIM_FOLDER)
const ENCODING = { neededShares: 2, totalShares: 4, segmentSizeBytes: 1024 }
const DAY_SECONDS = 24 * 3600

type Options = Parameters<typeof openStorage>[1]

const makeFile = (seed: string, sizeBytes = 5000): Promise<MadeFile> =>
  makeShares({ seed, sizeBytes, encoding: ENCODING })

async function opened(disk: SimDisk, options: Options = {}): Promise<Storage> {
  const storage = await openStorage(disk, options)
  onTestFinished(async () => storage[Symbol.asyncDispose]())
  return storage
}

function newDisk(capacityBytes = 1e8): SimDisk {
  return new SimDisk({ capacityBytes })
}

function shareFile(disk: SimDisk, share: MadeShare): Uint8Array | undefined {
  const file = disk.memory.fileAt(paths.shareFile(share.address))
  return file?.slice(0, file.sizeBytes)
}

async function isListed(storage: Storage, share: MadeShare): Promise<boolean> {
  const { storageIndex, root, shareNumber } = share.address
  const [shares = []] = await storage.forAccount('anyone').listShares([{ storageIndex, root }])
  return shares.some((listed) => listed.shareNumber === shareNumber)
}

/** Every sentence logged, with its fields as text. */
function recordingLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = []
  const note = (sentence: string, fields = {}) => void lines.push(`${sentence} ${JSON.stringify(fields)}`)
  return { lines, log: { debug: note, info: note, warn: note, error: note } }
}

describe('share files', () => {
  test('are the bytes of FORMAT §9, whatever the size of the file', async () => {
    const disk = newDisk()
    const storage = await opened(disk)
    for (const sizeBytes of [0, 1, 1024, 1025, 9000, 100_000]) {
      const share = shareAt(await makeFile(`size ${sizeBytes}`, sizeBytes), 3)
      await putShare(storage.forAccount('alice'), share)
      expect(shareFile(disk, share)).toEqual(share.file)
    }
    expect(disk.files(paths.incoming)).toEqual([])
  })

  test('may have more segments than memory keeps leaves', async () => {
    const disk = newDisk()
    const storage = await opened(disk)
    const share = shareAt(await makeFile('many', 2500 * 1024 + 1), 1)
    await putShare(storage.forAccount('alice'), share)
    expect(shareFile(disk, share)).toEqual(share.file)
    expect(disk.files(paths.incoming)).toEqual([])
    const server = storage.forAccount('alice')
    expect(await server.scrubShare(share.address)).toEqual({ healthy: true })
    const read = await server.readBlock({ address: share.address, segmentIndex: 7, withSealedProof: true })
    expect(read.blockProof.length).toBe(12 * 32)
  })

  test('more of them than handles are held open are read in turn', async () => {
    const storage = await opened(newDisk())
    const server = storage.forAccount('alice')
    const files = await Promise.all(
      Array.from({ length: OPEN_SHARES_MAX + 20 }, (_, n) => makeFile(`open ${n}`, 10)),
    )
    for (const file of files) await putShare(server, shareAt(file, 0))
    for (const round of [1, 2]) {
      const reads = files.map((file) =>
        server.readBlock({
          address: shareAt(file, 0).address,
          segmentIndex: 0,
          withSealedProof: round === 1,
        }),
      )
      const blocks = (await Promise.all(reads)).map((read) => read.block)
      expect(blocks).toEqual(files.map((file) => shareAt(file, 0).blocks[0]))
    }
  })

  test('that vanish are no longer listed once someone asks for them', async () => {
    const disk = newDisk()
    const storage = await opened(disk)
    const share = shareAt(await makeFile('vanish'), 0)
    const server = storage.forAccount('alice')
    await putShare(server, share)
    await disk.memory.removeFile(paths.shareFile(share.address))
    await expect(server.readManifest(share.address)).rejects.toThrow(NotFoundError)
    expect(await isListed(storage, share)).toBe(false)
    expect((await server.status()).accountUsedBytes).toBe(0)
    await putShare(server, share)
    expect(shareFile(disk, share)).toEqual(share.file)
  })

  test('that were replaced by garbage are put aside when they are opened', async () => {
    const disk = newDisk()
    const storage = await opened(disk)
    const share = shareAt(await makeFile('garbage'), 0)
    const server = storage.forAccount('alice')
    await putShare(server, share)
    disk.flipBit(paths.shareFile(share.address), 8 * (share.file.length - 1))
    await expect(server.readManifest(share.address)).rejects.toThrow(NotFoundError)
    expect(disk.files(paths.corrupt)).toHaveLength(1)
    await putShare(server, share)
    expect((await server.readManifest(share.address)).length).toBe(share.manifest.length)
  })
})

describe('garbage', () => {
  test('no share file that was changed, cut or lengthened passes for a share', async () => {
    const share = shareAt(await makeFile('fuzz'), 1)
    const isWhole = async (bytes: Uint8Array): Promise<boolean> => {
      const opened = await openShareFile(bytesAsFile(bytes), share.address)
      if (opened.kind !== 'open') return false
      const options = { bulk: nativeBulkCrypto, shareNumber: share.address.shareNumber }
      return (await findDamage(opened.share, options)) === undefined
    }
    expect(await isWhole(share.file)).toBe(true)
    const offset = fc.nat(share.file.length - 1)
    const changed = fc.asyncProperty(offset, fc.integer({ min: 1, max: 255 }), async (place, mask) => {
      const bytes = share.file.slice()
      bytes[place] = (bytes[place] ?? 0) ^ mask
      expect(await isWhole(bytes)).toBe(false)
    })
    const cut = fc.asyncProperty(offset, fc.boolean(), async (place, fromFront) => {
      expect(await isWhole(fromFront ? share.file.subarray(place + 1) : share.file.subarray(0, place))).toBe(
        false,
      )
    })
    const random = fc.asyncProperty(fc.uint8Array({ maxLength: 600 }), async (bytes) => {
      expect(await isWhole(bytes)).toBe(false)
      expect((await isWhole(concat(share.file, bytes))) === (bytes.length === 0)).toBe(true)
    })
    await fc.assert(changed, { numRuns: 300 })
    await fc.assert(cut, { numRuns: 100 })
    await fc.assert(random, { numRuns: 100 })
  })
})

describe('opening', () => {
  test('finds everything again after closing in order', async () => {
    const disk = newDisk()
    const file = await makeFile('again')
    const first = await openStorage(disk)
    for (const share of file.shares) await putShare(first.forAccount('alice'), share)
    await putShare(first.forAccount('bob'), shareAt(file, 1))
    const before = await first.status()
    await first[Symbol.asyncDispose]()

    const second = await opened(disk)
    expect(await second.status()).toEqual(before)
    expect(before.accounts.map(({ account, chargedBytes }) => [account, chargedBytes])).toEqual([
      ['alice', 4 * shareAt(file, 0).file.length],
      ['bob', shareAt(file, 0).file.length],
    ])
    await checkShareFile(shareAt(file, 2).address, shareFile(disk, shareAt(file, 2)) ?? new Uint8Array(0))
  })

  test('a folder has one holder', async () => {
    const disk = newDisk()
    await opened(disk)
    await expect(openStorage(disk)).rejects.toThrow(ConflictError)
  })

  test('refuses a folder of another version, and touches nothing', async () => {
    const disk = newDisk()
    await (await openStorage(disk))[Symbol.asyncDispose]()
    await disk.removeFile(paths.versionFile)
    const stamp = await disk.createFile(paths.versionFile)
    await stamp.append(utf8('cairn-storage 2\n'))
    const before = disk.files()
    await expect(openStorage(disk)).rejects.toThrow(InvalidInputError)
    expect(disk.files()).toEqual(before)
  })

  test('wipes what was incoming', async () => {
    const disk = newDisk()
    await (await openStorage(disk))[Symbol.asyncDispose]()
    await (await disk.createFile(`${paths.incoming}/7`)).append(utf8('half a share'))
    await opened(disk)
    expect(disk.files(paths.incoming)).toEqual([])
  })

  const losses: readonly (readonly [string, (disk: SimDisk) => Promise<void>])[] = [
    ['lost', (disk) => disk.removeFolder(paths.index)],
    ['distrusted', async () => {}],
    ['of another version', spoilVersion],
    ['not closed in order', (disk) => disk.crash()],
  ]
  test.for(losses)('makes the index again when it was %s', async ([what, lose]) => {
    const disk = newDisk()
    const clock = new ShiftedClock()
    const first = await openStorage(disk, { clock })
    const files = [await makeFile('one'), await makeFile('two')]
    for (const file of files)
      for (const share of file.shares) await putShare(first.forAccount('alice'), share)
    const { usedBytes } = await first.status()
    if (what !== 'not closed in order') await first[Symbol.asyncDispose]()

    await lose(disk)
    const second = await opened(disk, { clock, rebuildIndex: what === 'distrusted' })
    const status = await second.status()
    expect(status).toMatchObject({ usedBytes, shareCount: 8 })
    const leasesSurvive = what === 'distrusted' || what === 'not closed in order'
    const account = leasesSurvive ? 'alice' : ''
    expect(status.accounts).toMatchObject([{ account, chargedBytes: usedBytes }])
    for (const file of files)
      for (const share of file.shares) expect(await isListed(second, share)).toBe(true)

    clock.shiftMilliseconds += (LEASE_DURATION_DEFAULT_SECONDS - 60) * 1000
    expect((await second.collect()).freedShares).toBe(leasesSurvive ? 8 : 0)
    clock.shiftMilliseconds += 120_000
    await second.collect()
    expect((await second.status()).shareCount).toBe(0)
  })

  test('puts garbage aside on the way, and never deletes it', async () => {
    const disk = newDisk()
    const first = await openStorage(disk)
    const file = await makeFile('good')
    const good = shareAt(file, 0)
    await putShare(first.forAccount('alice'), good)
    await first[Symbol.asyncDispose]()
    await disk.removeFolder(paths.index)
    const bucket = paths.bucketFolder(file.storageIndex)
    const garbage: readonly (readonly [string, Uint8Array])[] = [
      [`${paths.shares}/loose`, utf8('a')],
      [`${paths.prefixFolder(file.storageIndex)}/loose`, utf8('b')],
      [`${bucket}/notes.txt`, utf8('c')],
      [paths.shareFile(shareAt(file, 1).address), utf8('too short')],
      [paths.shareFile(shareAt(file, 2).address), shareAt(file, 2).file.subarray(1)],
      [paths.shareFile(shareAt(file, 3).address), shareAt(file, 0).file],
      [`${bucket}/${'a'.repeat(52)}.255`, good.file],
    ]
    for (const [path, bytes] of garbage) await (await disk.createFile(path)).append(bytes)
    await disk.makeFolder(`${paths.shares}/zz/not-a-bucket`)

    const { log, lines } = recordingLog()
    const second = await opened(disk, { log })
    expect((await second.status()).shareCount).toBe(1)
    expect(await isListed(second, good)).toBe(true)
    const aside = (await disk.list(paths.corrupt)).length
    expect(aside).toBe(garbage.length + 1)
    expect(lines.filter((line) => line.startsWith('file put aside'))).toHaveLength(aside)
    expect(lines.join()).not.toContain(paths.bucketFolder(file.storageIndex).slice(-52))
  })

  test('a damaged index is repaired, and no small share is lost', async () => {
    const disk = newDisk()
    const smallShareMaxBytes = SMALL_SHARE_LIMIT_BYTES
    const first = await openStorage(disk, { smallShareMaxBytes })
    const file = await makeFile('mended')
    const large = shareAt(await makeFile('mended large', 100_000), 0)
    for (const share of [...file.shares, large]) await putShare(first.forAccount('alice'), share)
    const before = await first.status()
    await first[Symbol.asyncDispose]()
    disk.damageIndex(paths.index, { isRepairable: true })
    const store = disk.memory.folderAt(paths.index)?.store
    await store?.del(Uint8Array.of(1, ...utf8('version')))
    await store?.put(Uint8Array.of(5, 1), utf8('half of a record'))
    await store?.put(Uint8Array.of(3, 1), utf8('half of a lease'))
    const second = await opened(disk, { smallShareMaxBytes })
    expect(await second.status()).toEqual(before)
    for (const share of [...file.shares, large]) {
      expect(await second.forAccount('alice').scrubShare(share.address)).toEqual({ healthy: true })
    }
    expect(disk.files(paths.corrupt)).toEqual([])
  })

  test('an index that cannot be read is put aside and made again', async () => {
    const disk = newDisk()
    const first = await openStorage(disk)
    const share = shareAt(await makeFile('unreadable'), 0)
    await putShare(first.forAccount('alice'), share)
    await first[Symbol.asyncDispose]()
    disk.damageIndex(paths.index, { isRepairable: false })
    const second = await opened(disk)
    expect(await isListed(second, share)).toBe(true)
    expect((await disk.list(paths.corrupt)).map((entry) => entry.name)).toEqual(['index.1'])
  })

  test.for(['distrusted', 'of another version'])('small shares outlast an index that is %s', async (what) => {
    const disk = newDisk()
    const smallShareMaxBytes = SMALL_SHARE_LIMIT_BYTES
    const first = await openStorage(disk, { smallShareMaxBytes })
    const file = await makeFile('small shares')
    const large = shareAt(await makeFile('a large one', 100_000), 0)
    for (const share of [...file.shares, large]) await putShare(first.forAccount('alice'), share)
    expect(disk.files(paths.shares)).toEqual([paths.shareFile(large.address)])
    const { usedBytes } = await first.status()
    await first[Symbol.asyncDispose]()
    if (what === 'of another version') await spoilVersion(disk)
    const bad = shareAt(file, 2)
    const store = disk.memory.folderAt(paths.index)?.store
    await store?.put(smallKey(bad.address), bad.file.subarray(1))

    const second = await opened(disk, { smallShareMaxBytes, rebuildIndex: what === 'distrusted' })
    const expected = { usedBytes: usedBytes - bad.file.length, shareCount: 4 }
    expect(await second.status()).toMatchObject(expected)
    expect(await isListed(second, bad)).toBe(false)
    expect(disk.files(paths.corrupt)).toHaveLength(1)
    const server = second.forAccount('alice')
    for (const share of [shareAt(file, 0), shareAt(file, 1), shareAt(file, 3), large]) {
      expect(await server.scrubShare(share.address)).toEqual({ healthy: true })
    }
    await putShare(server, bad)
    expect((await second.status()).usedBytes).toBe(usedBytes)
  })

  async function spoilVersion(disk: SimDisk): Promise<void> {
    const index = await disk.openIndex(paths.index)
    const key = Uint8Array.of(1, ...utf8('version'))
    await index.batch([{ type: 'put', key, value: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 99) }], { sync: true })
    await index.close()
  }
})

describe('collecting', () => {
  test('frees a share when its last lease has run out, and its file with it', async () => {
    const disk = newDisk()
    const clock = new ShiftedClock()
    const storage = await opened(disk, { clock })
    const file = await makeFile('expire')
    const [kept, freed] = [shareAt(file, 0), shareAt(file, 1)]
    await putShare(storage.forAccount('alice'), kept, { leaseDurationSeconds: DAY_SECONDS })
    await putShare(storage.forAccount('bob'), kept, { leaseDurationSeconds: 2 * DAY_SECONDS })
    await putShare(storage.forAccount('alice'), freed, { leaseDurationSeconds: DAY_SECONDS })
    expect(await storage.collect()).toEqual({ freedShares: 0, freedSlots: 0, freedBytes: 0 })

    clock.shiftMilliseconds += DAY_SECONDS * 1000 + 1000
    expect(await storage.collect()).toEqual({
      freedShares: 1,
      freedSlots: 0,
      freedBytes: freed.file.length,
    })
    expect(shareFile(disk, freed)).toBeUndefined()
    expect(shareFile(disk, kept)).toEqual(kept.file)
    expect((await storage.status()).accounts).toMatchObject([
      { account: 'bob', chargedBytes: kept.file.length },
    ])

    clock.shiftMilliseconds += DAY_SECONDS * 1000
    expect((await storage.collect()).freedShares).toBe(1)
    expect(disk.files(paths.shares)).toEqual([])
    expect(await storage.status()).toMatchObject({ usedBytes: 0, shareCount: 0, accounts: [] })
  })

  test('frees a share whose only lease was cancelled', async () => {
    const storage = await opened(newDisk())
    const share = shareAt(await makeFile('cancel'), 0)
    await putShare(storage.forAccount('alice'), share)
    await storage.forAccount('alice').updateLeases([{ action: 'cancel', address: share.address }])
    expect(await isListed(storage, share)).toBe(true)
    expect((await storage.collect()).freedShares).toBe(1)
    expect(await isListed(storage, share)).toBe(false)
  })

  test('a reader in the middle of a share that is freed reads on', async () => {
    const clock = new ShiftedClock()
    const storage = await opened(newDisk(), { clock })
    const share = shareAt(await makeFile('reader', 50_000), 0)
    const server = storage.forAccount('alice')
    await putShare(server, share)
    clock.shiftMilliseconds += 2 * DAY_SECONDS * 1000
    const reads = share.blocks.map((_, segmentIndex) =>
      server.readBlock({ address: share.address, segmentIndex, withSealedProof: true }),
    )
    const [freed, ...blocks] = await Promise.all([storage.collect(), ...reads])
    expect(freed.freedShares).toBe(1)
    expect(blocks.map((read) => read.block)).toEqual(share.blocks)
    await expect(server.readManifest(share.address)).rejects.toThrow(NotFoundError)
  })
})

describe('space', () => {
  test('a disk that fills up midway refuses the share, shows nothing of it and has its room back', async () => {
    const file = await makeFile('full', 200_000)
    const share = shareAt(file, 0)
    const disk = newDisk(share.file.length + 5000)
    const storage = await opened(disk)
    const server = storage.forAccount('alice')
    const small = shareAt(await makeFile('small', 100), 0)
    await putShare(server, small)
    const { freeBytes } = await storage.status()
    // Behind the server's back, so that the disk refuses and not the ledger.
    disk.onStep = ({ kind, path }) => {
      if (kind === 'append' && path.startsWith(paths.incoming)) disk.memory.capacityBytes = 60_000
    }
    await expect(putShare(server, share)).rejects.toThrow(NoSpaceError)
    disk.onStep = undefined
    disk.memory.capacityBytes = share.file.length + 5000
    expect(disk.files(paths.incoming)).toEqual([])
    expect(await isListed(storage, share)).toBe(false)
    expect(await storage.status()).toMatchObject({ incomingBytes: 0, freeBytes, shareCount: 1 })
    await putShare(server, share)
    expect(shareFile(disk, share)).toEqual(share.file)
  })

  test('keeps to what is lent, and leaves the reserve of the disk alone', async () => {
    const share = shareAt(await makeFile('lent'), 0)
    const lent = await opened(newDisk(), { lentBytes: share.file.length - 1 })
    await expect(putShare(lent.forAccount('alice'), share)).rejects.toThrow(NoSpaceError)
    const reserve = await opened(newDisk(100_000), { reservedBytes: 100_000 - share.file.length })
    expect((await reserve.status()).freeBytes).toBeLessThan(share.file.length)
    await expect(putShare(reserve.forAccount('alice'), share)).rejects.toThrow(NoSpaceError)
    const enough = await opened(newDisk(), { lentBytes: share.file.length })
    await putShare(enough.forAccount('alice'), share)
    expect((await enough.status()).freeBytes).toBe(0)
  })

  test('room that was promised to one write is not promised to another', async () => {
    const [one, two] = [shareAt(await makeFile('one'), 0), shareAt(await makeFile('two'), 0)]
    const storage = await opened(newDisk(), { lentBytes: one.file.length + 100 })
    const server = storage.forAccount('alice')
    const request = { ...one.address, uploadId: new Uint8Array(16), expectedSizeBytes: one.file.length }
    const writer = server.writeShare(request)
    await writer.open()
    await expect(putShare(storage.forAccount('bob'), two)).rejects.toThrow(NoSpaceError)
    await writer.abort()
    await putShare(storage.forAccount('bob'), two)
  })

  test('a write that meets a closing storage fails, and leaves nothing', async () => {
    const disk = newDisk()
    const storage = await openStorage(disk)
    const share = shareAt(await makeFile('closing', 200_000), 0)
    const request = { ...share.address, uploadId: new Uint8Array(16), expectedSizeBytes: 0 }
    const writer = storage.forAccount('alice').writeShare(request)
    await writer.open()
    for (const segmentIndex of [0, 1]) await writer.writeBlock(blockWrite(share, segmentIndex))
    await storage[Symbol.asyncDispose]()
    const rest = async () => {
      for (let segmentIndex = 2; segmentIndex < share.blocks.length; segmentIndex += 1) {
        await writer.writeBlock(blockWrite(share, segmentIndex))
      }
    }
    await expect(rest()).rejects.toThrow(BusyError)
    expect(disk.files(paths.incoming)).toEqual([])
  })

  test('an account writes a bounded number of shares at a time', async () => {
    const storage = await opened(newDisk())
    const server = storage.forAccount('alice')
    const { storageIndex } = await makeFile('bound')
    const writers = Array.from({ length: OPEN_WRITES_PER_ACCOUNT_MAX + 1 }, (_, number) =>
      server.writeShare({
        storageIndex,
        shareNumber: number % 255,
        uploadId: seededBytes(`${number}`, 16),
        expectedSizeBytes: 0,
      }),
    )
    const opens = await Promise.allSettled(writers.map((writer) => writer.open()))
    expect(opens.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(
      OPEN_WRITES_PER_ACCOUNT_MAX,
    )
    const last = opens.at(-1)
    expect(last?.status === 'rejected' && last.reason instanceof BusyError).toBe(true)
    await Promise.all(writers.map((writer) => writer.abort()))
    expect((await storage.status()).incomingBytes).toBe(0)
  })

  test('an incoming share that nobody writes is dropped, one that is written is not', async () => {
    const disk = newDisk()
    const clock = new ShiftedClock()
    const storage = await opened(disk, { clock })
    const server = storage.forAccount('alice')
    const share = shareAt(await makeFile('idle', 200_000), 0)
    const request = { ...share.address, uploadId: new Uint8Array(16), expectedSizeBytes: 0 }
    const writer = server.writeShare(request)
    await writer.open()
    await writer.writeBlock(blockWrite(share, 0))
    clock.shiftMilliseconds += (OPEN_WRITE_IDLE_SECONDS + 1) * 1000
    await storage.dropIdle()
    await writer.writeBlock(blockWrite(share, 1))
    await writer.detach()
    await storage.dropIdle()
    expect((await storage.status()).incomingBytes).toBeGreaterThan(0)
    clock.shiftMilliseconds += (OPEN_WRITE_IDLE_SECONDS + 1) * 1000
    await storage.dropIdle()
    expect((await storage.status()).incomingBytes).toBe(0)
    const again = server.writeShare(request)
    expect(await again.open()).toEqual({ segmentsHeld: 0 })
    await again.abort()
  })

  test('an attached writer whose owner vanished keeps its bytes until it lets go', async () => {
    const storage = await opened(newDisk())
    const share = shareAt(await makeFile('signal'), 0)
    const server = storage.forAccount('alice')
    const writer = server.writeShare({ ...share.address, uploadId: new Uint8Array(16), expectedSizeBytes: 0 })
    await writer.open()
    await writer.writeBlock(blockWrite(share, 0))
    const reason = new ConflictError('called off')
    const signal = AbortSignal.abort(reason)
    await expect(writer.writeBlock(blockWrite(share, 1), { signal })).rejects.toBe(reason)
    const again = server.writeShare({ ...share.address, uploadId: new Uint8Array(16), expectedSizeBytes: 0 })
    expect(await again.open()).toEqual({ segmentsHeld: 1 })
    await again.abort()
  })
})

describe('syncs', () => {
  async function stepsOf(disk: SimDisk, work: () => Promise<void>): Promise<Record<string, number>> {
    const counts: Record<string, number> = {}
    disk.onStep = ({ kind }) => {
      counts[kind] = (counts[kind] ?? 0) + 1
    }
    await work()
    disk.onStep = undefined
    return counts
  }

  test('a small share costs one file sync, two folder syncs and one index batch', async () => {
    const disk = newDisk()
    const storage = await opened(disk)
    const server = storage.forAccount('alice')
    const file = await makeFile('first', 900)
    await putShare(server, shareAt(file, 0))
    const inOldBucket = await stepsOf(disk, () => putShare(server, shareAt(file, 1)))
    expect(inOldBucket).toMatchObject({ create: 1, append: 1, sync: 1, rename: 1, syncFolder: 1, index: 1 })
    for (const share of file.shares) {
      await server.updateLeases([{ action: 'cancel', address: share.address }])
    }
    await storage.collect()
    const inNewBucket = await stepsOf(disk, () => putShare(server, shareAt(file, 2)))
    expect(inNewBucket).toMatchObject({ create: 1, append: 1, sync: 1, rename: 1, syncFolder: 2, index: 1 })
  })

  test('a small share in the index costs one batch, and no file', async () => {
    const disk = newDisk()
    const storage = await opened(disk, { smallShareMaxBytes: SMALL_SHARE_LIMIT_BYTES })
    const share = shareAt(await makeFile('in the index', 900), 0)
    const counts = await stepsOf(disk, () => putShare(storage.forAccount('alice'), share))
    expect(counts).toEqual({ index: 1 })
  })

  test('shares that come together share their index batches', async () => {
    const disk = newDisk()
    const storage = await opened(disk)
    const server = storage.forAccount('alice')
    const files = await Promise.all(
      Array.from({ length: 50 }, (_, number) => makeFile(`many ${number}`, 900)),
    )
    const counts = await stepsOf(disk, async () => {
      await Promise.all(files.map((file) => putShare(server, shareAt(file, 0))))
    })
    expect(counts.sync).toBe(50)
    expect(counts.index).toBeLessThan(25)
  })
})
