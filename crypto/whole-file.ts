/**
 * Whole files in memory: bytes to share files and back, with every check (FORMAT §10). For small content, for
 * vectors, and for getting a file back from share files alone, with no grid left. Large files stream through
 * node/upload and node/download, which use the same parts.
 */
import type { BulkCrypto } from './bulk.ts'
import { concat, equalBytes } from './bytes.ts'
import { type FileReadCapability, fileReadCapability } from './capability.ts'
import type { ErasureCodec } from './erasure/code.ts'
import { IntegrityError, InvalidInputError } from './errors.ts'
import {
  blockSizeAt,
  type Encoding,
  type FileGeometry,
  fileGeometry,
  SEAL_TAG_SIZE_BYTES,
  segmentSizeAt,
} from './geometry.ts'
import { asTreeHash, type ReadKey, type TreeHash } from './hash.ts'
import { fileEncryptionKey, fileStorageIndex } from './keys.ts'
import { type Manifest, manifestGeometry, parseManifestOf } from './manifest.ts'
import { ManifestBuilder } from './manifest-builder.ts'
import { blockLeaf, buildTree, rootOfTree, sealedLeaf, treeSizeBytes } from './merkle.ts'
import { decodeSealed, encodedSizeBytes, encodeSealed, openSegment, sealSegment } from './segment.ts'
import {
  blockFileOffset,
  formatShareFooter,
  parseShareFooter,
  SHARE_FOOTER_SIZE_BYTES,
  SHARE_MAGIC,
  shareLayout,
} from './share.ts'

export interface WholeFileParts {
  readonly bulk: BulkCrypto
  readonly codec: ErasureCodec
}

/** Seal and encode content into its n share files. The read key must be fresh or convergent (FORMAT §3). */
export async function contentToShares(
  parts: WholeFileParts,
  content: Uint8Array,
  options: { readonly readKey: ReadKey; readonly encoding: Encoding },
): Promise<{ readonly capability: FileReadCapability; readonly shares: readonly Uint8Array[] }> {
  const { readKey, encoding } = options
  const geometry = fileGeometry(encoding, content.length)
  const builder = new ManifestBuilder(encoding, fileStorageIndex(readKey))
  const key = fileEncryptionKey(readKey)
  const blocks: Uint8Array[][] = Array.from({ length: encoding.totalShares }, () => [])
  const blockLeaves: TreeHash[][] = Array.from({ length: encoding.totalShares }, () => [])
  const sealedLeaves: TreeHash[] = []
  for (let segmentIndex = 0; segmentIndex < geometry.segmentCount; segmentIndex += 1) {
    const start = segmentIndex * encoding.segmentSizeBytes
    const plaintext = content.subarray(start, start + segmentSizeAt(geometry, segmentIndex))
    const isLast = segmentIndex === geometry.segmentCount - 1
    const sealed = await sealSegment(parts.bulk, key, { segmentIndex, isLast, plaintext })
    const target = new Uint8Array(encodedSizeBytes(encoding, plaintext.length))
    const encoded = await encodeSealed({ ...parts, encoding }, sealed, target)
    builder.add(encoded)
    sealedLeaves.push(encoded.sealedLeaf)
    encoded.blocks.forEach((block, shareNumber) => {
      blocks[shareNumber]?.push(block)
    })
    encoded.blockLeaves.forEach((leaf, shareNumber) => {
      blockLeaves[shareNumber]?.push(leaf)
    })
  }
  const { manifest, root } = builder.finish(content.length)
  const sealedTree = buildTree(sealedLeaves)
  const shares = blocks.map((shareBlocks, shareNumber) =>
    concat(
      SHARE_MAGIC,
      ...shareBlocks,
      buildTree(blockLeaves[shareNumber] ?? []),
      sealedTree,
      manifest,
      formatShareFooter({ manifestSizeBytes: manifest.length, shareNumber }),
    ),
  )
  return { capability: fileReadCapability(readKey, root), shares }
}

/**
 * Get content back from any k good share files among those given; bad ones are passed over.
 *
 * @throws InvalidInputError if fewer than k of them are good
 */
export async function sharesToContent(
  parts: WholeFileParts,
  capability: FileReadCapability,
  shares: readonly Uint8Array[],
): Promise<Uint8Array> {
  const readKey = capability.readKey.reveal()
  const file = { storageIndex: fileStorageIndex(readKey), root: capability.root }
  const good = new Map<number, ShareParts>()
  const problems: string[] = []
  for (const bytes of shares) {
    try {
      const share = await readShareFile(parts.bulk, file, bytes)
      good.set(share.shareNumber, share)
    } catch (error) {
      if (!(error instanceof IntegrityError || error instanceof InvalidInputError)) throw error
      problems.push(error.message)
    }
  }
  const [first] = good.values()
  const neededShares = first?.manifest.encoding.neededShares ?? 1
  if (first === undefined || good.size < neededShares) {
    throw new InvalidInputError(`${neededShares} good shares wanted, found ${good.size}`, { problems })
  }
  return decodeShares(parts, { manifest: first.manifest, good, readKey })
}

