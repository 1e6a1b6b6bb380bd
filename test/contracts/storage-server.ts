/**
 * What every StorageServer promises (node/storage/server.ts, PROTOCOL §4): run on the local server over memory and a
 * real disk, and on the remote one.
 */
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  asDigest,
  asTreeHash,
  blockLeaf,
  IntegrityError,
  InvalidInputError,
  LAYOUT,
  manifestGeometry,
  parseManifestOf,
  verifyProof,
} from '#crypto'
import {
  ConflictError,
  LEASE_DURATION_MAX_SECONDS,
  LEASE_UPDATES_MAX,
  type LeaseChange,
  LIST_QUERIES_MAX,
  NoSpaceError,
  NotFoundError,
  nativeBulkCrypto,
  type ShareAddress,
  type ShareWriter,
  type StorageServer,
  type WholeShare,
} from '#node'
import {
  blockWrite,
  type MadeFile,
  type MadeShare,
  makeShares,
  putShare,
  seededBytes,
  shareAt,
} from '../support/make-shares.ts'
import { slotCases } from './slots.ts'

export interface StorageHarness extends AsyncDisposable {
  /** The one server, as seen by an account; another account for another label, another channel for each call. */
  connect(label: string): Promise<StorageServer>
  /** Turn over one bit of a visible share's file, behind the server's back. */
  damage(address: ShareAddress, offset: number): Promise<void>
}

export interface StorageHarnessOptions {
  /** Of every account; undefined: no limit. */
  readonly quotaBytes?: number | undefined
}

type OpenHarness = (options: StorageHarnessOptions) => Promise<StorageHarness>
type Connect = (label?: string, options?: StorageHarnessOptions) => Promise<StorageServer>

const SEGMENT_SIZE_BYTES = 1024
const HOUR_SECONDS = 3600

export function storageServerContract(name: string, openHarness: OpenHarness): void {
  const open = async (options: StorageHarnessOptions = {}): Promise<StorageHarness> => {
    const harness = await openHarness(options)
    onTestFinished(async () => harness[Symbol.asyncDispose]())
    return harness
  }
  const connect: Connect = async (label = 'alice', options = {}) => (await open(options)).connect(label)

  describe(`storage server contract: ${name}`, () => {
    readingCases(connect)
    writingCases(connect, open)
    refusalCases(connect)
    wholeShareCases(connect, open)
    resumeCases(open)
    leaseCases(open)
    spaceCases(connect)
    scrubCases(open)
    slotCases(open)
  })
}

/** 2 of 4 in segments of 1 KiB, in the given number of segments. */
function makeFile(seed: string, segmentCount = 3): Promise<MadeFile> {
  return makeShares({
    seed,
    sizeBytes: segmentCount * SEGMENT_SIZE_BYTES - 100,
    encoding: { neededShares: 2, totalShares: 4, segmentSizeBytes: SEGMENT_SIZE_BYTES },
  })
}

/** Read a share back through the contract, and verify all of it as a client does. */
async function expectReadable(server: StorageServer, share: MadeShare): Promise<void> {
  const { address } = share
  const manifestBytes = await server.readManifest(address)
  expect(manifestBytes).toEqual(share.manifest)
  const manifest = parseManifestOf(address, manifestBytes)
  const leafCount = manifestGeometry(manifest).segmentCount
  const shareRoot = asTreeHash(manifest.shareRoots[address.shareNumber] ?? new Uint8Array(0))
  for (const [segmentIndex, block] of share.blocks.entries()) {
    const read = await server.readBlock({ address, segmentIndex, withSealedProof: true })
    expect(read.block).toEqual(block)
    const leaf = blockLeaf(asDigest(nativeBulkCrypto.sha256(read.block)))
    verifyProof(shareRoot, leaf, { leafIndex: segmentIndex, leafCount, proof: read.blockProof })
    const { sealedLeaf } = blockWrite(share, segmentIndex)
    const proof = read.sealedProof ?? new Uint8Array(0)
    verifyProof(manifest.sealedRoot, sealedLeaf, { leafIndex: segmentIndex, leafCount, proof })
  }
}

async function listed(server: StorageServer, file: MadeFile): Promise<readonly number[]> {
  const [shares = []] = await server.listShares([{ storageIndex: file.storageIndex, root: file.root }])
  return shares.map((share) => share.shareNumber)
}

