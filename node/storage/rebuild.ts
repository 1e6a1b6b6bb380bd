/**
 * Bringing the index in step with the share files: after a life that did not end in order, and when the index is
 * new, of another version, damaged, or distrusted. The files are the truth; damaged and foreign ones are put aside.
 */
import { type StorageIndex, shortIndex } from '#crypto'
import { forEachConcurrently } from '../flow.ts'
import { LEASE_DURATION_DEFAULT_SECONDS, WALK_IN_FLIGHT_MAX } from '../limits.ts'
import type { DiskEntry, IndexOperation, PeerId } from '../platform/platform.ts'
import { bytesAsFile } from './bytes-as-file.ts'
import type { SharePlace, StoredShare } from './index-keys.ts'
import { graceLease, type Lease } from './lease.ts'
import { alongsideLeases, slotsAlongsideLeases } from './merge.ts'
import { openShareFile } from './open-shares.ts'
import { parseBucketName, parseShareName } from './paths.ts'
import type { ShareAddress } from './server.ts'
import {
  dropLease,
  dropShare,
  dropSlotLease,
  type IndexTotals,
  putLease,
  putShare,
  putSlotLease,
} from './share-index.ts'
import type { ShareStore } from './share-store.ts'

/** Shares under one storage index are compared together; more than this many of n and roots no honest writer makes. */
const BUCKET_SHARES_MAX = 100_000
const COMMIT_OPERATIONS_MAX = 1000

/** Compare every share file with the index, both ways, and sum up. */
export async function walkShares(store: ShareStore): Promise<IndexTotals> {
  const { disk, paths, log, index } = store.parts
  const isRebuilding = await index.isRebuilding()
  if (isRebuilding) await takeInSmallShares(store)
  let foundCount = 0
  let takenCount = 0
  for (const prefix of await disk.list(paths.shares)) {
    const path = `${paths.shares}/${prefix.name}`
    if (prefix.isFolder) {
      const walked = await walkPrefix(store, { path, prefix: prefix.name })
      foundCount += walked.foundCount
      takenCount += walked.takenCount
    } else {
      await putForeignAside(store, path)
    }
  }
  if (takenCount > 0) await disk.syncFolder(paths.shares)
  await dropIndexedWithoutFile(store, foundCount)
  const totals = await sumUp(store)
  if (isRebuilding) await index.markRebuilt()
  log.info('share files compared with the index', {
    shareCount: totals.shareCount,
    usedBytes: totals.usedBytes,
  })
  return totals
}

interface Walked {
  /** Share files that are on the disk, and in the index now. */
  readonly foundCount: number
  /** Those of them that the index did not know. */
  readonly takenCount: number
}

async function walkPrefix(
  store: ShareStore,
  { path, prefix }: { readonly path: string; readonly prefix: string },
): Promise<Walked> {
  const { disk } = store.parts
  let foundCount = 0
  let takenCount = 0
  await forEachConcurrently(await disk.list(path), WALK_IN_FLIGHT_MAX, async (entry) => {
    const storageIndex = entry.isFolder ? parseBucketName(prefix, entry.name) : undefined
    if (storageIndex === undefined) return putForeignAside(store, `${path}/${entry.name}`)
    const walked = await walkBucket(store, storageIndex)
    foundCount += walked.foundCount
    takenCount += walked.takenCount
  })
  // What is taken in may not be durable yet: its rename was not acknowledged. The rest was, before it was indexed.
  if (takenCount > 0) await disk.syncFolder(path)
  return { foundCount, takenCount }
}

async function walkBucket(store: ShareStore, storageIndex: StorageIndex): Promise<Walked> {
  const { disk, paths, index } = store.parts
  const folder = paths.bucketFolder(storageIndex)
  const indexed = new Map(
    (await index.sharesUnder({ storageIndex }, BUCKET_SHARES_MAX))
      .filter(({ place }) => place === 'file')
      .map(({ address }) => [paths.shareFile(address), address]),
  )
  const taken: IndexOperation[] = []
  let foundCount = 0
  let takenCount = 0
  for (const entry of await disk.list(folder)) {
    const path = `${folder}/${entry.name}`
    const isIndexed = indexed.delete(path)
    const operations = isIndexed ? [] : await takeIn(store, storageIndex, { entry, path })
    if (operations === undefined) continue
    foundCount += 1
    if (!isIndexed) takenCount += 1
    taken.push(...operations)
  }
  if (taken.length > 0) {
    await disk.syncFolder(folder)
    await index.commit(taken)
  }
  for (const address of indexed.values()) await dropFromIndex(store, { address, place: 'file' })
  if (foundCount === 0 && (await disk.list(folder)).length === 0) await disk.removeFolder(folder)
  return { foundCount, takenCount }
}

/**
 * A file the index does not know: a share that was not acknowledged, or whose entry was lost, or rubbish.
 *
 * @returns what puts it into the index, or undefined if it was put aside
 */
