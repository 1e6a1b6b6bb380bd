/** Conversations over /cairn/membership/1: the side that asks, and the side that answers (PROTOCOL §12). */
import { GridError, InvalidInputError } from '#crypto'
import { ProtocolError } from '../errors.ts'
import { MEMBERSHIP_MESSAGE_MAX_BYTES, REFUSED_MESSAGE_MAX_BYTES } from '../limits.ts'
import type { Channel } from '../platform/platform.ts'
import { formatMessage, type Message, MessageReader, type OutgoingMessage } from '../wire/message.ts'
import { errorFields, errorOfFields } from '../wire/wire-error.ts'
import { type Chain, readChain } from './chain.ts'
import type { Membership } from './membership.ts'
import {
  chainReply,
  helloRequest,
  parseChainReply,
  parseMembershipRequest,
  redeemRequest,
  renewRequest,
} from './membership-messages.ts'

/** What a node answers beyond its own chain. Both throw NotAdmittedError with the reason. */
export interface Issuing {
  /** @returns the chain of whoever has shown the token */
  redeem(peer: string, token: Uint8Array): Promise<Chain>
  /** @returns a chain of the peer that lasts longer */
  renew(peer: string): Promise<Chain>
}

/** Show our chain, and take the peer's. @throws NotAdmittedError from either side; ProtocolError */
export async function sayHello(channel: Channel, membership: Membership): Promise<void> {
  const parts = await ask(channel, helloRequest(membership.own), parseChainReply)
  membership.admit(channel.remoteId, parts)
}

/** @returns the chain that the inviter has signed, sound and of this very peer and grid, or so it must be checked */
export function redeemToken(channel: Channel, token: Uint8Array): Promise<Chain> {
  return ask(channel, redeemRequest(token), (reply) => readChain(parseChainReply(reply)))
}

export function askRenewal(channel: Channel): Promise<Chain> {
  return ask(channel, renewRequest(), (reply) => readChain(parseChainReply(reply)))
}

/** Answer a peer until it is done. */
export async function answerMembership(
  channel: Channel,
  membership: Membership,
  issuing: Issuing,
): Promise<void> {
  const reader = boundedReader(channel, MEMBERSHIP_MESSAGE_MAX_BYTES)
  for (let message = await reader.read(); message !== undefined; message = await reader.read()) {
    await channel.write((await answerTo(message, channel.remoteId, { membership, issuing })).parts)
  }
}

/** Tell a peer that is not admitted why, in answer to whatever it asks, until it is done. */
export async function refuseChannel(channel: Channel, reason: GridError): Promise<void> {
  const reader = boundedReader(channel, REFUSED_MESSAGE_MAX_BYTES)
  while ((await reader.read()) !== undefined) await channel.write(formatMessage(errorFields(reason)).parts)
}

async function answerTo(
  message: Message,
  peer: string,
  { membership, issuing }: { readonly membership: Membership; readonly issuing: Issuing },
): Promise<OutgoingMessage> {
  try {
    const request = parseMembershipRequest(message)
    switch (request.op) {
      case 'hello':
        membership.admit(peer, request.chain)
        return chainReply(membership.own)
      case 'redeem':
        return chainReply(await issuing.redeem(peer, request.token))
      case 'renew':
        return chainReply(await issuing.renew(peer))
    }
  } catch (error) {
    if (!(error instanceof GridError)) throw error
    return formatMessage(errorFields(error))
  }
}

async function ask<T>(channel: Channel, message: OutgoingMessage, parse: (reply: Message) => T): Promise<T> {
  await channel.write(message.parts)
  const reply = await boundedReader(channel, MEMBERSHIP_MESSAGE_MAX_BYTES).read()
  if (reply === undefined) throw new ProtocolError('the peer ended a talk about membership without a reply')
  if (reply.header.has('error')) throw errorOfFields(reply.header, channel.remoteId)
  try {
    return parse(reply)
  } catch (cause) {
    if (!(cause instanceof InvalidInputError)) throw cause
    throw new ProtocolError(
      `a malformed reply about membership: ${cause.message}`,
      { peer: channel.remoteId },
      { cause },
    )
  }
}

function boundedReader(channel: Channel, sizeMaxBytes: number): MessageReader {
  return new MessageReader(channel.incoming, {
    admit: async (sizeBytes) => {
      if (sizeBytes > sizeMaxBytes) {
        throw new ProtocolError(`a message of at most ${sizeMaxBytes} bytes wanted, found ${sizeBytes}`, {
          peer: channel.remoteId,
        })
      }
    },
  })
}
