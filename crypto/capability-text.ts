/**
 * The grammar that all capabilities share (FORMAT §4).
 *
 *     cairn:<kind>:<base32 of version ‖ body ‖ checksum>
 *
 * No message of a failure holds anything of the text, which is a secret.
 */
import { concat, equalBytes, fromBase32, toBase32, utf8 } from './bytes.ts'
import { InvalidInputError } from './errors.ts'
import { taggedHash } from './hash.ts'
import { TAGS } from './tags.ts'

export const CAPABILITY_VERSION = 1
/** The longest capability is a full literal: 6 + 4 + 111 characters. Longer text is refused before it is read. */
export const CAPABILITY_LENGTH_MAX = 160
const CHECKSUM_SIZE_BYTES = 4

export function formatCapabilityText(kind: string, body: Uint8Array): string {
  const payload = concat(Uint8Array.of(CAPABILITY_VERSION), body)
  return `cairn:${kind}:${toBase32(concat(payload, checksum(kind, payload)))}`
}

/**
 * Take a text apart.
 *
 * @param requireKind throws for a kind that is not wanted, before the rest is looked at
 * @returns the kind, and a view of the body, whose size is not looked at
 * @throws InvalidInputError saying what is wrong: not a capability, mistyped, or of another version
 */
export function parseCapabilityText<Kind extends string>(
  text: string,
  requireKind: (kind: string) => Kind,
): { readonly kind: Kind; readonly body: Uint8Array } {
  if (text.length > CAPABILITY_LENGTH_MAX) {
    throw new InvalidInputError(
      `a capability has at most ${CAPABILITY_LENGTH_MAX} characters, found ${text.length}`,
    )
  }
  const [scheme, name, encoded, ...rest] = text.split(':')
  if (scheme !== 'cairn' || name === undefined || encoded === undefined || rest.length > 0) {
    throw new InvalidInputError(
      'a capability looks like cairn:<kind>:<letters and digits>; this text does not',
    )
  }
  const kind = requireKind(name)
  const bytes = decodeBody(encoded)
  const payload = bytes.subarray(0, -CHECKSUM_SIZE_BYTES)
  if (!equalBytes(bytes.subarray(-CHECKSUM_SIZE_BYTES), checksum(kind, payload))) {
    throw new InvalidInputError('the capability is mistyped or cut short: its checksum does not fit')
  }
  if (payload[0] !== CAPABILITY_VERSION) {
    throw new InvalidInputError(`capability version ${CAPABILITY_VERSION} wanted, found ${payload[0]}`)
  }
  return { kind, body: payload.subarray(1) }
}

function decodeBody(encoded: string): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = fromBase32(encoded)
  } catch (cause) {
    throw new InvalidInputError('the capability is mistyped or cut short: it is not base32', {}, { cause })
  }
  if (bytes.length < 1 + CHECKSUM_SIZE_BYTES) throw new InvalidInputError('the capability is cut short')
  return bytes
}

function checksum(kind: string, payload: Uint8Array): Uint8Array {
  return taggedHash(TAGS.capabilityChecksum, utf8(`${kind}:`), payload).subarray(0, CHECKSUM_SIZE_BYTES)
}
