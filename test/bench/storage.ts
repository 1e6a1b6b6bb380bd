/**
 * The write and read path of one storage on the disk of this machine: `node test/bench/storage.ts [FOLDER]`.
 * Beside each figure stands what the same bytes cost without Cairn.
 */
import { mkdtemp, open, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { nativeBulkCrypto, nodeDisk, SMALL_SHARE_LIMIT_BYTES, type StorageServer } from '#node'
import {
  blockWrite,
  type MadeShare,
  makeShares,
  putShare,
  seededBytes,
  shareAt,
} from '../support/make-shares.ts'
import { openStorage } from '../support/storages.ts'

const MEGABYTE = 1e6
/** A third of a segment of 1 MiB, as a share of 3 of 10 has it. */
const LARGE = { neededShares: 1, totalShares: 1, segmentSizeBytes: 349_184 }
const LARGE_SEGMENTS = 600
const SMALL_COUNT = 1000
const BLOCKS_IN_FLIGHT = 4

let plainFiles = 0

const folder = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'cairn-bench-'))
const storage = await openStorage(nodeDisk, { folder: join(folder, 'files') })
const smallShareMaxBytes = SMALL_SHARE_LIMIT_BYTES
const recordStorage = await openStorage(nodeDisk, { folder: join(folder, 'records'), smallShareMaxBytes })
const server = storage.forAccount('bench')
const recordServer = recordStorage.forAccount('bench')
console.log(`${cpus()[0]?.model}, Node ${process.version}, ${folder}`)
try {
  for (const run of [1, 2, 3]) {
    await benchLarge(run)
    await benchSmall(run)
  }
} finally {
  await storage[Symbol.asyncDispose]()
  await recordStorage[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
}

async function benchLarge(run: number): Promise<void> {
  const sizeBytes = LARGE_SEGMENTS * LARGE.segmentSizeBytes
  const share = shareAt(await makeShares({ seed: `large ${run}`, sizeBytes, encoding: LARGE }), 0)
  const megabytes = share.file.length / MEGABYTE
  const hash = await seconds(async () => {
    for (const block of share.blocks) nativeBulkCrypto.sha256(block)
  })
  const plain = await seconds(() => writePlain(share))
  const write = await seconds(() => writeWindowed(share))
  const read = await seconds(() => readAll(share))
  const plainRead = await seconds(() => readPlain(share))
  console.log(
    `share of ${megabytes.toFixed(0)} MB in ${share.blocks.length} blocks: ` +
      `write ${rate(megabytes, write)} (plain file with sync ${rate(megabytes, plain)}, SHA-256 ${rate(megabytes, hash)}), ` +
      `read with proofs ${rate(megabytes, read)} (plain ${rate(megabytes, plainRead)})`,
  )
}

async function benchSmall(run: number): Promise<void> {
  for (const atOnce of [1, 8, 64]) {
    const shares = await Promise.all(
      Array.from({ length: SMALL_COUNT }, async (_, number) =>
        shareAt(await makeShares({ seed: `small ${run} ${atOnce} ${number}`, sizeBytes: 1000 }), 0),
      ),
    )
    const put = await seconds(() => inLanes(shares, atOnce, (share) => putShare(server, share)))
    const asRecords = await seconds(() => inLanes(shares, atOnce, (share) => putShare(recordServer, share)))
    const renew = await seconds(() => renewAll(server, shares))
    const plain = await seconds(() => inLanes(shares, atOnce, writePlain))
    console.log(
      `shares of ${shares[0]?.file.length} bytes, ${atOnce} at a time: ` +
        `${(SMALL_COUNT / put).toFixed(0)} puts/s as files, ${(SMALL_COUNT / asRecords).toFixed(0)} in the index (plain files with sync ${(SMALL_COUNT / plain).toFixed(0)}/s), ` +
        `${(SMALL_COUNT / renew).toFixed(0)} lease renewals/s in one batch`,
    )
  }
}

async function renewAll(to: StorageServer, shares: readonly MadeShare[]): Promise<void> {
  await to.updateLeases(shares.map(({ address }) => ({ action: 'renew', address, durationSeconds: 7200 })))
}

async function writeWindowed(share: MadeShare): Promise<void> {
  const { storageIndex, shareNumber } = share.address
  const uploadId = seededBytes('bench', 16)
  const writer = server.writeShare({
    storageIndex,
    shareNumber,
    uploadId,
    expectedSizeBytes: share.file.length,
  })
  const calls: Promise<unknown>[] = [writer.open()]
  for (const segmentIndex of share.blocks.keys()) {
    calls.push(writer.writeBlock(blockWrite(share, segmentIndex)))
    if (calls.length > BLOCKS_IN_FLIGHT) await calls.shift()
  }
  await Promise.all(calls)
  await writer.finish({ manifest: share.manifest, leaseDurationSeconds: 3600 })
}

async function readAll(share: MadeShare): Promise<void> {
  await inLanes([...share.blocks.keys()], BLOCKS_IN_FLIGHT, async (segmentIndex) => {
    await server.readBlock({ address: share.address, segmentIndex, withSealedProof: true })
  })
}

async function writePlain(share: MadeShare): Promise<void> {
  plainFiles += 1
  const file = await open(join(folder, `plain-${plainFiles}`), 'wx')
  for (const block of share.blocks) await file.write(block)
  await file.datasync()
  await file.close()
}

async function readPlain(share: MadeShare): Promise<void> {
  const file = await open(join(folder, `plain-${plainFiles}`))
  for (const block of share.blocks) await file.read(Buffer.allocUnsafeSlow(block.length))
  await file.close()
}

async function inLanes<T>(
  items: readonly T[],
  lanes: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values()
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (const item of queue) await work(item)
    }),
  )
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}

function rate(megabytes: number, took: number): string {
  return `${(megabytes / took).toFixed(0)} MB/s`
}
