/** Messages of /cairn/membership/1, field by field (PROTOCOL §12.3, §12.5, §12.6). Framed like all others. */
import { InvalidInputError } from '#crypto'
import { CHAIN_LENGTH_MAX } from '../limits.ts'
import { formatMessage, type Message, type OutgoingMessage } from '../wire/message.ts'
import { type Chain, chainBytes } from './chain.ts'
import { INVITATION_TOKEN_SIZE_BYTES } from './invitation.ts'

export const MEMBERSHIP_PROTOCOL = '/cairn/membership/1'

export type MembershipRequest =
  /** Certificates as they came, not yet read. */
  | { readonly op: 'hello'; readonly chain: readonly unknown[] }
  | { readonly op: 'redeem'; readonly token: Uint8Array }
  | { readonly op: 'renew' }

export function helloRequest(chain: Chain): OutgoingMessage {
  return formatMessage({ op: 'hello', chain: chainBytes(chain) })
}

export function redeemRequest(token: Uint8Array): OutgoingMessage {
  return formatMessage({ op: 'redeem', token })
}

export function renewRequest(): OutgoingMessage {
  return formatMessage({ op: 'renew' })
}

/** @throws InvalidInputError */
export function parseMembershipRequest({ header, payload }: Message): MembershipRequest {
  const op = header.text('op', 32)
  if (payload.length > 0) throw new InvalidInputError('a request about membership has no payload')
  const request = ((): MembershipRequest => {
    switch (op) {
      case 'hello':
        return { op, chain: header.list('chain', CHAIN_LENGTH_MAX) }
      case 'redeem':
        return { op, token: header.bytes('token', INVITATION_TOKEN_SIZE_BYTES) }
      case 'renew':
        return { op }
      default:
        throw new InvalidInputError(`unknown request ${JSON.stringify(op)}`)
    }
  })()
  header.finish()
  return request
}

/** The answer to all of them: the server's own chain, or the one that was signed. */
export function chainReply(chain: Chain): OutgoingMessage {
  return formatMessage({ chain: chainBytes(chain) })
}

/** @throws InvalidInputError */
export function parseChainReply({ header }: Message): readonly unknown[] {
  return header.list('chain', CHAIN_LENGTH_MAX)
}
