/** PROTOCOL.md prints what the code sends. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  asFileRoot,
  asSlotSeed,
  asStorageIndex,
  concat,
  decodeFields,
  formatSlotValue,
  MANIFEST_SIZE_MAX_BYTES,
  makeSlotRecord,
  NO_RECORD,
  SEGMENT_COUNT_MAX,
  SLOT_RECORD_MAX_BYTES,
  slotKeys,
  TAGS,
  utf8,
} from '#crypto'
import { NotFoundError } from '../../../node/errors.ts'
import * as limits from '../../../node/limits.ts'
import { CHAIN_MAX_BYTES, parseChain } from '../../../node/membership/chain.ts'
import { readExpulsion } from '../../../node/membership/expulsion.ts'
import { INVITATION_LENGTH_MAX, INVITATION_TOKEN_SIZE_BYTES } from '../../../node/membership/invitation.ts'
import { MEMBERSHIP_PROTOCOL } from '../../../node/membership/membership-messages.ts'
import { parseAnnouncement, signAnnouncement } from '../../../node/peers/announcement.ts'
import { peerIdOfPublicKey } from '../../../node/peers/peer-id.ts'
import { ROSTER_PROTOCOL } from '../../../node/peers/roster-messages.ts'
import { signedBytes } from '../../../node/signed-bytes.ts'
import { quorumOf } from '../../../node/slots/quorum.ts'
import { formatMessage, MessageReader } from '../../../node/wire/message.ts'
import { blockReply } from '../../../node/wire/replies.ts'
import { parseRequest, requestFields, STORAGE_PROTOCOL } from '../../../node/wire/requests.ts'
import { slotWritePayload } from '../../../node/wire/slots.ts'
import { errorFields } from '../../../node/wire/wire-error.ts'
import { testKey } from '../../support/ed25519.ts'
import { membershipExamples } from '../../support/membership-examples.ts'

const text = readFileSync(new URL('../../../node/PROTOCOL.md', import.meta.url), 'utf8')
const grouped = (value: number): string => value.toLocaleString('en')

/** The bytes of the indented lines after the mark. */
function example(name: string): Uint8Array {
  const [, after = ''] = text.split(`<!-- example: ${name} -->\n`)
  const lines = after.split('\n')
  const end = lines.findIndex((line) => !line.startsWith('    '))
  return new Uint8Array(Buffer.from(lines.slice(0, end).join('').replaceAll(/\s/g, ''), 'hex'))
}

const storageIndex = asStorageIndex(new Uint8Array(32).fill(0x11))
const root = asFileRoot(new Uint8Array(32).fill(0x22))
const address = { storageIndex, root, shareNumber: 4 }

describe('the examples of PROTOCOL.md', () => {
  test('a request is what the code sends, and reads', async () => {
    const request = {
      op: 'read-block',
      block: { address, segmentIndex: 300, withSealedProof: false },
    } as const
    expect(concat(...formatMessage(requestFields(request)).parts)).toEqual(example('request'))
    const reader = new MessageReader(
      (async function* () {
        yield example('request')
      })(),
    )
    const message = await reader.read()
    expect(message === undefined ? undefined : parseRequest(message)).toEqual(request)
  })

  test('so are a reply and an error', () => {
    const block = Uint8Array.of(1, 2, 3, 4)
    const reply = blockReply({ block, blockProof: new Uint8Array(32).fill(0x33), sealedProof: undefined })
    expect(concat(...reply.parts)).toEqual(example('reply'))
    const error = new NotFoundError('no such share', { share: 4 })
    expect(concat(...formatMessage(errorFields(error)).parts)).toEqual(example('error'))
  })

  test('so is the writing of a slot', () => {
    const keys = slotKeys(asSlotSeed(new Uint8Array(32).fill(8)))
    expect(keys.publicKey).toEqual(example('slot key'))
    const content = formatSlotValue({ kind: 'inline', bytes: utf8('hello') })
    const { bytes } = makeSlotRecord(keys, { sequence: 1, previous: NO_RECORD }, content)
    const writes = [{ record: bytes, leaseDurationSeconds: limits.LEASE_DURATION_DEFAULT_SECONDS }]
    const request = formatMessage(requestFields({ op: 'slot-write', writes }), slotWritePayload(writes))
    expect(concat(...request.parts)).toEqual(example('slot write'))
    expect(text).toContain(`The record has ${bytes.length} bytes.`)
    expect(concat(...formatMessage({ outcomes: [{}] }).parts)).toEqual(example('slot written'))
  })

  test('so is an announcement, signed bytes and all', async () => {
    const key = testKey(new Uint8Array(32).fill(7))
    const localId = peerIdOfPublicKey(key.publicKey)
    expect(key.publicKey).toEqual(example('key'))
    expect(text).toContain(`\`${localId}\``)
    const made = await signAnnouncement(
      { localId, sign: async (bytes) => key.sign(bytes) },
      {
        addresses: [`/ip4/192.0.2.7/tcp/4001/p2p/${localId}`],
        sequence: 1_764_000_000_000,
        expiresAtSeconds: 1_764_259_200,
        isServer: true,
        freeBytes: 1e12,
        version: 'cairn 0.1.0',
        failureDomain: { owner: 'anna', site: 'cellar' },
      },
    )
    expect(made.bytes).toEqual(example('announcement'))
    expect(text).toContain(`the announcement of ${made.bytes.length} bytes`)
    const body = decodeFields(made.bytes, 'example').bytesUpTo('body', 4096)
    expect(signedBytes(TAGS.announcement, body)).toEqual(example('signed'))
    expect(parseAnnouncement(example('announcement'))).toEqual(made)
  })
})