function begin(server: StorageServer, share: MadeShare, uploadId = seededBytes('upload', 16)): ShareWriter {
  const { storageIndex, shareNumber } = share.address
  return server.writeShare({ storageIndex, shareNumber, uploadId, expectedSizeBytes: 0 })
}

async function writeBlocks(writer: ShareWriter, share: MadeShare, first = 0, end = share.blocks.length) {
  for (let segmentIndex = first; segmentIndex < end; segmentIndex += 1) {
    await writer.writeBlock(blockWrite(share, segmentIndex))
  }
}

function flipped(bytes: Uint8Array, offset = 0): Uint8Array {
  const copy = bytes.slice()
  copy[offset] = (copy[offset] ?? 0) ^ 1
  return copy
}

function readingCases(connect: Connect): void {
  test('gives back what was written, with proofs', async () => {
    const server = await connect()
    const file = await makeFile('read', 9)
    for (const share of file.shares) await putShare(server, share)
    for (const share of file.shares) await expectReadable(server, share)
  })

  test('leaves the sealed proof out when it is not asked for', async () => {
    const server = await connect()
    const share = shareAt(await makeFile('plain'), 1)
    await putShare(server, share)
    const read = await server.readBlock({ address: share.address, segmentIndex: 2, withSealedProof: false })
    expect(read.sealedProof).toBeUndefined()
    expect(read.block).toEqual(share.blocks[2])
  })

  test('lists shares by share number, of one root or of all, for each query in turn', async () => {
    const server = await connect()
    const [file, other] = [await makeFile('list'), await makeFile('other')]
    for (const shareNumber of [3, 0, 2]) await putShare(server, shareAt(file, shareNumber))
    const { storageIndex, root } = file
    const lists = await server.listShares([
      { storageIndex, root: undefined },
      { storageIndex: other.storageIndex, root: undefined },
      { storageIndex, root: other.root },
      { storageIndex, root },
    ])
    const found = [0, 2, 3].map((shareNumber) => ({
      root,
      shareNumber,
      shareSizeBytes: shareAt(file, shareNumber).file.length,
    }))
    expect(lists).toEqual([found, [], [], found])
    expect(await server.listShares([])).toEqual([])
  })

  test('opens a file in one answer: shares, manifest, and the block of the first share', async () => {
    const server = await connect()
    const file = await makeFile('open', 5)
    for (const shareNumber of [3, 1, 2]) await putShare(server, shareAt(file, shareNumber))
    const first = shareAt(file, 1)
    const { storageIndex, root } = file
    const shares = [1, 2, 3].map((shareNumber) => ({
      root,
      shareNumber,
      shareSizeBytes: shareAt(file, shareNumber).file.length,
    }))
    const { manifest } = first
    for (const [segmentIndex, block] of first.blocks.entries()) {
      const read = await server.readBlock({ address: first.address, segmentIndex, withSealedProof: true })
      expect(read.block).toEqual(block)
      expect(await server.openFile({ storageIndex, root, segmentIndex })).toEqual({
        shares,
        manifest,
        block: read,
      })
    }
    const bare = { shares, manifest, block: undefined }
    expect(await server.openFile({ storageIndex, root, segmentIndex: 5 })).toEqual(bare)
    expect(await server.openFile({ storageIndex, root, segmentIndex: undefined })).toEqual(bare)
    const other = (await makeFile('open other')).root
    const nothing = { shares: [], manifest: undefined, block: undefined }
    expect(await server.openFile({ storageIndex, root: other, segmentIndex: 0 })).toEqual(nothing)
  })

  test('opens many files at once, each with its own answer', async () => {
    const server = await connect()
    const files = await Promise.all(Array.from({ length: 30 }, (_, number) => makeFile(`open ${number}`, 2)))
    for (const file of files.slice(10)) await putShare(server, shareAt(file, 0))
    const opened = await Promise.all(files.map((file) => server.openFile({ ...file, segmentIndex: 1 })))
    expect(opened.map(({ block }) => block?.block)).toEqual(
      files.map((file, place) => (place < 10 ? undefined : shareAt(file, 0).blocks[1])),
    )
  })

  test('leaves out blocks that are too many for one answer, and gives them one by one', async () => {
    const server = await connect()
    const encoding = { neededShares: 1, totalShares: 2, segmentSizeBytes: 1024 * 1024 }
    const files = await Promise.all(
      Array.from({ length: 6 }, (_, number) =>
        makeShares({ seed: `big ${number}`, sizeBytes: 1e6, encoding }),
      ),
    )
    for (const file of files) await putShare(server, shareAt(file, 0))
    const opened = await Promise.all(files.map((file) => server.openFile({ ...file, segmentIndex: 0 })))
    for (const [place, { shares, manifest, block }] of opened.entries()) {
      const file = files[place]
      if (file === undefined) continue
      expect(shares).toHaveLength(1)
      expect(manifest).toEqual(shareAt(file, 0).manifest)
      if (block !== undefined) expect(block.block).toEqual(shareAt(file, 0).blocks[0])
      await expectReadable(server, shareAt(file, 0))
    }
    expect(opened[0]?.block).toBeDefined()
  })

  test('knows nothing of shares that are not there, and refuses segments that are not', async () => {
    const server = await connect()
    const file = await makeFile('absent')
    const { address } = shareAt(file, 0)
    await expect(server.readManifest(address)).rejects.toThrow(NotFoundError)
    const request = { address, segmentIndex: 0, withSealedProof: false }
    await expect(server.readBlock(request)).rejects.toThrow(NotFoundError)
    await putShare(server, shareAt(file, 0))
    await expect(server.readBlock({ ...request, segmentIndex: 3 })).rejects.toThrow(InvalidInputError)
    await expect(server.readManifest({ ...address, shareNumber: 1 })).rejects.toThrow(NotFoundError)
    const { root } = await makeFile('another root')
    await expect(server.readManifest({ ...address, root })).rejects.toThrow(NotFoundError)
  })
}