async function decodeShares(
  parts: WholeFileParts,
  file: {
    readonly manifest: Manifest
    readonly good: ReadonlyMap<number, ShareParts>
    readonly readKey: ReadKey
  },
): Promise<Uint8Array> {
  const { manifest, good } = file
  const { totalShares, neededShares, segmentSizeBytes } = manifest.encoding
  const geometry = manifestGeometry(manifest)
  const key = fileEncryptionKey(file.readKey)
  const content = new Uint8Array(manifest.fileSizeBytes)
  const sealedLeaves: TreeHash[] = []
  const chosen = new Set([...good.keys()].sort((left, right) => left - right).slice(0, neededShares))
  for (let segmentIndex = 0; segmentIndex < geometry.segmentCount; segmentIndex += 1) {
    const blocks = Array.from({ length: totalShares }, (_, shareNumber) =>
      chosen.has(shareNumber) ? good.get(shareNumber)?.blocks[segmentIndex] : undefined,
    )
    const sealedSizeBytes = segmentSizeAt(geometry, segmentIndex) + SEAL_TAG_SIZE_BYTES
    const sealed = decodeSealed(parts.codec, blocks, sealedSizeBytes)
    sealedLeaves.push(sealedLeaf(await parts.bulk.sha256(sealed)))
    const isLast = segmentIndex === geometry.segmentCount - 1
    const plaintext = await openSegment(parts.bulk, key, { segmentIndex, isLast, sealed })
    content.set(plaintext, segmentIndex * segmentSizeBytes)
  }
  if (!equalBytes(rootOfTree(buildTree(sealedLeaves)), manifest.sealedRoot)) {
    throw new IntegrityError('the shares decode to other sealed segments than the manifest commits to')
  }
  return content
}

export interface ShareParts {
  readonly shareNumber: number
  readonly manifest: Manifest
  /** By segment; views of the share file. */
  readonly blocks: readonly Uint8Array[]
}

/**
 * Take a share file apart and verify all of it.
 *
 * @throws IntegrityError or InvalidInputError saying which part does not fit
 */
export async function readShareFile(
  bulk: BulkCrypto,
  file: Parameters<typeof parseManifestOf>[0],
  bytes: Uint8Array,
): Promise<ShareParts> {
  if (bytes.length < SHARE_FOOTER_SIZE_BYTES) throw new InvalidInputError('a share file is cut short')
  const footerOffset = bytes.length - SHARE_FOOTER_SIZE_BYTES
  const footer = parseShareFooter(bytes.subarray(footerOffset))
  if (footer.manifestSizeBytes > footerOffset) throw new InvalidInputError('a share file is cut short')
  const manifest = parseManifestOf(
    file,
    bytes.subarray(footerOffset - footer.manifestSizeBytes, footerOffset),
  )
  const geometry = manifestGeometry(manifest)
  const layout = shareLayout(geometry)
  if (
    bytes.length !== layout.shareSizeBytes ||
    !equalBytes(bytes.subarray(0, SHARE_MAGIC.length), SHARE_MAGIC)
  ) {
    throw new IntegrityError(`a share file of ${layout.shareSizeBytes} bytes wanted, found ${bytes.length}`)
  }
  const shareRoot = manifest.shareRoots[footer.shareNumber]
  if (shareRoot === undefined)
    throw new IntegrityError(`no share ${footer.shareNumber} in a file of ${manifest.shareRoots.length}`)
  const blocks = blocksOf(geometry, bytes)
  const leaves: TreeHash[] = []
  for (const block of blocks) leaves.push(blockLeaf(await bulk.sha256(block)))
  const blockTree = bytes.subarray(layout.blockTreeOffset, layout.sealedTreeOffset)
  if (!equalBytes(buildTree(leaves), blockTree) || !equalBytes(rootOfTree(blockTree), shareRoot)) {
    throw new IntegrityError(`a block of share ${footer.shareNumber} is not the one its manifest commits to`)
  }
  checkSealedTree(bytes.subarray(layout.sealedTreeOffset, layout.manifestOffset), manifest, geometry)
  return { shareNumber: footer.shareNumber, manifest, blocks }
}

function blocksOf(geometry: FileGeometry, bytes: Uint8Array): readonly Uint8Array[] {
  return Array.from({ length: geometry.segmentCount }, (_, segmentIndex) => {
    const start = blockFileOffset(geometry, segmentIndex)
    return bytes.subarray(start, start + blockSizeAt(geometry, segmentIndex))
  })
}

function checkSealedTree(tree: Uint8Array, manifest: Manifest, geometry: FileGeometry): void {
  const leafBytes = tree.subarray(0, geometry.segmentCount * 32)
  const leaves = Array.from({ length: geometry.segmentCount }, (_, index) =>
    asTreeHash(leafBytes.slice(index * 32, (index + 1) * 32)),
  )
  const sound =
    tree.length === treeSizeBytes(geometry.segmentCount) &&
    equalBytes(buildTree(leaves), tree) &&
    equalBytes(rootOfTree(tree), manifest.sealedRoot)
  if (!sound) throw new IntegrityError('the sealed tree of a share is not the one its manifest commits to')
}
