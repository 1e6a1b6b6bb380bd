import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asFileRoot,
  asPublicKey,
  asStorageIndex,
  asTreeHash,
  concat,
  type FieldRecord,
  InvalidInputError,
  SEGMENT_COUNT_MAX,
} from '#crypto'
import {
  LEASE_DURATION_MAX_SECONDS,
  SLOT_READS_MAX,
  WIRE_LIST_QUERIES_MAX,
  WIRE_SLOT_WRITES_MAX,
} from '../../../node/limits.ts'
import { formatMessage, type Message, MessageReader } from '../../../node/wire/message.ts'
import { parseRequest, requestFields, type StorageRequest } from '../../../node/wire/requests.ts'
import { readSlotOutcomes, readSlotsReply, slotWritePayload } from '../../../node/wire/slots.ts'
import { wholePayload } from '../../../node/wire/whole-shares.ts'

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const storageIndex = hash.map(asStorageIndex)
const root = hash.map(asFileRoot)
const shareNumber = fc.nat(254)
const segmentIndex = fc.nat(SEGMENT_COUNT_MAX - 1)
const seconds = fc.integer({ min: 1, max: LEASE_DURATION_MAX_SECONDS })
const uploadId = fc.uint8Array({ minLength: 16, maxLength: 16 })
const write = fc.record({ storageIndex, shareNumber, uploadId })
const address = fc.record({ storageIndex, root, shareNumber })
const publicKey = hash.map(asPublicKey)
const leased = fc.oneof(address, fc.record({ publicKey }))
const slotWrite = fc.record({
  record: fc.uint8Array({ minLength: 1, maxLength: 300 }),
  leaseDurationSeconds: seconds,
})
const whole = fc.record({
  storageIndex,
  shareNumber,
  manifest: fc.uint8Array({ maxLength: 500 }),
  block: fc.uint8Array({ minLength: 1, maxLength: 100 }),
  leaseDurationSeconds: seconds,
})

const request: fc.Arbitrary<StorageRequest> = fc.oneof(
  fc.constant<StorageRequest>({ op: 'status' }),
  fc.record({
    op: fc.constant('list' as const),
    queries: fc.array(fc.record({ storageIndex, root: fc.option(root, { nil: undefined }) }), {
      maxLength: 64,
    }),
  }),
  fc.record({
    op: fc.constant('open' as const),
    files: fc.array(
      fc.record({ storageIndex, root, segmentIndex: fc.option(segmentIndex, { nil: undefined }) }),
      { maxLength: 64 },
    ),
  }),
  fc.record({
    op: fc.constant('write-open' as const),
    write: fc.record({ storageIndex, shareNumber, uploadId, expectedSizeBytes: fc.maxSafeNat() }),
  }),
  fc.record({
    op: fc.constant('write-block' as const),
    write,
    block: fc.record({ segmentIndex, sealedLeaf: hash.map(asTreeHash), block: fc.uint8Array() }),
  }),
  fc.record({
    op: fc.constant('write-finish' as const),
    write,
    manifest: fc.uint8Array({ maxLength: 8241 }),
    leaseDurationSeconds: seconds,
  }),
  fc.record({ op: fc.constant('write-whole' as const), shares: fc.array(whole, { maxLength: 64 }) }),
  fc.record({ op: fc.constantFrom('write-abort' as const, 'write-detach' as const), write }),
  fc.record({ op: fc.constantFrom('read-manifest' as const, 'scrub' as const), address }),
  fc.record({
    op: fc.constant('read-block' as const),
    block: fc.record({ address, segmentIndex, withSealedProof: fc.boolean() }),
  }),
  fc.record({
    op: fc.constant('update-leases' as const),
    updates: fc.array(
      fc.oneof(
        fc.record({ action: fc.constant('renew' as const), address: leased, durationSeconds: seconds }),
        fc.record({
          action: fc.constant('renew' as const),
          address: leased,
          durationSeconds: seconds,
          binding: fc.constant(true),
        }),
        fc.record({ action: fc.constant('cancel' as const), address: leased }),
      ),
      { maxLength: 20 },
    ),
  }),
  fc.record({
    op: fc.constant('slot-read' as const),
    publicKeys: fc.array(publicKey, { maxLength: SLOT_READS_MAX }),
  }),
  fc.record({
    op: fc.constant('slot-write' as const),
    writes: fc.array(slotWrite, { maxLength: WIRE_SLOT_WRITES_MAX }),
  }),
)