function writingCases(connect: Connect, open: OpenHarness): void {
  test('takes the empty file', async () => {
    const server = await connect()
    const file = await makeShares({ seed: 'empty', sizeBytes: 0 })
    await putShare(server, shareAt(file, 9))
    await expectReadable(server, shareAt(file, 9))
  })

  test('takes any file, in any encoding', async () => {
    const server = await connect()
    let run = 0
    const cases = fc.asyncProperty(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 0, max: 40_000 }),
      fc.constantFrom(1024, 1500, 4096),
      fc.constantFrom(LAYOUT.bytes, LAYOUT.bits),
      async (neededShares, spareShares, sizeBytes, segmentSizeBytes, layout) => {
        run += 1
        const totalShares = neededShares + spareShares
        const encoding = { neededShares, totalShares, segmentSizeBytes, layout }
        const file = await makeShares({ seed: `any ${run}`, sizeBytes, encoding })
        const share = shareAt(file, sizeBytes % totalShares)
        await putShare(server, share)
        await expectReadable(server, share)
      },
    )
    await fc.assert(cases, { numRuns: 15 })
  })

  test('shows nothing before finish has returned', async () => {
    const server = await connect()
    const file = await makeFile('half')
    const share = shareAt(file, 0)
    const writer = begin(server, share)
    expect(await writer.open()).toEqual({ segmentsHeld: 0 })
    await writeBlocks(writer, share)
    expect(await listed(server, file)).toEqual([])
    await expect(server.readManifest(share.address)).rejects.toThrow(NotFoundError)
    await writer.finish({ manifest: share.manifest, leaseDurationSeconds: HOUR_SECONDS })
    expect(await listed(server, file)).toEqual([0])
  })

  test('finishing a share that is visible renews its lease and keeps one copy', async () => {
    const server = await connect()
    const share = shareAt(await makeFile('twice'), 0)
    const { address } = share
    await putShare(server, share, { leaseDurationSeconds: HOUR_SECONDS })
    await putShare(server, share, { leaseDurationSeconds: 2 * HOUR_SECONDS })
    const status = await server.status()
    expect(status.shareCount).toBe(1)
    expect(status.accountUsedBytes).toBe(share.file.length)
    const [outcome] = await server.updateLeases([{ action: 'renew', address, durationSeconds: 1 }])
    const now = Date.now() / 1000
    expect(outcome?.ok === true && outcome.expiresAtSeconds > now + 1.5 * HOUR_SECONDS).toBe(true)
  })

  test('two accounts that write the same share at once both succeed, and one copy stays', async () => {
    const harness = await open({})
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    const share = shareAt(await makeFile('race', 5), 2)
    await Promise.all([
      putShare(alice, share),
      putShare(bob, share),
      putShare(alice, shareAt(await makeFile('race', 5), 1)),
    ])
    await expectReadable(alice, share)
    const [ofAlice, ofBob] = [await alice.status(), await bob.status()]
    expect(ofAlice.shareCount).toBe(2)
    expect(ofBob.accountUsedBytes).toBe(share.file.length)
    expect(ofAlice.accountUsedBytes).toBe(2 * share.file.length)
    expect(ofAlice.usedBytes).toBe(2 * share.file.length)
  })

  test('an aborted write is forgotten', async () => {
    const server = await connect()
    const file = await makeFile('abort')
    const share = shareAt(file, 0)
    const writer = begin(server, share)
    await writer.open()
    await writeBlocks(writer, share, 0, 2)
    await writer.abort()
    const again = begin(server, share)
    expect(await again.open()).toEqual({ segmentsHeld: 0 })
    await again.abort()
    expect(await listed(server, file)).toEqual([])
  })
}

