/** The generators of test bytes that FORMAT §13 names. */
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

/** SHA-256(u32(seed) ‖ u32(i)) for i from 0 on, one after the other: for contents that are too large for `pattern`. */
export function stream(seed: number, sizeBytes: number): Uint8Array {
  const input = new Uint8Array(8)
  const view = new DataView(input.buffer)
  view.setUint32(0, seed)
  const bytes = new Uint8Array(Math.ceil(sizeBytes / 32) * 32)
  for (let index = 0; index < bytes.length / 32; index += 1) {
    view.setUint32(4, index)
    bytes.set(sha256(input), 32 * index)
  }
  return bytes.subarray(0, sizeBytes)
}

/** The content that a vector names: `stream(seed, size)` or `zeros(size)`. */
export function contentNamed(name: string): Uint8Array {
  const [, generator, first, second] = /^(stream|zeros)\((\d+)(?:, (\d+))?\)$/.exec(name) ?? []
  if (generator === 'zeros') return new Uint8Array(Number(first))
  if (generator === 'stream') return stream(Number(first), Number(second))
  throw new Error(`no such content: ${name}`)
}
