/** First stage of an upload: a stream of bytes of any sizes, cut into segments. */
import { assert } from '#crypto'

/** What is uploaded. */
export interface UploadSource {
  /** Undefined for a pipe. Only a forecast: what is read decides. */
  readonly sizeBytes: number | undefined
  /** Whether `open` may be called more than once and gives the same bytes unless the file changed. */
  readonly rereadable: boolean
  /** Read from the start. Yielded buffers belong to the reader. */
  open(): AsyncIterable<Uint8Array>
}

export interface PlainSegment {
  readonly segmentIndex: number
  readonly isLast: boolean
  /** `segmentSizeBytes`, or less for the last; empty only if the file is. */
  readonly plaintext: Uint8Array
}

/**
 * The buffers that segments are gathered in, used again. A new one for each segment is one more for the collector to
 * find, and it stops the event loop for that.
 */
export class SegmentBuffers {
  /** Those that are in use. */
  readonly #taken = new WeakSet<Uint8Array>()
  readonly #spare: Uint8Array[] = []

  /** With any bytes in it. */
  take(sizeBytes: number): Uint8Array {
    const spare = this.#spare.pop()
    const buffer = spare?.length === sizeBytes ? spare : new Uint8Array(sizeBytes)
    this.#taken.add(buffer)
    return buffer
  }

  /** Nobody looks at the buffer any more. One that did not come from here is left to its owner. */
  giveBack(buffer: Uint8Array): void {
    if (this.#taken.delete(buffer)) this.#spare.push(buffer)
  }
}

/**
 * Cut a stream into segments. One segment is read ahead, to know which is the last.
 *
 * @param buffers where the reader gives plaintexts back that it is done with
 */
export async function* cutSegments(
  content: AsyncIterable<Uint8Array>,
  segmentSizeBytes: number,
  buffers: SegmentBuffers,
): AsyncGenerator<PlainSegment, void, undefined> {
  let segmentIndex = 0
  let held: Uint8Array | undefined
  for await (const plaintext of fullRuns(content, segmentSizeBytes, buffers)) {
    if (held !== undefined) {
      yield { segmentIndex, isLast: false, plaintext: held }
      segmentIndex += 1
    }
    held = plaintext
  }
  yield { segmentIndex, isLast: true, plaintext: held ?? new Uint8Array(0) }
}

/** Runs of exactly `sizeBytes`, and what is left at the end. A buffer that fits is passed on as it is. */
async function* fullRuns(
  content: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  buffers: SegmentBuffers,
): AsyncGenerator<Uint8Array, void, undefined> {
  let run: Uint8Array = new Uint8Array(0)
  let filled = 0
  let hasFilledOne = false
  for await (const bytes of content) {
    let rest = bytes
    while (rest.length > 0) {
      if (filled === 0 && rest.length === sizeBytes) {
        yield rest
        break
      }
      const taken = rest.subarray(0, sizeBytes - filled)
      if (filled === 0) run = hasFilledOne ? buffers.take(sizeBytes) : new Uint8Array(taken.length)
      // The first run grows: a small file shall not cost the zeroing of a whole segment.
      if (filled + taken.length > run.length)
        run = grown(run, Math.min(sizeBytes, 2 * (filled + taken.length)))
      run.set(taken, filled)
      filled += taken.length
      rest = rest.subarray(taken.length)
      assert(filled <= sizeBytes, 'a run holds one segment')
      if (filled === sizeBytes) {
        filled = 0
        hasFilledOne = true
        yield run
      }
    }
  }
  if (filled > 0) yield run.subarray(0, filled)
}

function grown(run: Uint8Array, sizeBytes: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(sizeBytes)
  larger.set(run)
  return larger
}
