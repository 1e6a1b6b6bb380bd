/** Sizes as people write them: `200 GiB`, `1.5 TB`, `4096`. */
import { InvalidInputError } from '#crypto'

const UNIT_BYTES: Readonly<Record<string, number>> = Object.freeze({
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  pb: 1e15,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  pib: 2 ** 50,
})

/**
 * Whole bytes, fractions rounded down. `kB` counts in thousands and `KiB` in 1024; letters may be of either case.
 *
 * @throws InvalidInputError
 */
export function parseSize(text: string): number {
  const found = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim())
  const unitBytes = UNIT_BYTES[found?.[2]?.toLowerCase() ?? 'none']
  const sizeBytes = Math.floor(Number(found?.[1]) * (unitBytes ?? Number.NaN))
  if (!Number.isSafeInteger(sizeBytes)) {
    throw new InvalidInputError(`a size such as "200 GiB" or "512 MB" wanted, found "${text}"`)
  }
  return sizeBytes
}
