/**
 * Entity tags and the conditions that a request makes on them (RFC 9110 §8.8.3, §13).
 *
 * A tag names bytes and is no secret: of a file it is a hash of what its servers know of it, of a slot of its public
 * key, its sequence and the hash of its record. A literal has nothing but its content, which may be short enough to be
 * guessed, so its tag is keyed with the token of the daemon.
 */
import { createHmac } from 'node:crypto'
import { type Capability, formatCapability, toBase32, toVerifyCapability, utf8 } from '#crypto'
import type { ContentCapability } from '../capabilities.ts'
import type { Token } from '../token.ts'
import { PreconditionFailedError } from './refusal.ts'

/** A hash of 128 bits: nobody but the writer of a file chooses what it names. */
const TAG_SIZE_BYTES = 16
const TAG_KEY = 'cairn web-api entity tag v1'

/** @param version of a slot: what `get` says of its record. Undefined if it is not known yet: then there is no tag */
export function entityTagOf(
  capability: ContentCapability,
  options: { readonly token: Token; readonly version: string | undefined },
): string | undefined {
  if (capability.kind === 'lit') return tagOf(options.token.reveal(), capability.content.reveal())
  const isSlot = capability.kind !== 'file'
  if (isSlot && options.version === undefined) return undefined
  return tagOf(TAG_KEY, utf8(`${formatCapability(toVerifyCapability(capability))} ${options.version ?? ''}`))
}

function tagOf(key: string, bytes: Uint8Array): string {
  const mac = createHmac('sha256', key).update(bytes).digest()
  return `"${toBase32(new Uint8Array(mac.subarray(0, TAG_SIZE_BYTES)))}"`
}

/** Whether the bytes of this capability can change. */
export function canChange({ kind }: Capability): boolean {
  return kind === 'slot' || kind === 'slot-read'
}

/** `If-None-Match` of a GET: the client has these very bytes. Weak comparison, as RFC 9110 §13.1.2 has it. */
export function isKnownToClient(header: string | undefined, tag: string): boolean {
  return header !== undefined && matches(header, tag, { isWeak: true })
}

/** `If-Range`: a range may be sent only of these very bytes. A date never matches: there is none. */
export function isSameRange(header: string | undefined, tag: string | undefined): boolean {
  return header === undefined || header.trim() === tag
}

/** @param tag of what stands there; undefined: nothing does. @throws PreconditionFailedError */
export function requireConditions(
  headers: { readonly 'if-match'?: string | undefined; readonly 'if-none-match'?: string | undefined },
  current: { readonly exists: boolean; readonly tag: string | undefined },
): void {
  const { 'if-match': wanted, 'if-none-match': unwanted } = headers
  const isThere = (header: string) =>
    current.exists &&
    (header.trim() === '*' || (current.tag !== undefined && matches(header, current.tag, { isWeak: false })))
  if (wanted !== undefined && !isThere(wanted))
    throw failed('header If-Match', 'the version that it names', current)
  if (unwanted !== undefined && isThere(unwanted))
    throw failed('header If-None-Match', 'another version', current)
}

function failed(
  where: string,
  wanted: string,
  current: { readonly exists: boolean },
): PreconditionFailedError {
  const found = current.exists ? 'another state' : 'nothing'
  return new PreconditionFailedError({
    message: `${where}: ${wanted} is wanted there, found ${found}; nothing was changed`,
    wanted,
    found,
    where,
  })
}

function matches(header: string, tag: string, { isWeak }: { readonly isWeak: boolean }): boolean {
  if (header.trim() === '*') return true
  return header
    .split(',')
    .map((one) => one.trim())
    .some((one) => one === tag || (isWeak && one === `W/${tag}`))
}
