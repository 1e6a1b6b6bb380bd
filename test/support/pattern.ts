/** The generator of test bytes that FORMAT §13 names. */
import { sha256 } from '@noble/hashes/sha2.js'

export const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** Byte i is the first byte of SHA-256(u32(seed) ‖ u32(i)). */
export function pattern(seed: number, sizeBytes: number): Uint8Array {
  const input = new DataView(new ArrayBuffer(8))
  input.setUint32(0, seed)
  return Uint8Array.from({ length: sizeBytes }, (_, index) => {
    input.setUint32(4, index)
    return sha256(new Uint8Array(input.buffer))[0] ?? 0
  })
}
