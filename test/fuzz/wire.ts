/**
 * `npm run fuzz:wire`: random and mutated bytes into every parser of PROTOCOL.md. Each must answer with a
 * value or with an error of ours, within its limits, and soon.
 *
 *     npm run fuzz:wire -- --runs 200000 --seed 7
 */
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { asFileRoot, asStorageIndex, asTreeHash, concat, GridError } from '#crypto'
import { WIRE_HEADER_MAX_BYTES, WIRE_PAYLOAD_MAX_BYTES } from '../../node/limits.ts'
import { formatChain, readChain } from '../../node/membership/chain.ts'
import { parseInvitation } from '../../node/membership/invitation.ts'
import { MemberRecords } from '../../node/membership/member-records.ts'
import {
  chainReply,
  helloRequest,
  parseChainReply,
  parseMembershipRequest,
  redeemRequest,
  renewRequest,
} from '../../node/membership/membership-messages.ts'
import { signAnnouncement } from '../../node/peers/announcement.ts'
import { peerIdOfPublicKey } from '../../node/peers/peer-id.ts'
import { Roster } from '../../node/peers/roster.ts'
import {
  compareReply,
  compareRequest,
  parseCompareReply,
  parseRosterRequest,
  pushRequest,
} from '../../node/peers/roster-messages.ts'
import { formatMessage, type Message, MessageReader } from '../../node/wire/message.ts'
import { readOpenedFiles } from '../../node/wire/open-files.ts'
import * as replies from '../../node/wire/replies.ts'
import { parseRequest, requestFields, type StorageRequest } from '../../node/wire/requests.ts'
import { readSlotOutcomes, readSlotsReply, slotsReply, slotWritePayload } from '../../node/wire/slots.ts'
import { readWholeOutcomes, wholePayload } from '../../node/wire/whole-shares.ts'
import { errorFields, errorOfFields } from '../../node/wire/wire-error.ts'
import { testKey } from '../support/ed25519.ts'
import { testRecord, testSlot } from '../support/make-slots.ts'
import { membershipExamples } from '../support/membership-examples.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(process.pid) },
  },
})
const numRuns = Number(values.runs)
const seed = Number(values.seed)

const storageIndex = asStorageIndex(new Uint8Array(32).fill(1))
const root = asFileRoot(new Uint8Array(32).fill(2))
const address = { storageIndex, root, shareNumber: 3 }
const opening = [0, 1].map((segmentIndex) => ({ storageIndex, root, segmentIndex }))
const write = { storageIndex, shareNumber: 3, uploadId: new Uint8Array(16), expectedSizeBytes: 9 }
const block = { segmentIndex: 300, sealedLeaf: asTreeHash(root), block: new Uint8Array(40) }
const whole = {
  storageIndex,
  shareNumber: 3,
  manifest: new Uint8Array(200),
  block: block.block,
  leaseDurationSeconds: 60,
}
const slot = testRecord(testSlot('fuzz'), 1)
const requests: readonly StorageRequest[] = [
  { op: 'status' },
  { op: 'list', queries: [{ storageIndex, root }] },
  { op: 'open', files: [{ storageIndex, root, segmentIndex: 5 }] },
  { op: 'write-open', write },
  { op: 'write-block', write, block },
  { op: 'write-finish', write, manifest: new Uint8Array(200), leaseDurationSeconds: 60 },
  { op: 'write-whole', shares: [whole, { ...whole, shareNumber: 4 }] },
  { op: 'read-block', block: { address, segmentIndex: 1, withSealedProof: true } },
  {
    op: 'update-leases',
    updates: [
      { action: 'renew', address, durationSeconds: 5 },
      { action: 'renew', address, durationSeconds: 5, binding: true },
      { action: 'cancel', address: { publicKey: slot.publicKey } },
    ],
  },
  { op: 'slot-read', publicKeys: [slot.publicKey, slot.publicKey] },
  {
    op: 'slot-write',
    writes: [
      { record: slot.bytes, leaseDurationSeconds: 60 },
      { record: slot.bytes, leaseDurationSeconds: 61 },
    ],
  },
]
function payloadOf(request: StorageRequest): Uint8Array | undefined {
  if (request.op === 'write-whole') return wholePayload(request.shares)
  if (request.op === 'slot-write') return slotWritePayload(request.writes)
  return request.op === 'write-block' ? request.block.block : undefined
}

