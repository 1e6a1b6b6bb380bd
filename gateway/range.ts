/** The Range header of HTTP (RFC 9110 §14): first and last byte, both included. */
import { InvalidInputError } from '#crypto'
import type { ByteRange } from '#node'

/**
 * @returns undefined if there is no header, or one in another unit, which the RFC has us ignore
 * @throws InvalidInputError for more than one range, a suffix (`bytes=-500`), or an end before its start
 */
export function parseRangeHeader(header: string | undefined): ByteRange | undefined {
  if (header === undefined || !header.startsWith('bytes=')) return undefined
  return parseInclusiveRange(header.slice('bytes='.length))
}

/** `0-1023`: the first 1024 bytes; `1024-`: everything after them. @throws InvalidInputError */
export function parseInclusiveRange(text: string): ByteRange {
  const found = /^(\d{1,16})-(\d{1,16})?$/.exec(text.trim())
  const start = Number(found?.[1])
  const last = found?.[2] === undefined ? undefined : Number(found[2])
  if (
    !Number.isSafeInteger(start) ||
    (last !== undefined && !(Number.isSafeInteger(last) && last >= start))
  ) {
    throw new InvalidInputError('a range such as 0-1023 (first and last byte, both included) or 1024- wanted')
  }
  return last === undefined ? { start } : { start, end: last + 1 }
}

export function formatRangeHeader({ start, end }: ByteRange): string {
  return `bytes=${start}-${end === undefined ? '' : end - 1}`
}

export function contentRange(
  range: { readonly start: number; readonly end: number },
  fileSizeBytes: number,
): string {
  return `bytes ${range.start}-${range.end - 1}/${fileSizeBytes}`
}
