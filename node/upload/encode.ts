/** Stage of an upload: seal a segment, encode it, hash its blocks. */
import {
  type EncodedSegment,
  type Encoding,
  type FileRoot,
  localSegmentCoder,
  ManifestBuilder,
  newTarget,
  type SegmentCoder,
  targetSizeBytes,
} from '#crypto'
import { mapInOrder } from '../flow.ts'
import type { Grid } from '../grid.ts'
import { segmentsInFlight } from '../transfer-window.ts'
import { type FileKeys, requireSameSegment } from './key.ts'
import type { PlainSegment, SegmentBuffers } from './segments.ts'

export interface EncodedInPlace {
  readonly segmentIndex: number
  readonly plaintextSizeBytes: number
  readonly encodedSegment: EncodedSegment
}

export class SegmentEncoder {
  readonly #grid: Grid
  readonly #keys: FileKeys
  readonly #encoding: Encoding
  readonly #coder: SegmentCoder
  readonly #buffers: SegmentBuffers
  /** Buffers of encoded segments, used again: fresh memory costs more than encoding does. */
  readonly #spareTargets: Uint8Array[] = []

  /** @param how `buffers`: the plaintexts that `encodeEach` is done with go back there */
  constructor(
    grid: Grid,
    keys: FileKeys,
    how: { readonly encoding: Encoding; readonly buffers: SegmentBuffers },
  ) {
    this.#grid = grid
    this.#keys = keys
    this.#encoding = how.encoding
    this.#buffers = how.buffers
    this.#coder = grid.coder ?? localSegmentCoder(grid.bulk)
  }

  /**
   * The blocks stay as they are until `release`.
   *
   * @throws SourceChanged if it is not the segment of the first reading
   */
  async encode(segment: PlainSegment): Promise<EncodedSegment> {
    await requireSameSegment(this.#grid, this.#keys, segment)
    const { plaintext: content, segmentIndex, isLast } = segment
    const seal = { key: this.#keys.encryptionKey, segmentIndex, isLast }
    const job = { encoding: this.#encoding, content, seal }
    const wantedBytes = targetSizeBytes(job)
    const spare = this.#spareTargets.pop()
    const target = spare !== undefined && spare.length >= wantedBytes ? spare : newTarget(wantedBytes)
    return this.#coder.code(job, target)
  }

  /** Each segment and its blocks, in order; the next ones are worked on meanwhile. */
  encodeEach(segments: AsyncIterable<PlainSegment>): AsyncIterable<EncodedInPlace> {
    return mapInOrder(segments, segmentsInFlight(this.#encoding), async (segment) => {
      const encodedSegment = await this.encode(segment)
      const { segmentIndex, plaintext } = segment
      this.#buffers.giveBack(plaintext)
      return { segmentIndex, plaintextSizeBytes: plaintext.length, encodedSegment }
    })
  }

  /** What the file will be, from all of its segments; the blocks are dropped. */
  async rehearse(
    segments: AsyncIterable<PlainSegment>,
  ): Promise<{ readonly root: FileRoot; readonly fileSizeBytes: number }> {
    const builder = new ManifestBuilder(this.#encoding, this.#keys.storageIndex)
    let fileSizeBytes = 0
    for await (const { plaintextSizeBytes, encodedSegment } of this.encodeEach(segments)) {
      builder.add(encodedSegment)
      this.release(encodedSegment)
      fileSizeBytes += plaintextSizeBytes
    }
    return { root: builder.finish(fileSizeBytes).root, fileSizeBytes }
  }

  /** Nobody looks at the segment's blocks any more. */
  release(encoded: EncodedSegment): void {
    const buffer = encoded.blocks[0]?.buffer
    if (buffer !== undefined && this.#spareTargets.length < segmentsInFlight(this.#encoding)) {
      this.#spareTargets.push(new Uint8Array(buffer))
    }
  }
}
