/**
 * A share of a file of one segment: it comes in one piece, so it is checked in memory and written at once (FORMAT §9).
 * Its trees are one leaf each: the block's leaf is the share's root, the sealed leaf the sealed root.
 */
import {
  assert,
  type BulkCrypto,
  blockLeaf,
  concat,
  equalBytes,
  formatShareFooter,
  IntegrityError,
  InvalidInputError,
  manifestGeometry,
  manifestRoot,
  parseManifest,
  SHARE_MAGIC,
  shareLayout,
  shortIndex,
} from '#crypto'
import type { Disk, PeerId } from '../platform/platform.ts'
import { BufferedFile } from './buffered-file.ts'
import { BLOCK_SIZE_MAX_BYTES } from './incoming-share.ts'
import type { ShareAddress, WholeShare } from './server.ts'
import type { SpaceLedger } from './space.ts'

/**
 * The share file of a whole share, in a new buffer, and its address.
 *
 * @throws InvalidInputError if the manifest is malformed; IntegrityError if it does not fit
 */
export async function formShare(
  share: WholeShare,
  bulk: BulkCrypto,
): Promise<{ readonly address: ShareAddress; readonly bytes: Uint8Array }> {
  const { storageIndex, shareNumber, block } = share
  if (block.length === 0 || block.length > BLOCK_SIZE_MAX_BYTES) {
    throw new InvalidInputError(`a block of 1 to ${BLOCK_SIZE_MAX_BYTES} bytes wanted, found ${block.length}`)
  }
  const mismatch = (problem: string) =>
    new IntegrityError(`share ${shareNumber} of ${shortIndex(storageIndex)}: ${problem}`)
  const manifest = parseManifest(share.manifest)
  const geometry = manifestGeometry(manifest)
  if (!equalBytes(manifest.storageIndex, storageIndex)) {
    throw mismatch('its manifest names another storage index')
  }
  const shareRoot = manifest.shareRoots[shareNumber]
  if (shareRoot === undefined) throw mismatch(`its manifest knows ${manifest.encoding.totalShares} shares`)
  if (geometry.segmentCount !== 1) throw mismatch(`${geometry.segmentCount} blocks wanted, found 1`)
  if (block.length !== geometry.lastBlockSizeBytes) {
    throw mismatch('its blocks are of other sizes than its manifest says')
  }
  const leaf = blockLeaf(await bulk.sha256(block))
  if (!equalBytes(leaf, shareRoot)) throw mismatch('the blocks are not the ones its manifest commits to')
  const footer = formatShareFooter({ manifestSizeBytes: share.manifest.length, shareNumber })
  const bytes = concat(SHARE_MAGIC, block, leaf, manifest.sealedRoot, share.manifest, footer)
  assert(bytes.length === shareLayout(geometry).shareSizeBytes, 'a share file has the size of its layout')
  return { address: { storageIndex, root: manifestRoot(share.manifest), shareNumber }, bytes }
}

/** A formed share on its way to be visible; nothing goes to the disk until it must. */
export class FormedShare {
  readonly account: PeerId
  readonly #bytes: Uint8Array
  readonly #file: BufferedFile
  readonly #space: SpaceLedger
  #reservedBytes: number
  #isWritten = false

  /**
   * @param path a name in incoming/ that nothing has
   * @throws NoSpaceError
   */
  constructor(
    parts: { readonly disk: Disk; readonly space: SpaceLedger },
    share: { readonly account: PeerId; readonly bytes: Uint8Array; readonly path: string },
  ) {
    this.account = share.account
    this.#bytes = share.bytes
    this.#file = new BufferedFile(parts.disk, share.path)
    this.#space = parts.space
    this.#space.reserve(share.account, share.bytes.length)
    this.#reservedBytes = share.bytes.length
  }

  gathered(): Uint8Array {
    return this.#bytes
  }

  /** Durable under the incoming name. May be called twice. */
  async syncAndClose(): Promise<void> {
    if (this.#isWritten) return
    await this.#file.append(this.#bytes)
    await this.#file.syncAndClose()
    this.#isWritten = true
    this.#space.noteWritten(this.#bytes.length)
  }

  /** The share has become visible. */
  settle(): void {
    this.#release(true)
  }

  /** May be called twice, and after `settle`, when it does nothing. */
  async drop(): Promise<void> {
    if (this.#reservedBytes === 0) return
    try {
      await this.#file.remove()
    } finally {
      this.#release(false)
    }
  }

  #release(kept: boolean): void {
    const writtenBytes = this.#isWritten ? this.#bytes.length : 0
    this.#space.release(this.account, { reservedBytes: this.#reservedBytes, writtenBytes, kept })
    this.#reservedBytes = 0
  }
}