function refusalCases(connect: Connect): void {
  type Spoil = (share: MadeShare) => Partial<Omit<MadeShare, 'address' | 'file'>>
  const lies: readonly (readonly [string, Spoil])[] = [
    [
      'another block',
      (share) => ({ blocks: share.blocks.map((block, index) => (index === 1 ? flipped(block) : block)) }),
    ],
    [
      'another last block',
      (share) => ({ blocks: share.blocks.with(-1, flipped(share.blocks.at(-1) ?? new Uint8Array(1))) }),
    ],
    ['another sealed leaf', (share) => ({ sealedLeaves: share.sealedLeaves.toReversed() })],
    ['a block too few', (share) => ({ blocks: share.blocks.slice(0, -1) })],
    ['a block of another size', (share) => ({ blocks: share.blocks.with(1, new Uint8Array(7)) })],
    [
      'a block too many',
      (share) => ({
        blocks: [...share.blocks, new Uint8Array(7)],
        sealedLeaves: [...share.sealedLeaves, ...share.sealedLeaves.slice(0, 1)],
      }),
    ],
    [
      'another share root in its manifest',
      (share) => ({ manifest: flipped(share.manifest, share.manifest.length - 1 - 32 * 3) }),
    ],
    ['another storage index in its manifest', (share) => ({ manifest: flipped(share.manifest, 20) })],
    ['another sealed root in its manifest', (share) => ({ manifest: flipped(share.manifest, 50) })],
    ['another file size in its manifest', (share) => ({ manifest: flipped(share.manifest, 14) })],
  ]
  test.for(lies)('refuses a share with %s, and takes the right one after', async ([, spoil]) => {
    const server = await connect()
    const file = await makeFile('lie')
    const share = shareAt(file, 0)
    await expect(putShare(server, { ...share, ...spoil(share) })).rejects.toThrow(IntegrityError)
    expect(await listed(server, file)).toEqual([])
    expect((await server.status()).accountUsedBytes).toBe(0)
    await putShare(server, share)
    await expectReadable(server, share)
  })

  test('refuses a share under another number', async () => {
    const server = await connect()
    const file = await makeFile('number')
    const { address } = shareAt(file, 1)
    await expect(putShare(server, { ...shareAt(file, 0), address })).rejects.toThrow(IntegrityError)
    const beyond = { ...address, shareNumber: 4 }
    await expect(putShare(server, { ...shareAt(file, 0), address: beyond })).rejects.toThrow(IntegrityError)
  })

  test('refuses a manifest that is none', async () => {
    const server = await connect()
    const file = await makeFile('garbage')
    for (const manifest of [new Uint8Array(0), new Uint8Array(300), shareAt(file, 0).manifest.subarray(1)]) {
      await expect(putShare(server, { ...shareAt(file, 0), manifest })).rejects.toThrow(InvalidInputError)
    }
    expect(await listed(server, file)).toEqual([])
  })

  test('takes blocks in order only, and after one failure nothing', async () => {
    const server = await connect()
    const share = shareAt(await makeFile('order'), 0)
    const writer = begin(server, share)
    await writer.open()
    await expect(writer.writeBlock(blockWrite(share, 1))).rejects.toThrow(InvalidInputError)
    await expect(writer.writeBlock(blockWrite(share, 0))).rejects.toThrow(InvalidInputError)
    const last = { manifest: share.manifest, leaseDurationSeconds: HOUR_SECONDS }
    await expect(writer.finish(last)).rejects.toThrow(InvalidInputError)
    await writer.abort()
  })

  test('refuses blocks that are empty or too large, and leases that are too long', async () => {
    const server = await connect()
    const share = shareAt(await makeFile('bounds'), 0)
    for (const sizeBytes of [0, 4 * 1024 * 1024 + 513]) {
      const blocks = [new Uint8Array(sizeBytes)]
      await expect(putShare(server, { ...share, blocks })).rejects.toThrow(InvalidInputError)
    }
    for (const leaseDurationSeconds of [0, LEASE_DURATION_MAX_SECONDS + 1]) {
      await expect(putShare(server, share, { leaseDurationSeconds })).rejects.toThrow(InvalidInputError)
    }
  })

  test('refuses requests that no honest client makes', async () => {
    const server = await connect()
    const { storageIndex } = await makeFile('request')
    const sound = { storageIndex, shareNumber: 0, uploadId: new Uint8Array(16), expectedSizeBytes: 0 }
    for (const wrong of [{ shareNumber: 255 }, { uploadId: new Uint8Array(15) }]) {
      const writer = server.writeShare({ ...sound, ...wrong })
      await expect(writer.open()).rejects.toThrow(InvalidInputError)
      await writer.abort()
    }
    const queries = Array.from({ length: LIST_QUERIES_MAX + 1 }, () => ({ storageIndex, root: undefined }))
    await expect(server.listShares(queries)).rejects.toThrow(InvalidInputError)
  })
}

