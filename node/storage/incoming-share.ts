/**
 * One share while it is being written: blocks go to a file in incoming/, the leaves of its two trees to spools.
 * `complete` checks everything against the manifest and leaves a whole share file, not yet durable and not visible.
 *
 * Nothing here locks: one writer at a time drives it.
 */
import {
  assert,
  type BulkCrypto,
  blockLeaf,
  blockSizeOf,
  ENCODING_DEFAULT,
  equalBytes,
  type FileGeometry,
  type FileRoot,
  formatShareFooter,
  IntegrityError,
  InvalidInputError,
  LAYOUT,
  type Manifest,
  manifestGeometry,
  manifestRoot,
  parseManifest,
  SEGMENT_COUNT_MAX,
  SEGMENT_SIZE_MAX_BYTES,
  SHARE_HEADER_SIZE_BYTES,
  SHARE_MAGIC,
  shareLayout,
  shortIndex,
  treeSizeBytes,
} from '#crypto'
import type { Disk, PeerId } from '../platform/platform.ts'
import { BufferedFile } from './buffered-file.ts'
import { appendTree, HashSpool } from './hash-spool.ts'
import type { BlockWrite, WriteRequest } from './server.ts'
import type { SpaceLedger } from './space.ts'

/** The largest block that any encoding makes: a whole segment of the largest size, sealed and padded. */
export const BLOCK_SIZE_MAX_BYTES = blockSizeOf(
  { ...ENCODING_DEFAULT, neededShares: 1, layout: LAYOUT.bits },
  SEGMENT_SIZE_MAX_BYTES,
)

export interface IncomingParts {
  readonly disk: Disk
  readonly bulk: BulkCrypto
  readonly space: SpaceLedger
}

export interface CompletedShare {
  readonly root: FileRoot
  readonly shareSizeBytes: number
  readonly path: string
}

export class IncomingShare {
  readonly account: PeerId
  readonly request: WriteRequest
  /** When it was last written to, on the clock's elapsed(). */
  touchedAt = 0
  /** Whether a writer drives it now. */
  isAttached = false
  readonly #parts: IncomingParts
  readonly #file: BufferedFile
  readonly #spools = new Set<HashSpool>()
  readonly #blockLeaves: HashSpool
  readonly #sealedLeaves: HashSpool
  #segmentCount = 0
  #blocksSizeBytes = 0
  #firstBlockSizeBytes = 0
  #lastBlockSizeBytes = 0
  #reservedBytes = 0
  #writtenBytes = 0
  #spoolCount = 0

  /** @param path a name in incoming/ that nothing has; spools add an ending to it */
  constructor(
    parts: IncomingParts,
    place: { readonly account: PeerId; readonly request: WriteRequest; readonly path: string },
  ) {
    this.#parts = parts
    this.account = place.account
    this.request = place.request
    this.#file = new BufferedFile(parts.disk, place.path)
    this.#blockLeaves = this.#openSpool()
    this.#sealedLeaves = this.#openSpool()
  }

  get segmentsHeld(): number {
    return this.#segmentCount
  }

  /** Promise room for so much in all. @throws NoSpaceError, with nothing changed */
  reserve(sizeBytes: number): void {
    const more = sizeBytes - this.#reservedBytes
    if (more <= 0) return
    this.#parts.space.reserve(this.account, more)
    this.#reservedBytes += more
  }