async function takeIn(
  store: ShareStore,
  storageIndex: StorageIndex,
  { entry, path }: { readonly entry: DiskEntry; readonly path: string },
): Promise<readonly IndexOperation[] | undefined> {
  const { disk } = store.parts
  const name = shortIndex(storageIndex)
  const address = entry.isFolder ? undefined : parseShareName(storageIndex, entry.name)
  if (address === undefined) {
    await store.files.putAside(path, { name, problem: 'its name is not that of a share' })
    return undefined
  }
  const opened = await openShareFile(await disk.openFile(path), address)
  if (opened.kind === 'missing') return undefined
  if (opened.kind === 'damaged') {
    await store.files.putAside(path, { name: `${name}.${address.shareNumber}`, problem: opened.problem })
    return undefined
  }
  await opened.share.file.close()
  return takenIn(store, address, { shareSizeBytes: opened.share.file.sizeBytes, place: 'file' })
}

/** An entry, and a lease of grace if the share has none. */
async function takenIn(
  store: ShareStore,
  address: ShareAddress,
  share: StoredShare,
): Promise<readonly IndexOperation[]> {
  const entry = putShare(address, share)
  if ((await store.parts.index.leasesOf(address)).length > 0) return [entry]
  return [entry, putLease(address, graceLease(store.nowSeconds(), LEASE_DURATION_DEFAULT_SECONDS))]
}

async function takeInSmallShares(store: ShareStore): Promise<void> {
  const { index } = store.parts
  for await (const { address, bytes } of index.smallShares()) {
    const stored = { shareSizeBytes: bytes.length, place: 'index' as const }
    const opened = await openShareFile(bytesAsFile(bytes), address)
    await index.commit(await takenIn(store, address, stored))
    if (opened.kind !== 'damaged') continue
    await store.files.putShareAside(address, opened.problem)
    await dropFromIndex(store, { address, ...stored })
  }
}

async function dropFromIndex(
  store: ShareStore,
  { address, place }: { readonly address: ShareAddress; readonly place: SharePlace },
): Promise<void> {
  const { index, log } = store.parts
  const leases = await index.leasesOf(address)
  const drops = leases.map(({ account }) => dropLease(address, account))
  await index.commit([...dropShare(address, place), ...drops])
  log.warn('a share was dropped from the index', {
    storageIndex: shortIndex(address.storageIndex),
    shareNumber: address.shareNumber,
  })
}

/** Whole buckets may be gone: they were not met on the walk. */
async function dropIndexedWithoutFile(store: ShareStore, foundCount: number): Promise<void> {
  const { index, disk, paths } = store.parts
  let indexedCount = 0
  for await (const { place } of index.allShares()) if (place === 'file') indexedCount += 1
  if (indexedCount === foundCount) return
  for await (const { address, place } of index.allShares()) {
    if (place === 'index') continue
    const file = await disk.openFile(paths.shareFile(address))
    if (file === undefined) await dropFromIndex(store, { address, place })
    else await file.close()
  }
}

/** Sum up the index, and drop leases on what is not there. */
async function sumUp(store: ShareStore): Promise<IndexTotals> {
  const { index } = store.parts
  const chargedBytes = new Map<PeerId, number>()
  let usedBytes = 0
  let shareCount = 0
  let mending: IndexOperation[] = []
  const mend = async (operations: readonly IndexOperation[]) => {
    mending.push(...operations)
    if (mending.length < COMMIT_OPERATIONS_MAX) return
    await index.commit(mending)
    mending = []
  }
  const add = (sizeBytes: number, leases: readonly Lease[]) => {
    usedBytes += sizeBytes
    for (const { account } of leases) chargedBytes.set(account, (chargedBytes.get(account) ?? 0) + sizeBytes)
  }
  for await (const { address, share, leases } of alongsideLeases(index)) {
    if (share === undefined) await mend(leases.map(({ account }) => dropLease(address, account)))
    else {
      shareCount += 1
      add(share.shareSizeBytes, leases)
    }
  }
  for await (const { publicKey, sizeBytes, leases } of slotsAlongsideLeases(index)) {
    if (sizeBytes === undefined) {
      await mend(leases.map(({ account }) => dropSlotLease(publicKey, account)))
    } else if (leases.length > 0) add(sizeBytes, leases)
    else {
      const grace = graceLease(store.nowSeconds(), LEASE_DURATION_DEFAULT_SECONDS)
      await mend([putSlotLease(publicKey, grace)])
      add(sizeBytes, [grace])
    }
  }
  await index.commit(mending)
  return { usedBytes, shareCount, chargedBytes }
}

async function putForeignAside(store: ShareStore, path: string): Promise<void> {
  await store.files.putAside(path, { name: 'foreign', problem: 'it does not belong among the shares' })
}