function wholeOf(share: MadeShare, leaseDurationSeconds = HOUR_SECONDS): WholeShare {
  const { storageIndex, shareNumber } = share.address
  const [block = new Uint8Array(0)] = share.blocks
  return { storageIndex, shareNumber, manifest: share.manifest, block, leaseDurationSeconds }
}

function wholeShareCases(connect: Connect, open: OpenHarness): void {
  test('takes a share in one piece, the same one as in parts', async () => {
    const server = await connect()
    let run = 0
    const cases = fc.asyncProperty(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 0, max: 4 }),
      fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 0, max: 400_000 })),
      fc.constantFrom(LAYOUT.bytes, LAYOUT.bits),
      async (neededShares, spareShares, sizeBytes, layout) => {
        run += 1
        const totalShares = neededShares + spareShares
        const file = await makeShares({
          seed: `whole ${run}`,
          sizeBytes,
          encoding: { neededShares, totalShares, layout },
        })
        const share = shareAt(file, sizeBytes % totalShares)
        await server.writeWhole(wholeOf(share))
        await expectReadable(server, share)
        expect(await server.scrubShare(share.address)).toEqual({ healthy: true })
        const shares = [{ root: file.root, shareNumber: share.address.shareNumber }]
        expect(await server.listShares([file])).toMatchObject([shares])
      },
    )
    await fc.assert(cases, { numRuns: 15 })
  })

  test('takes many at once, each decided alone', async () => {
    const server = await connect()
    const files = await Promise.all(Array.from({ length: 40 }, (_, number) => makeFile(`many ${number}`, 1)))
    const shares = files.flatMap((file) => [shareAt(file, 0), shareAt(file, 2)])
    const isBad = (place: number) => place % 7 === 3
    const settled = await Promise.allSettled(
      shares.map((share, place) =>
        server.writeWhole(
          isBad(place) ? { ...wholeOf(share), block: flipped(wholeOf(share).block) } : wholeOf(share),
        ),
      ),
    )
    for (const [place, outcome] of settled.entries()) {
      if (!isBad(place)) expect(outcome.status).toBe('fulfilled')
      else expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(IntegrityError) })
    }
    const good = shares.filter((_, place) => !isBad(place))
    for (const share of good) await expectReadable(server, share)
    const status = await server.status()
    expect(status.shareCount).toBe(good.length)
    expect(status.accountUsedBytes).toBe(good.reduce((sum, share) => sum + share.file.length, 0))
  })

  test('writing a share again renews its lease and keeps one copy, whichever way it came', async () => {
    const server = await connect()
    const share = shareAt(await makeFile('whole twice', 1), 0)
    await putShare(server, share)
    await Promise.all([
      server.writeWhole(wholeOf(share)),
      server.writeWhole(wholeOf(share, 3 * HOUR_SECONDS)),
    ])
    const status = await server.status()
    expect(status.shareCount).toBe(1)
    expect(status.accountUsedBytes).toBe(share.file.length)
    const { address } = share
    const [outcome] = await server.updateLeases([{ action: 'renew', address, durationSeconds: 1 }])
    const now = Date.now() / 1000
    expect(outcome?.ok === true && outcome.expiresAtSeconds > now + 2.5 * HOUR_SECONDS).toBe(true)
    await expectReadable(server, share)
  })

  test('two accounts that write one share in one piece both have a lease on it', async () => {
    const harness = await open({})
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    const share = shareAt(await makeFile('whole race', 1), 1)
    await Promise.all([alice.writeWhole(wholeOf(share)), bob.writeWhole(wholeOf(share))])
    const [ofAlice, ofBob] = [await alice.status(), await bob.status()]
    expect([ofAlice.shareCount, ofAlice.accountUsedBytes, ofBob.accountUsedBytes]).toEqual([
      1,
      share.file.length,
      share.file.length,
    ])
  })

  const lies: readonly (readonly [string, (share: WholeShare) => Partial<WholeShare>])[] = [
    ['another block', ({ block }) => ({ block: flipped(block) })],
    ['a block too short', ({ block }) => ({ block: block.subarray(1) })],
    ['another number', () => ({ shareNumber: 1 })],
    ['a number beyond its file', () => ({ shareNumber: 4 })],
    ['another share root', ({ manifest }) => ({ manifest: flipped(manifest, manifest.length - 1 - 32 * 3) })],
    ['another storage index', ({ manifest }) => ({ manifest: flipped(manifest, 20) })],
    ['another file size', ({ manifest }) => ({ manifest: flipped(manifest, 14) })],
  ]
  test.for(lies)('refuses one piece with %s', async ([, spoil]) => {
    const server = await connect()
    const file = await makeFile('whole lie', 1)
    const whole = wholeOf(shareAt(file, 0))
    await expect(server.writeWhole({ ...whole, ...spoil(whole) })).rejects.toThrow(IntegrityError)
    expect(await listed(server, file)).toEqual([])
    expect((await server.status()).accountUsedBytes).toBe(0)
    await server.writeWhole(whole)
    await expectReadable(server, shareAt(file, 0))
  })

  test('refuses one piece that is no share, or of a file of more segments', async () => {
    const server = await connect()
    const whole = wholeOf(shareAt(await makeFile('whole bounds', 1), 0))
    const refused: readonly Partial<WholeShare>[] = [
      { block: new Uint8Array(0) },
      { block: new Uint8Array(4 * 1024 * 1024 + 513) },
      { manifest: new Uint8Array(0) },
      { manifest: new Uint8Array(300) },
      { shareNumber: 255 },
      { leaseDurationSeconds: 0 },
      { leaseDurationSeconds: LEASE_DURATION_MAX_SECONDS + 1 },
    ]
    for (const wrong of refused) {
      const writing = server.writeWhole({ ...whole, ...wrong })
      await expect(writing).rejects.toThrow(InvalidInputError)
    }
    const long = wholeOf(shareAt(await makeFile('whole long', 3), 0))
    await expect(server.writeWhole(long)).rejects.toThrow(IntegrityError)
    expect((await server.status()).shareCount).toBe(0)
  })

  test('refuses one piece that goes beyond the quota, and keeps nothing of it', async () => {
    const share = shareAt(await makeFile('whole full', 1), 0)
    const server = await connect('alice', { quotaBytes: share.file.length + 100 })
    await server.writeWhole(wholeOf(share))
    const other = shareAt(await makeFile('whole fuller', 1), 0)
    await expect(server.writeWhole(wholeOf(other))).rejects.toThrow(NoSpaceError)
    expect((await server.status()).accountUsedBytes).toBe(share.file.length)
  })
}