async function receive(fields: FieldRecord, payload?: Uint8Array): Promise<Message> {
  const { parts } = formatMessage(fields, payload)
  const message = await new MessageReader(
    (async function* () {
      yield concat(...parts)
    })(),
  ).read()
  if (message === undefined) throw new Error('a message wanted')
  return message
}

function payloadOf(some: StorageRequest): Uint8Array | undefined {
  if (some.op === 'write-whole') return wholePayload(some.shares)
  if (some.op === 'slot-write') return slotWritePayload(some.writes)
  return some.op === 'write-block' ? some.block.block : undefined
}

describe('parseRequest', () => {
  test('undoes requestFields for any request', async () => {
    await fc.assert(
      fc.asyncProperty(request, async (sent) => {
        expect(parseRequest(await receive(requestFields(sent), payloadOf(sent)))).toEqual(sent)
      }),
      { numRuns: 500 },
    )
  })

  test('refuses a request with a field too many, too few, or of another type', async () => {
    await fc.assert(
      fc.asyncProperty(request, fc.nat(), async (sent, choice) => {
        const fields = requestFields(sent)
        const names = Object.keys(fields)
        const name = names[choice % names.length] ?? ''
        const attempts: FieldRecord[] = [
          { ...fields, extra: 1 },
          { ...fields, [name]: undefined },
          { ...fields, [name]: { not: 'this' } },
        ]
        for (const attempt of attempts) {
          const message = await receive(attempt, payloadOf(sent))
          expect(() => parseRequest(message)).toThrow(InvalidInputError)
        }
      }),
    )
  })

  test('refuses numbers beyond their limits and a payload where there is none', async () => {
    const index = new Uint8Array(32)
    const upload = new Uint8Array(16)
    const refused: FieldRecord[] = [
      { op: 'nonsense' },
      { op: 'read-block', index, root: index, share: 255, segment: 0, sealed: false },
      { op: 'read-block', index, root: index, share: 0, segment: SEGMENT_COUNT_MAX, sealed: false },
      { op: 'write-abort', index, share: 0, upload: new Uint8Array(15) },
      { op: 'write-finish', index, share: 0, upload, manifest: new Uint8Array(8242), lease: 1 },
      {
        op: 'write-finish',
        index,
        share: 0,
        upload,
        manifest: upload,
        lease: LEASE_DURATION_MAX_SECONDS + 1,
      },
      { op: 'write-finish', index, share: 0, upload, manifest: upload, lease: 0 },
      { op: 'update-leases', updates: [{ index, root: index, share: 0, seconds: 0 }] },
      { op: 'list', queries: Array.from({ length: WIRE_LIST_QUERIES_MAX + 1 }, () => ({ index })) },
      { op: 'list', queries: [{ index, other: 1 }] },
      { op: 'open', files: [{ index }] },
      { op: 'open', files: [{ index, root: index, segment: SEGMENT_COUNT_MAX }] },
      { op: 'open', files: Array.from({ length: 65 }, () => ({ index, root: index })) },
      { op: 'update-leases', updates: [{ index, root: index, share: 0, seconds: true }] },
      { op: 'update-leases', updates: [{ slot: index, index, seconds: 1 }] },
      { op: 'update-leases', updates: [{ slot: index, seconds: 1, binding: 1 }] },
      { op: 'update-leases', updates: [{ slot: index, binding: true }] },
      { op: 'update-leases', updates: [{ index, root: index, share: 0, binding: false }] },
      { op: 'update-leases', updates: [{ slot: upload, seconds: 1 }] },
      { op: 'slot-read', keys: [index, upload] },
      { op: 'slot-read', keys: [index, 'a key'] },
      { op: 'slot-read', keys: Array.from({ length: SLOT_READS_MAX + 1 }, () => index) },
    ]
    const record = { index, share: 0, manifest: index, size: 2, lease: 1 }
    const two = Uint8Array.of(1, 2)
    const slot = { size: 2, lease: 1 }
    const pieces: readonly (readonly [FieldRecord, Uint8Array])[] = [
      [{ op: 'write-whole', shares: [record] }, two.subarray(1)],
      [{ op: 'write-whole', shares: [record] }, new Uint8Array(3)],
      [{ op: 'write-whole', shares: [{ ...record, size: 0 }] }, new Uint8Array(0)],
      [{ op: 'write-whole', shares: [{ ...record, extra: 0 }] }, two],
      [{ op: 'write-whole', shares: [{ ...record, lease: 0 }] }, two],
      [{ op: 'write-whole', shares: [{ ...record, manifest: new Uint8Array(8242) }] }, two],
      [{ op: 'write-whole', shares: Array.from({ length: 65 }, () => record) }, new Uint8Array(130)],
      [{ op: 'slot-read', keys: [index] }, two],
      [{ op: 'slot-write', records: [slot] }, two.subarray(1)],
      [{ op: 'slot-write', records: [slot] }, new Uint8Array(3)],
      [{ op: 'slot-write', records: [slot, { ...slot, size: 0 }] }, two],
      [{ op: 'slot-write', records: [{ ...slot, size: 65_537 }] }, new Uint8Array(65_537)],
      [{ op: 'slot-write', records: [{ ...slot, lease: 0 }] }, two],
      [{ op: 'slot-write', records: [{ ...slot, extra: 0 }] }, two],
      [{ op: 'slot-write', records: Array.from({ length: 17 }, () => slot) }, new Uint8Array(34)],
    ]
    for (const [fields, payload] of pieces) {
      const message = await receive(fields, payload)
      expect(() => parseRequest(message)).toThrow(InvalidInputError)
    }
    for (const fields of refused) {
      const message = await receive(fields)
      expect(() => parseRequest(message), String(fields.op)).toThrow(InvalidInputError)
    }
    const nameless = await receive({})
    expect(() => parseRequest(nameless)).toThrow('field "op" is missing')
    const loaded = await receive({ op: 'status' }, Uint8Array.of(1))
    expect(() => parseRequest(loaded)).toThrow('no payload')
  })
})

