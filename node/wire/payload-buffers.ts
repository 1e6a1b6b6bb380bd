/**
 * Buffers for payloads, used again and again. Each new one counts as memory outside the heap, and V8 answers every
 * 64 MB of it with a full marking: at some hundred MB/s that is a fifth of a server's time.
 */
import { WIRE_BUFFER_UNIT_BYTES, WIRE_KEPT_BUFFER_BYTES_MAX } from '../limits.ts'

/** A buffer with whatever bytes were in memory; the caller fills it before anyone reads it. */
export function unfilledBytes(sizeBytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer)
}

export class PayloadBuffers {
  /** Last given back first: it is the one the processor still has near. */
  readonly #free: Uint8Array[] = []
  #freeBytes = 0

  /** Exactly so many bytes, unfilled. */
  take(sizeBytes: number): Uint8Array {
    if (sizeBytes === 0) return new Uint8Array(0)
    const place = this.#free.findLastIndex(
      (buffer) =>
        buffer.length >= sizeBytes && buffer.length <= 2 * Math.max(sizeBytes, WIRE_BUFFER_UNIT_BYTES),
    )
    const [found] = place < 0 ? [] : this.#free.splice(place, 1)
    if (found !== undefined) this.#freeBytes -= found.length
    const rounded = Math.ceil(sizeBytes / WIRE_BUFFER_UNIT_BYTES) * WIRE_BUFFER_UNIT_BYTES
    return (found ?? unfilledBytes(rounded)).subarray(0, sizeBytes)
  }

  /** Nobody may look at the bytes any more. Beyond the bound the oldest are let go. */
  giveBack(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const buffer = new Uint8Array(bytes.buffer)
    this.#free.push(buffer)
    this.#freeBytes += buffer.length
    while (this.#freeBytes > WIRE_KEPT_BUFFER_BYTES_MAX) this.#freeBytes -= this.#free.shift()?.length ?? 0
  }
}
