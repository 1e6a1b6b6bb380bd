/** Messages of /cairn/roster/1, field by field (PROTOCOL §6.3). They are framed like those of the storage protocol. */
import { ByteReader, ByteWriter, type Fields, InvalidInputError } from '#crypto'
import { ProtocolError } from '../errors.ts'
import { CERTIFIED_ANNOUNCEMENT_MAX_BYTES, ROSTER_COMPARED_MAX } from '../limits.ts'
import { formatMessage, type Message, type OutgoingMessage } from '../wire/message.ts'
import { PUBLIC_KEY_SIZE_BYTES } from './peer-id.ts'
import type { RosterPage } from './roster.ts'

export const ROSTER_PROTOCOL = '/cairn/roster/1'

/** Key 32, sequence 8. */
const ENTRY_SIZE_BYTES = PUBLIC_KEY_SIZE_BYTES + 8
/** No announcement is shorter than its key and its signature. */
const ANNOUNCEMENTS_IN_MESSAGE_MAX = 2048

export type RosterRequest =
  | { readonly op: 'compare'; readonly page: RosterPage }
  | { readonly op: 'push'; readonly announcements: readonly Uint8Array[] }

export interface CompareReply {
  readonly newer: readonly Uint8Array[]
  readonly wanted: readonly Uint8Array[]
  readonly next: Uint8Array | undefined
}

export function compareRequest({ from, until, entries }: RosterPage): OutgoingMessage {
  const writer = new ByteWriter(entries.length * ENTRY_SIZE_BYTES)
  for (const { key, sequence } of entries) writer.bytes(key).u64(sequence)
  return formatMessage({ op: 'compare', from, until }, writer.finish())
}

export function pushRequest(announcements: readonly Uint8Array[]): OutgoingMessage {
  return formatMessage({ op: 'push', announcements })
}

/** @throws InvalidInputError; ProtocolError for what can be no announcement */
export function parseRosterRequest({ header, payload }: Message): RosterRequest {
  const op = header.text('op', 32)
  if (op === 'push') {
    const announcements = readAnnouncements(header, 'announcements')
    header.finish()
    if (payload.length > 0) throw new InvalidInputError('a push has no payload')
    return { op, announcements }
  }
  if (op !== 'compare') throw new InvalidInputError(`unknown request ${JSON.stringify(op)}`)
  const from = header.bytes('from', PUBLIC_KEY_SIZE_BYTES)
  const until = header.optional('until', () => header.bytes('until', PUBLIC_KEY_SIZE_BYTES))
  header.finish()
  return { op, page: { from, until, entries: readEntries(payload) } }
}

export function compareReply({ newer, wanted, next }: CompareReply): OutgoingMessage {
  const writer = new ByteWriter(wanted.length * PUBLIC_KEY_SIZE_BYTES)
  for (const key of wanted) writer.bytes(key)
  return formatMessage({ newer, next }, writer.finish())
}

/** @throws InvalidInputError; ProtocolError for what can be no announcement */
export function parseCompareReply({ header, payload }: Message): CompareReply {
  const reader = new ByteReader(payload, 'wanted keys')
  const wanted: Uint8Array[] = []
  while (reader.remainingBytes > 0 && wanted.length < ROSTER_COMPARED_MAX) {
    wanted.push(reader.bytes(PUBLIC_KEY_SIZE_BYTES))
  }
  reader.finish()
  return {
    newer: readAnnouncements(header, 'newer'),
    wanted,
    next: header.optional('next', () => header.bytes('next', PUBLIC_KEY_SIZE_BYTES)),
  }
}

function readEntries(payload: Uint8Array): RosterPage['entries'] {
  if (payload.length > ROSTER_COMPARED_MAX * ENTRY_SIZE_BYTES) {
    throw new InvalidInputError(`a page has at most ${ROSTER_COMPARED_MAX} entries`)
  }
  const reader = new ByteReader(payload, 'page')
  const entries: { readonly key: Uint8Array; readonly sequence: number }[] = []
  while (reader.remainingBytes > 0) {
    entries.push({ key: reader.bytes(PUBLIC_KEY_SIZE_BYTES), sequence: reader.u64() })
  }
  return entries
}

function readAnnouncements(header: Fields, name: string): readonly Uint8Array[] {
  return header.list(name, ANNOUNCEMENTS_IN_MESSAGE_MAX).map((item) => {
    if (!(item instanceof Uint8Array) || item.length > CERTIFIED_ANNOUNCEMENT_MAX_BYTES) {
      // Like one that cannot be read: no honest peer passes that on (PROTOCOL §6.2).
      throw new ProtocolError(
        `an entry is a byte string of at most ${CERTIFIED_ANNOUNCEMENT_MAX_BYTES} bytes`,
      )
    }
    return item
  })
}
