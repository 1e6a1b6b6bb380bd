/** Stage of an upload: seal a segment, encode it, hash its blocks. */
import {
  type EncodedSegment,
  type Encoding,
  type ErasureCodec,
  encodedSizeBytes,
  encodeSealed,
  openCodec,
  sealSegment,
} from '#crypto'
import type { Grid } from '../grid.ts'
import { segmentsInFlight } from '../transfer-window.ts'
import { type FileKeys, requireSameSegment } from './key.ts'
import type { PlainSegment } from './segments.ts'

export class SegmentEncoder {
  readonly #grid: Grid
  readonly #keys: FileKeys
  readonly #encoding: Encoding
  readonly #codec: ErasureCodec
  /** Buffers of encoded segments, used again: fresh memory costs more than encoding does. */
  readonly #spareTargets: Uint8Array[] = []

  private constructor(grid: Grid, keys: FileKeys, coder: { encoding: Encoding; codec: ErasureCodec }) {
    this.#grid = grid
    this.#keys = keys
    this.#encoding = coder.encoding
    this.#codec = coder.codec
  }

  static async open(grid: Grid, keys: FileKeys, encoding: Encoding): Promise<SegmentEncoder> {
    return new SegmentEncoder(grid, keys, { encoding, codec: await openCodec(encoding) })
  }

  /** The blocks stay as they are until `release`. @throws SourceChanged if it is not the segment of the first reading */
  async encode(segment: PlainSegment): Promise<EncodedSegment> {
    const { bulk } = this.#grid
    await requireSameSegment(this.#grid, this.#keys, segment)
    const sealed = await sealSegment(bulk, this.#keys.encryptionKey, segment)
    const wantedBytes = encodedSizeBytes(this.#encoding, segment.plaintext.length)
    const spare = this.#spareTargets.pop()
    const target = spare !== undefined && spare.length >= wantedBytes ? spare : new Uint8Array(wantedBytes)
    return encodeSealed({ bulk, codec: this.#codec, encoding: this.#encoding }, sealed, target)
  }

  /** Nobody looks at the segment's blocks any more. */
  release(encoded: EncodedSegment): void {
    const [block] = encoded.blocks
    if (block !== undefined && this.#spareTargets.length < segmentsInFlight(this.#encoding)) {
      this.#spareTargets.push(new Uint8Array(block.buffer))
    }
  }
}
