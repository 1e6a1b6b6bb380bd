/** Headers that keep what is answered where it belongs (WEB-API.md §2.3). */
import { create as contentDisposition } from 'content-disposition'
import mime from 'mime'

/**
 * Of every answer: the capability in the address goes nowhere as a referrer, nothing is kept by caches on the way,
 * and no page of another origin embeds or reads it.
 */
export const GUARDED_HEADERS = Object.freeze({
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
})

/**
 * Of stored content: a page among it gets an origin of its own, which no other has, runs no script, sends no form and
 * loads nothing.
 */
export const STORED_CONTENT_POLICY =
  "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; media-src data:; " +
  "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"

/** By the ending of a name; what has none that is known is bytes. */
export function contentTypeOf(name: string | undefined): string {
  const type = name === undefined ? null : mime.getType(name)
  if (type === null) return 'application/octet-stream'
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type
}

/** RFC 6266. Undefined: the client decides. */
export function dispositionOf(name: string | undefined, isToBeSaved: boolean): string | undefined {
  if (name === undefined && !isToBeSaved) return undefined
  return contentDisposition(name, { type: isToBeSaved ? 'attachment' : 'inline' })
}