describe('replies about slots', () => {
  const bytes = Uint8Array.of(1, 2, 3)
  const expected = { writeCount: 2, serverId: 'server' }

  test('give each key and each record its own', async () => {
    const read = await receive({ sizes: [0, 2, 1] }, bytes)
    expect(readSlotsReply(read, 3)).toEqual([undefined, bytes.subarray(0, 2), bytes.subarray(2)])
    const outcomes = [{ held: 3 }, { error: 'NO_SPACE', message: 'full', details: {} }]
    expect(readSlotOutcomes(await receive({ outcomes }, bytes), expected)).toMatchObject([
      { ok: true, result: { accepted: false, held: bytes } },
      { ok: false, error: { code: 'NO_SPACE' } },
    ])
    expect(readSlotOutcomes(await receive({ outcomes: [{}, {}] }), expected)).toEqual([
      { ok: true, result: { accepted: true } },
      { ok: true, result: { accepted: true } },
    ])
  })

  test.for<[FieldRecord, Uint8Array]>([
    [{}, bytes],
    [{ sizes: [3] }, bytes],
    [{ sizes: [3, 0, 0] }, bytes],
    [{ sizes: [1, 1] }, bytes],
    [{ sizes: [2, 2] }, bytes],
    [{ sizes: ['3', 0] }, bytes],
    [{ sizes: [65_537, 0] }, new Uint8Array(65_537)],
    [{ outcomes: [{ held: 3 }] }, bytes],
    [{ outcomes: [{ held: 2 }, {}] }, bytes],
    [{ outcomes: [{ held: 2 }, { held: 2 }] }, bytes],
    [{ outcomes: [{ held: 0 }, { held: 3 }] }, bytes],
    [{ outcomes: [{ held: 3 }, { error: 'BUSY' }] }, bytes],
    [{ outcomes: [{}, 1] }, new Uint8Array(0)],
    [{ outcomes: [{ held: 65_537 }, {}] }, new Uint8Array(65_537)],
  ])('are refused if they do not add up: %j', async ([fields, payload]) => {
    const message = await receive(fields, payload)
    expect(() => readSlotsReply(message, 2)).toThrow(InvalidInputError)
    expect(() => readSlotOutcomes(message, expected)).toThrow(InvalidInputError)
  })
})