function resumeCases(open: OpenHarness): void {
  test('takes up a write that was let go, under the same upload id', async () => {
    const harness = await open({})
    const file = await makeFile('resume', 6)
    const share = shareAt(file, 3)
    const writer = begin(await harness.connect('alice'), share)
    await writer.open()
    await writeBlocks(writer, share, 0, 4)
    await writer.detach()

    const server = await harness.connect('alice')
    const other = begin(server, share, seededBytes('other upload', 16))
    expect(await other.open()).toEqual({ segmentsHeld: 0 })
    await other.abort()

    const again = begin(server, share)
    expect(await again.open()).toEqual({ segmentsHeld: 4 })
    await writeBlocks(again, share, 4)
    await again.finish({ manifest: share.manifest, leaseDurationSeconds: HOUR_SECONDS })
    await expectReadable(server, share)
  })

  test('one account cannot take up the write of another', async () => {
    const harness = await open({})
    const share = shareAt(await makeFile('foreign'), 0)
    const writer = begin(await harness.connect('alice'), share)
    await writer.open()
    await writeBlocks(writer, share, 0, 2)
    await writer.detach()
    const foreign = begin(await harness.connect('bob'), share)
    expect(await foreign.open()).toEqual({ segmentsHeld: 0 })
    await foreign.abort()
  })

  test('an upload id is written by one channel at a time', async () => {
    const harness = await open({})
    const share = shareAt(await makeFile('conflict'), 0)
    const writer = begin(await harness.connect('alice'), share)
    await writer.open()
    const second = begin(await harness.connect('alice'), share)
    await expect(second.open()).rejects.toThrow(ConflictError)
    await second.abort()
    await writeBlocks(writer, share)
    await writer.finish({ manifest: share.manifest, leaseDurationSeconds: HOUR_SECONDS })
    await expectReadable(await harness.connect('bob'), share)
  })
}

