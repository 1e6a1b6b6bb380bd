/** Reading a whole share file and comparing it with its manifest, in bounded memory. */
import {
  asTreeHash,
  type BulkCrypto,
  blockLeaf,
  equalBytes,
  HASH_SIZE_BYTES,
  parentLevel,
  SHARE_MAGIC,
  treeLevelCounts,
} from '#crypto'
import { RUN_HASHES } from './hash-spool.ts'
import { type OpenShare, readBlockBytes } from './open-shares.ts'

const RUN_BYTES = RUN_HASHES * HASH_SIZE_BYTES

/**
 * What is wrong with a share whose end is known to be sound.
 *
 * @returns undefined if every byte is as the manifest commits to
 */
export async function findDamage(
  share: OpenShare,
  options: {
    readonly bulk: BulkCrypto
    readonly shareNumber: number
    readonly signal?: AbortSignal | undefined
  },
): Promise<string | undefined> {
  const { layout, manifest } = share
  if (!equalBytes(await share.file.read(0, SHARE_MAGIC.length), SHARE_MAGIC)) {
    return 'its opening mark is not that of a share'
  }
  const shareRoot = manifest.shareRoots[options.shareNumber]
  if (shareRoot === undefined) return `its manifest knows no share ${options.shareNumber}`
  if (!(await treeIsSound(share, layout.blockTreeOffset, shareRoot))) return 'its block tree does not fit'
  if (!(await treeIsSound(share, layout.sealedTreeOffset, manifest.sealedRoot))) {
    return 'its sealed tree does not fit'
  }
  return findBadBlock(share, options)
}

async function findBadBlock(
  share: OpenShare,
  options: { readonly bulk: BulkCrypto; readonly signal?: AbortSignal | undefined },
): Promise<string | undefined> {
  const { geometry, layout } = share
  for (let first = 0; first < geometry.segmentCount; first += RUN_HASHES) {
    const count = Math.min(RUN_HASHES, geometry.segmentCount - first)
    const offset = layout.blockTreeOffset + first * HASH_SIZE_BYTES
    const leaves = await share.file.read(offset, count * HASH_SIZE_BYTES)
    for (let place = 0; place < count; place += 1) {
      options.signal?.throwIfAborted()
      const block = await readBlockBytes(share, first + place)
      const leaf = blockLeaf(await options.bulk.sha256(block))
      const wanted = leaves.subarray(place * HASH_SIZE_BYTES, (place + 1) * HASH_SIZE_BYTES)
      if (!equalBytes(leaf, wanted)) return `block ${first + place} does not fit`
    }
  }
  return undefined
}

/** Whether every level follows from the one below, and the last is the root. */
async function treeIsSound(share: OpenShare, treeOffset: number, root: Uint8Array): Promise<boolean> {
  const counts = treeLevelCounts(share.geometry.segmentCount)
  let levelOffset = treeOffset
  for (const count of counts.slice(0, -1)) {
    const levelBytes = count * HASH_SIZE_BYTES
    let parentOffset = levelOffset + levelBytes
    for (let done = 0; done < levelBytes; done += RUN_BYTES) {
      const run = await share.file.read(levelOffset + done, Math.min(RUN_BYTES, levelBytes - done))
      const parents = parentLevel(run)
      if (!equalBytes(parents, await share.file.read(parentOffset, parents.length))) return false
      parentOffset += parents.length
    }
    levelOffset += levelBytes
  }
  return equalBytes(asTreeHash(await share.file.read(levelOffset, HASH_SIZE_BYTES)), root)
}