const key = testKey(new Uint8Array(32).fill(7))
const localId = peerIdOfPublicKey(key.publicKey)
const { bytes: announcement } = await signAnnouncement(
  { localId, sign: async (bytes) => key.sign(bytes) },
  {
    addresses: [`/ip4/10.0.0.1/tcp/1/p2p/${localId}`],
    sequence: 5,
    expiresAtSeconds: 1000,
    isServer: true,
    freeBytes: 1,
    version: 'x',
    failureDomain: { owner: 'a', site: 'b' },
  },
)
// Of members: entries of a roster, a link, and what is said about membership.
const { ann, member, expulsion, link, gridId } = await membershipExamples()
const entries: readonly Uint8Array[] = [announcement, member, expulsion, formatChain(ann)]
const page = { from: root, until: undefined, entries: [{ key: root, sequence: 5 }] }
const share = { root, shareNumber: 1, shareSizeBytes: 1000 }
const sound: readonly Uint8Array[] = [
  ...requests.map((request) => formatMessage(requestFields(request), payloadOf(request))),
  formatMessage(
    {
      files: [
        { shares: new Uint8Array(18), manifest: root, size: 40, proof: root, sealed: root },
        { shares: new Uint8Array(0) },
      ],
    },
    block.block,
  ),
  formatMessage({ outcomes: [{}, errorFields(new TypeError('x'))] }),
  slotsReply([undefined, slot.bytes]),
  formatMessage({ outcomes: [{ held: slot.bytes.length }, {}] }, slot.bytes),
  replies.listReply([[share], [], [share, share]]),
  replies.blockReply({ block: block.block, blockProof: root, sealedProof: root }),
  replies.leasesReply([
    { ok: true, expiresAtSeconds: 9 },
    { ok: false, reason: 'over-quota' },
  ]),
  formatMessage(errorFields(new TypeError('x'))),
  compareRequest(page),
  compareReply({ newer: [announcement], wanted: [root], next: root }),
  pushRequest([announcement]),
  helloRequest(ann),
  redeemRequest(new Uint8Array(16)),
  renewRequest(),
  chainReply(ann),
].map(({ parts }) => concat(...parts))

const edit = fc.record({ at: fc.nat(), bytes: fc.uint8Array({ maxLength: 5 }), removed: fc.nat(5) })
const mutated = fc
  .tuple(fc.constantFrom(...sound, ...entries), fc.array(edit, { minLength: 1, maxLength: 4 }))
  .map(([bytes, edits]) => {
    const changed = [...bytes]
    for (const { at, bytes: put, removed } of edits) changed.splice(at % changed.length, removed, ...put)
    return Uint8Array.from(changed)
  })
const anyBytes = fc.oneof(
  { weight: 4, arbitrary: mutated },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }) },
)

/** A link with some of its letters taken from the bytes: as long as it was. */
function mutatedLink(bytes: Uint8Array): string {
  const letters = [...link]
  for (let index = 0; index + 1 < bytes.length; index += 2) {
    letters[(bytes[index] ?? 0) % letters.length] = String.fromCharCode(bytes[index + 1] ?? 0)
  }
  return letters.join('')
}

/** Whatever it throws must be an error of ours. */
function refuses(work: () => unknown): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof GridError)) throw error
  }
}

async function readMessages(bytes: Uint8Array): Promise<readonly Message[]> {
  const channel = (async function* () {
    yield bytes.subarray(0, bytes.length >> 1)
    yield bytes.subarray(bytes.length >> 1)
  })()
  const admit = async (sizeBytes: number) => {
    if (sizeBytes > 8 + WIRE_HEADER_MAX_BYTES + WIRE_PAYLOAD_MAX_BYTES) throw new Error('beyond the limits')
  }
  const reader = new MessageReader(channel, { admit })
  const messages: Message[] = []
  try {
    for (let message = await reader.read(); message !== undefined; message = await reader.read()) {
      messages.push(message)
    }
  } catch (error) {
    if (!(error instanceof GridError)) throw error
  }
  return messages
}

const started = performance.now()
let messageCount = 0
await fc.assert(
  fc.asyncProperty(anyBytes, async (bytes) => {
    for (const message of await readMessages(bytes)) {
      messageCount += 1
      const { header } = message
      refuses(() => parseRequest(message))
      refuses(() => parseRosterRequest(message))
      refuses(() => parseCompareReply(message))
      refuses(() => parseMembershipRequest(message))
      refuses(() => readChain(parseChainReply(message)))
      refuses(() => errorOfFields(header, localId))
      refuses(() => replies.readStatus(message))
      refuses(() => replies.readList(message, 3))
      refuses(() => replies.readLeases(message, 2))
      refuses(() => replies.readBlockReply(message))
      refuses(() => replies.readManifestReply(message))
      refuses(() => replies.readScrub(message))
      refuses(() => readOpenedFiles(message, opening))
      refuses(() => readWholeOutcomes(message, { shareCount: 2, serverId: localId }))
      refuses(() => readSlotsReply(message, 2))
      refuses(() => readSlotOutcomes(message, { writeCount: 2, serverId: localId }))
    }
    const roster = new Roster({ now: () => 0 })
    if (
      roster.add(bytes) === 'added' &&
      Buffer.compare(roster.get(localId)?.bytes ?? bytes, announcement) !== 0
    ) {
      throw new Error('an announcement was changed and taken')
    }
    const clock = { now: () => 1_764_000_100_000 }
    const members = new Roster(clock, { records: new MemberRecords({ gridId, clock }) })
    const outcome = members.add(bytes)
    const isKnown = entries.some((entry) => Buffer.compare(entry, bytes) === 0)
    if ((outcome === 'added' || outcome === 'expelled') && !isKnown) {
      throw new Error('a certificate or an expulsion was changed and taken')
    }
    refuses(() => parseInvitation(mutatedLink(bytes)))
  }),
  { numRuns, seed },
)
const seconds = ((performance.now() - started) / 1000).toFixed(1)
console.log(
  `${numRuns} runs, ${messageCount} whole messages among them, ${seconds} s, seed ${seed}: nothing slipped through`,
)
