/** `Range` with what the web API allows beside API.md §4: suffixes, and ranges that must be refused with 416. */
import { RangeRefusedError } from './refusal.ts'

export type WantedRange =
  | { readonly kind: 'whole' }
  /** Plaintext bytes `start` up to, not including, `end`; undefined: to the end of the file. */
  | { readonly kind: 'from'; readonly start: number; readonly end: number | undefined }
  | { readonly kind: 'last'; readonly sizeBytes: number }

/**
 * A header that is malformed, in another unit, or of several ranges is ignored, as RFC 9110 §14.2 allows: the whole
 * is sent.
 */
export function parseWantedRange(header: string | undefined): WantedRange {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? []
  if (first === '' && last === '') return { kind: 'whole' }
  if (first === '') return { kind: 'last', sizeBytes: Number(last) }
  const start = Number(first)
  if (last === '') return { kind: 'from', start, end: undefined }
  return Number(last) < start ? { kind: 'whole' } : { kind: 'from', start, end: Number(last) + 1 }
}

/** @throws RangeRefusedError if no byte of the file is in the range */
export function resolvedRange(
  wanted: Exclude<WantedRange, { readonly kind: 'whole' }>,
  fileSizeBytes: number,
): { readonly start: number; readonly end: number } {
  const start = wanted.kind === 'from' ? wanted.start : Math.max(0, fileSizeBytes - wanted.sizeBytes)
  const end = Math.min(fileSizeBytes, (wanted.kind === 'from' ? wanted.end : undefined) ?? fileSizeBytes)
  if (start >= end) {
    throw new RangeRefusedError({
      message: `a range inside ${fileSizeBytes} bytes is wanted, found none of them`,
      wanted: `a range inside ${fileSizeBytes} bytes`,
      found: 'none of them',
      where: 'header Range',
      headers: { 'content-range': `bytes */${fileSizeBytes}` },
    })
  }
  return { start, end }
}
