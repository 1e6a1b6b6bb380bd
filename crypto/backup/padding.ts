/** Sizes of what backups store (FORMAT §18.4): they show little of how much is in it. */
import { assert } from '../errors.ts'

/** More than a literal capability holds: what is padded is a file of the grid, whatever is in it. */
export const PADDED_SIZE_MIN_BYTES = 128

/**
 * The Padmé rule (PURBs, PETS 2019): of a size only the length in bits and some five bits after the first are kept, for
 * at most an eighth more; and no size is below PADDED_SIZE_MIN_BYTES.
 *
 * @param neededBytes below 2^31
 */
export function paddedSize(neededBytes: number): number {
  assert(Number.isInteger(neededBytes) && neededBytes >= 0, 'there is a size to be padded')
  assert(neededBytes < 2 ** 31, 'what is padded is far below 2 GiB')
  const leastBytes = Math.max(neededBytes, PADDED_SIZE_MIN_BYTES)
  const exponent = 31 - Math.clz32(leastBytes)
  const keptBits = 32 - Math.clz32(exponent)
  const step = 2 ** (exponent - keptBits)
  return Math.ceil(leastBytes / step) * step
}