describe('the example of §12.7', () => {
  test('is what the code makes, and reads', async () => {
    const { gridId, ann, member, expulsion, link } = await membershipExamples()
    expect(gridId).toEqual(example('grid'))
    expect(ann.own.bytes).toEqual(example('certificate'))
    expect(text).toContain(`until\n${grouped(ann.own.expiresAtSeconds)} s`)
    expect(new Uint8Array(member)).toEqual(example('member'))
    expect(parseChain(example('member')).own.name).toBe('bob')
    expect(expulsion).toEqual(example('expulsion'))
    expect(readExpulsion(example('expulsion')).byName).toBe('')
    expect(text.replaceAll(/\n {4}/g, '')).toContain(link)
  })
})

describe('the limits in PROTOCOL.md', () => {
  test.each([
    `| \`${MEMBERSHIP_PROTOCOL}\` |`,
    `array of at most ${limits.ROLES_MAX} text(${limits.ROLE_LENGTH_MAX})`,
    `deterministic, at most ${limits.CERTIFICATE_MAX_BYTES} bytes`,
    `An array of 1 to ${limits.CHAIN_LENGTH_MAX} certificates`,
    `its \`invite\` is at most ${limits.CHAIN_LENGTH_MAX - 1};`,
    `a message has at most ${grouped(limits.MEMBERSHIP_MESSAGE_MAX_BYTES)} bytes`,
    `A talk lasts at most ${limits.MEMBERSHIP_TALK_MILLISECONDS / 1000} s.`,
    `is not more than ${limits.CLOCK_TOLERANCE_SECONDS} s past`,
    `a request of more than ${grouped(limits.REFUSED_MESSAGE_MAX_BYTES)} bytes on it is not read`,
    `{\`chain\`: array of bytes}, at most ${grouped(CHAIN_MAX_BYTES)} bytes`,
    `at most ${grouped(limits.EXPULSION_MAX_BYTES)} bytes. The body:`,
    `with a chain ${grouped(limits.CERTIFIED_ANNOUNCEMENT_MAX_BYTES)}.`,
    `At least ${grouped(limits.MEMBERS_MAX)} members and ${grouped(limits.EXPULSIONS_MAX)} expulsions`,
    `at most ${grouped(INVITATION_LENGTH_MAX)} characters`,
    `array of 1 to ${limits.INVITATION_ADDRESSES_MAX} text(${limits.INVITATION_ADDRESS_LENGTH_MAX})`,
    `\`token\` bytes(${INVITATION_TOKEN_SIZE_BYTES}), random`,
    `prefix("${TAGS.certificate}")`,
    `prefix("${TAGS.expulsion}")`,
    `H("${TAGS.rosterMember}", subject`,
    `H("${TAGS.rosterExpulsion}", subject)`,
    `H("${TAGS.invitationChecksum}", 01`,
    `H("${TAGS.invitationToken}", token)`,
    `1 <= H <= ${grouped(limits.WIRE_HEADER_MAX_BYTES)} and 0 <= P <= ${grouped(limits.WIRE_PAYLOAD_MAX_BYTES)}`,
    `at most ${limits.CHANNELS_PER_PEER_MAX} channels of one protocol`,
    `should keep up to ${limits.WIRE_CHANNELS_PER_SERVER_MAX} to one server`,
    `after each ${limits.WIRE_PENDING_MILLISECONDS / 1000} s without another message`,
    `| ${limits.WIRE_STALL_MILLISECONDS / 1000} s | any byte moving`,
    `| ${limits.WIRE_CLIENT_IDLE_MILLISECONDS / 1000} s | a request outstanding or a write open`,
    `| ${limits.WIRE_SERVER_IDLE_MILLISECONDS / 60_000} min | a request |`,
    `| ${limits.CONNECT_MILLISECONDS / 1000} s | a connection or a channel`,
    `${limits.WIRE_PEER_REQUEST_BYTES_MAX / 2 ** 20} MiB of requests`,
    `one peer, ${limits.WIRE_SERVER_REQUEST_BYTES_MAX / 2 ** 20} MiB of each for all`,
    `at most ${limits.WIRE_OUTSTANDING_REQUESTS_MAX} requests and ${limits.WIRE_OUTSTANDING_BYTES_MAX / 2 ** 20} MiB outstanding`,
    `text(${limits.WIRE_ERROR_TEXT_MAX}) | for people`,
    `at most ${limits.WIRE_ERROR_DETAILS_MAX} entries`,
    `uint, at most ${grouped(SEGMENT_COUNT_MAX - 1)} | segment index`,
    `array of at most ${limits.WIRE_LIST_QUERIES_MAX} maps`,
    `visible, at most ${limits.LISTED_SHARES_MAX};`,
    `bytes, at most ${grouped(MANIFEST_SIZE_MAX_BYTES)};`,
    `seconds, 1 to ${grouped(limits.LEASE_DURATION_MAX_SECONDS)} |`,
    `dropped after ${grouped(limits.OPEN_WRITE_IDLE_SECONDS)} s`,
    `moved on the first for ${limits.WIRE_TAKEOVER_MILLISECONDS / 1000} s`,
    `A channel holds at most ${limits.WIRE_OPEN_WRITES_PER_CHANNEL_MAX} writes`,
    `Proofs have at most ${limits.WIRE_PROOF_MAX_BYTES} bytes`,
    `array of at most ${grouped(limits.LEASE_UPDATES_MAX)} maps`,
    `array of at most ${limits.ANNOUNCED_ADDRESSES_MAX} text(${limits.ANNOUNCED_ADDRESS_LENGTH_MAX})`,
    `text(${limits.ANNOUNCED_NAME_LENGTH_MAX}) each`,
    `at most ${grouped(limits.ANNOUNCEMENT_MAX_BYTES)} bytes, with a chain`,
    `more than ${grouped(limits.ANNOUNCEMENT_LIFETIME_MAX_SECONDS)} s (14 days)`,
    `more than ${grouped(limits.ANNOUNCEMENT_AHEAD_MAX_SECONDS)} s ahead`,
    `at least ${grouped(limits.ROSTER_ENTRIES_MAX)}`,
    `every ${limits.ANNOUNCE_INTERVAL_MILLISECONDS / 60_000} minutes, valid for ${grouped(limits.ANNOUNCEMENT_LIFETIME_SECONDS)} s`,
    `\`shares\` array of at most ${limits.WIRE_WHOLE_SHARES_MAX} maps`,
    `array of at most ${limits.WIRE_OPEN_QUERIES_MAX} maps {\`index\`, \`root\`, [\`segment\`]}`,
    `more than ${grouped(limits.WIRE_OPEN_HEADER_BYTES_MAX)} bytes together`,
    `\`size\` uint, 1 to ${grouped(limits.WIRE_PAYLOAD_MAX_BYTES)}`,
    `\`keys\` array of at most ${limits.SLOT_READS_MAX} bytes(32)`,
    `\`records\` array of at most ${limits.WIRE_SLOT_WRITES_MAX} maps {\`size\` uint, 1 to ${grouped(SLOT_RECORD_MAX_BYTES)}`,
    `For N = 10 that is f = ${quorumOf(10).faulty}, q = ${quorumOf(10).quorum};`,
    `q = ${[1, 2, 3].map((replicas) => quorumOf(replicas).quorum).join(', ')}.`,
    `the next server of the ring, up to ${limits.LOCATE_RING_FACTOR}N`,
    `at most ${grouped(limits.ROSTER_COMPARED_MAX)}. Reply`,
    `at most ${grouped(limits.ROSTER_GIVEN_BYTES_MAX)} bytes together`,
    `to ${limits.ROSTER_FANOUT} servers drawn by lot`,
    `after ${limits.ROSTER_COMPARE_LEAST_MILLISECONDS / 1000} s at first`,
    `every ${limits.ROSTER_COMPARE_MOST_MILLISECONDS / 1000} s.`,
    `after ${limits.BOOTSTRAP_RETRY_LEAST_MILLISECONDS / 1000} s and longer pauses`,
    `prefix("${TAGS.announcement}")`,
    `H("${TAGS.ring}", storage index, public key)`,
    `| \`${STORAGE_PROTOCOL}\` |`,
    `| \`${ROSTER_PROTOCOL}\` |`,
  ])('are those of the code: %s', (line) => {
    expect(text.replaceAll(/\s+/g, ' ').toLowerCase()).toContain(line.toLowerCase())
  })
})