function leaseCases(open: OpenHarness): void {
  test('renews, never shortens, and cancels the own lease of each account', async () => {
    const harness = await open({})
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    const share = shareAt(await makeFile('lease'), 0)
    const { address } = share
    await putShare(alice, share)
    const [longer, shorter] = await alice.updateLeases([
      { action: 'renew', address, durationSeconds: 10 * HOUR_SECONDS },
      { action: 'renew', address, durationSeconds: HOUR_SECONDS },
    ])
    expect(longer?.ok).toBe(true)
    expect(shorter).toEqual(longer)
    await bob.updateLeases([{ action: 'renew', address, durationSeconds: HOUR_SECONDS }])
    expect((await bob.status()).accountUsedBytes).toBe(share.file.length)
    expect(await alice.updateLeases([{ action: 'cancel', address }])).toEqual([
      { ok: true, expiresAtSeconds: 0 },
    ])
    expect((await alice.status()).accountUsedBytes).toBe(0)
    expect((await bob.status()).accountUsedBytes).toBe(share.file.length)
    await expectReadable(alice, share)
  })

  test('a binding lease is not cancelled before it runs out, and charged like any', async () => {
    const share = shareAt(await makeFile('binding'), 0)
    const harness = await open({ quotaBytes: share.file.length })
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    const { address } = share
    await putShare(alice, share)
    const change = async (server: StorageServer, ...updates: readonly LeaseChange[]) => {
      const outcomes = await server.updateLeases(updates.map((update) => ({ ...update, address })))
      return outcomes.map((outcome) =>
        outcome.ok && outcome.expiresAtSeconds > 0
          ? Math.round((outcome.expiresAtSeconds - Date.now() / 1000) / HOUR_SECONDS)
          : outcome,
      )
    }
    const renew = (hours: number, binding?: boolean) =>
      ({ action: 'renew', durationSeconds: hours * HOUR_SECONDS, binding }) as const
    const cancel = { action: 'cancel' } as const
    expect(await change(alice, renew(5, true), renew(3), renew(4, true), cancel)).toEqual([5, 5, 5, 5])
    expect(await change(alice, renew(10), cancel, cancel)).toEqual([10, 5, 5])
    expect((await alice.status()).accountUsedBytes).toBe(share.file.length)
    const none = { ok: true, expiresAtSeconds: 0 }
    expect(await change(bob, cancel, renew(2), cancel)).toEqual([none, 2, none])
    expect((await bob.status()).accountUsedBytes).toBe(0)
    const other = shareAt(await makeFile('binding, beyond the quota'), 0)
    await putShare(bob, other)
    const beyond = { ...renew(1, true), address: other.address }
    expect(await alice.updateLeases([beyond])).toEqual([{ ok: false, reason: 'over-quota' }])
  })

  test('a bad copy goes with its binding leases', async () => {
    const harness = await open({})
    const server = await harness.connect('alice')
    const share = shareAt(await makeFile('binding and bad'), 0)
    await putShare(server, share)
    const { address } = share
    await server.updateLeases([{ action: 'renew', address, durationSeconds: HOUR_SECONDS, binding: true }])
    await harness.damage(address, 8)
    expect(await server.scrubShare(address)).toMatchObject({ healthy: false })
    expect((await server.status()).accountUsedBytes).toBe(0)
    await putShare(server, share)
    const cancelled = await server.updateLeases([{ action: 'cancel', address }])
    expect(cancelled).toEqual([{ ok: true, expiresAtSeconds: 0 }])
  })

  test('decides each update of a batch alone, in its place', async () => {
    const harness = await open({})
    const server = await harness.connect('alice')
    const file = await makeFile('batch')
    await putShare(server, shareAt(file, 1))
    const outcomes = await server.updateLeases([
      { action: 'renew', address: shareAt(file, 0).address, durationSeconds: HOUR_SECONDS },
      { action: 'renew', address: shareAt(file, 1).address, durationSeconds: HOUR_SECONDS },
      { action: 'cancel', address: shareAt(file, 2).address },
    ])
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([false, true, false])
    expect(outcomes[0]).toEqual({ ok: false, reason: 'no-such-share' })
    expect(await server.updateLeases([])).toEqual([])
  })

  test('refuses durations out of range and batches that are too long', async () => {
    const harness = await open({})
    const server = await harness.connect('alice')
    const { address } = shareAt(await makeFile('durations'), 0)
    for (const durationSeconds of [0, 1.5, LEASE_DURATION_MAX_SECONDS + 1]) {
      const updates = [{ action: 'renew' as const, address, durationSeconds }]
      await expect(server.updateLeases(updates)).rejects.toThrow(InvalidInputError)
    }
    const many = Array.from({ length: LEASE_UPDATES_MAX + 1 }, () => ({ action: 'cancel' as const, address }))
    await expect(server.updateLeases(many)).rejects.toThrow(InvalidInputError)
  })

  test('a lease on the share of another counts against the quota', async () => {
    const share = shareAt(await makeFile('quota'), 0)
    const other = shareAt(await makeFile('quota two'), 0)
    const harness = await open({ quotaBytes: share.file.length + 100 })
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    await putShare(alice, share)
    await putShare(bob, other)
    const renew = { action: 'renew' as const, address: other.address, durationSeconds: HOUR_SECONDS }
    expect(await alice.updateLeases([renew])).toEqual([{ ok: false, reason: 'over-quota' }])
  })
}

