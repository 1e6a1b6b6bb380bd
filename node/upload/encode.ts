/** Stage of an upload: seal a segment, encode it, hash its blocks. */
import {
  type EncodedSegment,
  type Encoding,
  localSegmentCoder,
  newTarget,
  type SegmentCoder,
  targetSizeBytes,
} from '#crypto'
import type { Grid } from '../grid.ts'
import { segmentsInFlight } from '../transfer-window.ts'
import { type FileKeys, requireSameSegment } from './key.ts'
import type { PlainSegment } from './segments.ts'

export class SegmentEncoder {
  readonly #grid: Grid
  readonly #keys: FileKeys
  readonly #encoding: Encoding
  readonly #coder: SegmentCoder
  /** Buffers of encoded segments, used again: fresh memory costs more than encoding does. */
  readonly #spareTargets: Uint8Array[] = []

  constructor(grid: Grid, keys: FileKeys, encoding: Encoding) {
    this.#grid = grid
    this.#keys = keys
    this.#encoding = encoding
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

  /** Nobody looks at the segment's blocks any more. */
  release(encoded: EncodedSegment): void {
    const buffer = encoded.blocks[0]?.buffer
    if (buffer !== undefined && this.#spareTargets.length < segmentsInFlight(this.#encoding)) {
      this.#spareTargets.push(new Uint8Array(buffer))
    }
  }
}
