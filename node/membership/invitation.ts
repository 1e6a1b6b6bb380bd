/**
 * The link of an invitation (PROTOCOL §12.5): where the inviter is, of which grid, and a token that is good once.
 *
 *     cairn:invite:<base32 of version ‖ body ‖ checksum>
 */
import {
  concat,
  decodeFields,
  encodeFields,
  equalBytes,
  fromBase32,
  InvalidInputError,
  Secret,
  TAGS,
  taggedHash,
  toBase32,
} from '#crypto'
import { INVITATION_ADDRESS_LENGTH_MAX, INVITATION_ADDRESSES_MAX } from '../limits.ts'
import { PUBLIC_KEY_SIZE_BYTES } from '../peers/peer-id.ts'

export const INVITATION_VERSION = 1
export const INVITATION_TOKEN_SIZE_BYTES = 16
export const INVITATION_PREFIX = 'cairn:invite:'
const CHECKSUM_SIZE_BYTES = 4
/** Four of the longest addresses, two keys and a token; longer text is refused before it is read. */
export const INVITATION_LENGTH_MAX = 1100

export interface Invitation {
  readonly gridId: Uint8Array
  /** Public key of the node that made it, and alone can redeem it. */
  readonly inviter: Uint8Array
  /** Multiaddrs of that node, without its peer id; at least one. */
  readonly addresses: readonly string[]
  readonly token: Secret<Uint8Array>
}

/** The text is a secret: whoever has it first becomes a member. @throws InvalidInputError beyond a limit */
export function formatInvitation(invitation: Invitation): string {
  const body = encodeFields({
    grid: invitation.gridId,
    inviter: invitation.inviter,
    addresses: invitation.addresses,
    token: invitation.token.reveal(),
  })
  const payload = concat(Uint8Array.of(INVITATION_VERSION), body)
  const text = INVITATION_PREFIX + toBase32(concat(payload, checksum(payload)))
  parseInvitation(text)
  return text
}

/** @throws InvalidInputError, which never holds any of the text */
export function parseInvitation(text: string): Invitation {
  if (text.length > INVITATION_LENGTH_MAX || !text.startsWith(INVITATION_PREFIX)) {
    throw new InvalidInputError(
      `an invitation looks like ${INVITATION_PREFIX}<letters and digits>; this text does not`,
    )
  }
  const bytes = fromBase32(text.slice(INVITATION_PREFIX.length))
  const payload = bytes.subarray(0, -CHECKSUM_SIZE_BYTES)
  if (!equalBytes(bytes.subarray(-CHECKSUM_SIZE_BYTES), checksum(payload))) {
    throw new InvalidInputError('the invitation is mistyped or cut short: its checksum does not fit')
  }
  if (payload[0] !== INVITATION_VERSION) {
    throw new InvalidInputError(`invitation version ${INVITATION_VERSION} wanted, found ${payload[0]}`)
  }
  const fields = decodeFields(payload.subarray(1), 'invitation')
  const invitation = {
    gridId: fields.bytes('grid', PUBLIC_KEY_SIZE_BYTES),
    inviter: fields.bytes('inviter', PUBLIC_KEY_SIZE_BYTES),
    addresses: fields.list('addresses', INVITATION_ADDRESSES_MAX).map(checkedAddress),
    token: new Secret(fields.bytes('token', INVITATION_TOKEN_SIZE_BYTES)),
  }
  fields.finish()
  if (invitation.addresses.length === 0) throw new InvalidInputError('an invitation has an address')
  return invitation
}

/** All that the inviter keeps of a token. */
export function tokenHash(token: Uint8Array): Uint8Array {
  return taggedHash(TAGS.invitationToken, token)
}

function checksum(payload: Uint8Array): Uint8Array {
  return taggedHash(TAGS.invitationChecksum, payload).slice(0, CHECKSUM_SIZE_BYTES)
}

function checkedAddress(address: unknown): string {
  if (
    typeof address !== 'string' ||
    address.length > INVITATION_ADDRESS_LENGTH_MAX ||
    !/^\/[!-~]+$/.test(address) ||
    address.includes('/p2p/')
  ) {
    throw new InvalidInputError('an address of an invitation is a multiaddr without a peer id')
  }
  return address
}
