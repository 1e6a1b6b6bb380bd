/** Sizes of what backups store (FORMAT §18.4): they show little of how much is in it. */
import { assert } from '../errors.ts'

/**
 * The Padmé rule (PURBs, PETS 2019): of a size only the length in bits and some five bits after the first are kept, for
 * at most an eighth more.
 *
 * @param neededBytes 2 to 2^31 - 1
 */
export function paddedSize(neededBytes: number): number {
  assert(Number.isInteger(neededBytes) && neededBytes >= 2, 'there is a size to be padded')
  assert(neededBytes < 2 ** 31, 'what is padded is far below 2 GiB')
  const exponent = 31 - Math.clz32(neededBytes)
  const keptBits = 32 - Math.clz32(exponent)
  const step = 2 ** Math.max(0, exponent - keptBits)
  return Math.ceil(neededBytes / step) * step
}