function spaceCases(connect: Connect): void {
  test('says what is used and what is left', async () => {
    const server = await connect('alice', { quotaBytes: 1_000_000 })
    const share = shareAt(await makeFile('status'), 0)
    const before = await server.status()
    await putShare(server, share)
    const after = await server.status()
    expect(after.usedBytes).toBe(before.usedBytes + share.file.length)
    expect(after.shareCount).toBe(before.shareCount + 1)
    expect(after.accountUsedBytes).toBe(share.file.length)
    expect(after.accountQuotaBytes).toBe(1_000_000)
    expect(after.freeBytes).toBeGreaterThan(0)
    expect(after.version).not.toBe('')
  })

  test('refuses what goes beyond the quota: at once if the size is known, else at the block', async () => {
    const file = await makeFile('full', 5)
    const share = shareAt(file, 0)
    const server = await connect('alice', { quotaBytes: share.file.length - 1 })
    await expect(putShare(server, share)).rejects.toThrow(NoSpaceError)
    const writer = begin(server, share)
    await writer.open()
    const writing = async () => {
      await writeBlocks(writer, share)
      await writer.finish({ manifest: share.manifest, leaseDurationSeconds: HOUR_SECONDS })
    }
    await expect(writing()).rejects.toThrow(NoSpaceError)
    await writer.abort()
    expect(await listed(server, file)).toEqual([])
    const small = shareAt(await makeFile('small', 1), 0)
    await putShare(server, small)
    await expectReadable(server, small)
  })
}

function scrubCases(open: OpenHarness): void {
  test('finds a sound copy sound', async () => {
    const server = await (await open({})).connect('alice')
    const share = shareAt(await makeFile('sound', 40), 0)
    await putShare(server, share)
    expect(await server.scrubShare(share.address)).toEqual({ healthy: true })
    const absent = shareAt(await makeFile('no such'), 0).address
    await expect(server.scrubShare(absent)).rejects.toThrow(NotFoundError)
  })

  test('puts a bad copy aside, wherever it is bad, and takes a good one in its place', async () => {
    const harness = await open({})
    const server = await harness.connect('alice')
    const file = await makeFile('bad')
    const share = shareAt(file, 0)
    const { length } = share.file
    for (const offset of [0, 8, 700, length - 700, length - 300, length - 220, length - 100, length - 1]) {
      await putShare(server, share)
      await harness.damage(share.address, offset)
      expect(await server.scrubShare(share.address)).toMatchObject({ healthy: false })
      expect(await listed(server, file)).toEqual([])
      expect((await server.status()).accountUsedBytes).toBe(0)
    }
    await putShare(server, share)
    await expectReadable(server, share)
  })
}
