/** Conversations over /cairn/roster/1: the side that asks, and the side that answers (PROTOCOL §6.3). */
import { InvalidInputError } from '#crypto'
import { NotAdmittedError, ProtocolError } from '../errors.ts'
import { ROSTER_COMPARED_MAX, ROSTER_GIVEN_BYTES_MAX } from '../limits.ts'
import type { Channel, PeerId } from '../platform/platform.ts'
import { formatMessage, type Message, MessageReader } from '../wire/message.ts'
import { errorFields, errorOfFields } from '../wire/wire-error.ts'
import { PUBLIC_KEY_SIZE_BYTES } from './peer-id.ts'
import type { Roster } from './roster.ts'
import {
  compareReply,
  compareRequest,
  parseCompareReply,
  parseRosterRequest,
  pushRequest,
  type RosterRequest,
} from './roster-messages.ts'

/** Pages, and replies cut short, before a peer counts as never ending. */
const ROUNDS_MAX = 256

/** Takes what came from a peer; @throws ProtocolError if it is forged. */
export type TakeAnnouncements = (announcements: readonly Uint8Array[], channel: Channel) => Promise<void>

/** Make both rosters equal, as far as announcements are valid: page by page, newer ones each way. */
export async function compareRosters(
  channel: Channel,
  roster: Roster,
  take: TakeAnnouncements,
): Promise<void> {
  const reader = new MessageReader(channel.incoming)
  let from: Uint8Array | undefined = new Uint8Array(PUBLIC_KEY_SIZE_BYTES)
  for (let round = 0; from !== undefined; round += 1) {
    if (round >= ROUNDS_MAX) throw new ProtocolError('a comparison of rosters does not end')
    const page = roster.page(from)
    await channel.write(compareRequest(page).parts)
    const { newer, wanted, next } = await replyOf(channel, reader, parseCompareReply)
    await take(newer, channel)
    await pushOn(channel, reader, roster.bytesOf(wanted.slice(0, ROSTER_COMPARED_MAX)))
    from = next ?? page.until
  }
  await channel.close()
}

/** Tell a peer what is new. */
export async function pushAnnouncements(
  channel: Channel,
  announcements: readonly Uint8Array[],
): Promise<void> {
  await pushOn(channel, new MessageReader(channel.incoming), announcements)
  await channel.close()
}

/** What an answer takes; `requireAllowed` is asked before each. */
export interface RosterAnswering {
  readonly roster: Roster
  readonly take: TakeAnnouncements
  /** @throws NotAdmittedError if the peer may not ask, or not any more */
  readonly requireAllowed?: ((peer: PeerId) => void) | undefined
}

/** Answer a peer until it is done. */
export async function answerRosterTalk(
  channel: Channel,
  { roster, take, requireAllowed }: RosterAnswering,
): Promise<void> {
  const reader = new MessageReader(channel.incoming)
  for (let message = await reader.read(); message !== undefined; message = await reader.read()) {
    let request: RosterRequest
    try {
      requireAllowed?.(channel.remoteId)
      request = parseRosterRequest(message)
    } catch (error) {
      if (!(error instanceof InvalidInputError) && !(error instanceof NotAdmittedError)) throw error
      await channel.write(formatMessage(errorFields(error)).parts)
      continue
    }
    if (request.op === 'compare') {
      await channel.write(compareReply(roster.compare(request.page)).parts)
    } else {
      await take(request.announcements, channel)
      await channel.write(formatMessage({}).parts)
    }
  }
}

async function pushOn(
  channel: Channel,
  reader: MessageReader,
  announcements: readonly Uint8Array[],
): Promise<void> {
  for (const some of inMessages(announcements)) {
    await channel.write(pushRequest(some).parts)
    await replyOf(channel, reader, () => undefined)
  }
}

function inMessages(announcements: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
  const messages: Uint8Array[][] = []
  let sizeBytes = Number.POSITIVE_INFINITY
  for (const announcement of announcements) {
    sizeBytes += announcement.length
    if (sizeBytes > ROSTER_GIVEN_BYTES_MAX) {
      messages.push([])
      sizeBytes = announcement.length
    }
    messages.at(-1)?.push(announcement)
  }
  return messages
}

async function replyOf<T>(channel: Channel, reader: MessageReader, parse: (reply: Message) => T): Promise<T> {
  const reply = await reader.read()
  if (reply === undefined) throw new ProtocolError('the peer ended a talk about the roster without a reply')
  if (reply.header.has('error')) throw errorOfFields(reply.header, channel.remoteId)
  try {
    return parse(reply)
  } catch (cause) {
    throw new ProtocolError('a malformed reply about the roster', { peer: channel.remoteId }, { cause })
  }
}