  /** @throws InvalidInputError, IntegrityError, NoSpaceError; it is of no use then and must be dropped */
  async append(write: BlockWrite): Promise<void> {
    const { block } = write
    this.#checkNext(write)
    this.#segmentCount += 1
    this.#blocksSizeBytes += block.length
    if (this.#segmentCount === 1) this.#firstBlockSizeBytes = block.length
    this.#lastBlockSizeBytes = block.length
    this.reserve(SHARE_HEADER_SIZE_BYTES + this.#blocksSizeBytes + 2 * treeSizeBytes(this.#segmentCount))
    if (this.#segmentCount === 1) await this.#file.append(SHARE_MAGIC)
    // The disk's thread writes while this one hashes.
    const written = this.#file.append(block)
    const [leaf] = await Promise.all([this.#leafOf(block), written])
    await this.#blockLeaves.append(leaf)
    await this.#sealedLeaves.append(write.sealedLeaf)
    this.#noteWritten()
  }

  /**
   * Check that what was written is what the manifest says, and write the rest of the share file.
   *
   * @throws InvalidInputError if the manifest is malformed, IntegrityError if it does not fit, NoSpaceError
   */
  async complete(manifestBytes: Uint8Array): Promise<CompletedShare> {
    const manifest = parseManifest(manifestBytes)
    const { shareNumber } = this.request
    this.#checkManifest(manifest, manifestGeometry(manifest))
    const layout = shareLayout(manifestGeometry(manifest))
    this.reserve(layout.shareSizeBytes)
    const openSpool = () => this.#openSpool()
    const blockRoot = await appendTree(this.#file, this.#blockLeaves, openSpool)
    const sealedRoot = await appendTree(this.#file, this.#sealedLeaves, openSpool)
    const wantedRoot = manifest.shareRoots[shareNumber]
    if (wantedRoot === undefined || !equalBytes(blockRoot, wantedRoot)) {
      throw this.#mismatch('the blocks are not the ones its manifest commits to')
    }
    if (!equalBytes(sealedRoot, manifest.sealedRoot)) {
      throw this.#mismatch('the sealed leaves are not the ones its manifest commits to')
    }
    await this.#file.append(manifestBytes)
    await this.#file.append(formatShareFooter({ manifestSizeBytes: manifestBytes.length, shareNumber }))
    assert(this.#file.sizeBytes === layout.shareSizeBytes, 'a share file has the size of its layout')
    return {
      root: manifestRoot(manifestBytes),
      shareSizeBytes: layout.shareSizeBytes,
      path: this.#file.path,
    }
  }

  /** After `complete`: the whole share file, if it is so small that none of it went to the disk. */
  gathered(): Uint8Array | undefined {
    return this.#file.gathered()
  }

  /** After `complete`: everything is durable under the incoming name. */
  async syncAndClose(): Promise<void> {
    await this.#file.syncAndClose()
    this.#noteWritten()
  }

  /** The share has become visible: give back what was reserved, and leave the file alone. */
  settle(): void {
    this.#release(true)
  }

  /** Close, remove whatever stands in incoming/, and give back what was reserved. May be called twice. */
  async drop(): Promise<void> {
    try {
      await this.#file.remove()
      for (const spool of this.#spools) await spool.remove()
    } finally {
      this.#release(false)
    }
  }

  async #leafOf(block: Uint8Array): Promise<Uint8Array> {
    return blockLeaf(await this.#parts.bulk.sha256(block))
  }

  #checkNext({ segmentIndex, block }: BlockWrite): void {
    if (segmentIndex !== this.#segmentCount) {
      throw new InvalidInputError(`block ${this.#segmentCount} wanted next, found ${segmentIndex}`)
    }
    if (segmentIndex >= SEGMENT_COUNT_MAX) {
      throw new InvalidInputError(`a share has at most ${SEGMENT_COUNT_MAX} blocks`)
    }
    if (block.length === 0 || block.length > BLOCK_SIZE_MAX_BYTES) {
      throw new InvalidInputError(
        `a block of 1 to ${BLOCK_SIZE_MAX_BYTES} bytes wanted, found ${block.length}`,
      )
    }
    if (this.#segmentCount > 0 && this.#lastBlockSizeBytes !== this.#firstBlockSizeBytes) {
      throw this.#mismatch('only its last block may be of another size')
    }
  }

  #checkManifest(manifest: Manifest, geometry: FileGeometry): void {
    const { storageIndex, shareNumber } = this.request
    if (!equalBytes(manifest.storageIndex, storageIndex)) {
      throw this.#mismatch('its manifest names another storage index')
    }
    if (shareNumber >= manifest.encoding.totalShares) {
      throw this.#mismatch(`its manifest knows ${manifest.encoding.totalShares} shares`)
    }
    if (this.#segmentCount !== geometry.segmentCount) {
      throw this.#mismatch(`${geometry.segmentCount} blocks wanted, found ${this.#segmentCount}`)
    }
    const sizesFit =
      this.#lastBlockSizeBytes === geometry.lastBlockSizeBytes &&
      (this.#segmentCount === 1 || this.#firstBlockSizeBytes === geometry.blockSizeBytes)
    if (!sizesFit) throw this.#mismatch('its blocks are of other sizes than its manifest says')
  }

  #mismatch(problem: string): IntegrityError {
    const { storageIndex, shareNumber } = this.request
    return new IntegrityError(`share ${shareNumber} of ${shortIndex(storageIndex)}: ${problem}`)
  }

  #openSpool(): HashSpool {
    this.#spoolCount += 1
    const spool = new HashSpool(this.#parts.disk, `${this.#file.path}.${this.#spoolCount}`)
    this.#spools.add(spool)
    return spool
  }

  #noteWritten(): void {
    const more = this.#file.flushedBytes - this.#writtenBytes
    this.#writtenBytes += more
    this.#parts.space.noteWritten(more)
  }

  #release(kept: boolean): void {
    const { space } = this.#parts
    space.release(this.account, {
      reservedBytes: this.#reservedBytes,
      writtenBytes: this.#writtenBytes,
      kept,
    })
    this.#reservedBytes = 0
    this.#writtenBytes = 0
  }
}
