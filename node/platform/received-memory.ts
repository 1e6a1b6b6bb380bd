/**
 * The memory of what TLS sessions received, given back as soon as all of it has been read.
 *
 * Node hands records out in buffers of 16 or 64 KiB. Left to the collector they make V8 mark its whole heap for every
 * 64 MB received (crypto/release.ts). Several readers may have views of one buffer, those of different channels and
 * yamux itself; so each says how much it has read, and a buffer goes when every byte of it was.
 */
import { releaseBuffer } from '#crypto'

/** Bytes read of each buffer. */
const readBytes = new WeakMap<ArrayBufferLike, number>()

/** A part of a buffer that nobody but the session knew of: from now on its readers are counted. */
export function noteReceived({ buffer }: Uint8Array): void {
  if (!readBytes.has(buffer)) readBytes.set(buffer, 0)
}

/**
 * Whoever alone was to read these bytes has read them and will not look at them again; to be said once. That no byte
 * is left to be handed out follows from that all were read.
 */
export function noteRead({ buffer, length }: Pick<Uint8Array, 'buffer' | 'length'>): void {
  const before = readBytes.get(buffer)
  if (before === undefined) return
  if (before + length < buffer.byteLength) readBytes.set(buffer, before + length)
  else {
    readBytes.delete(buffer)
    releaseBuffer(new Uint8Array(buffer))
  }
}
