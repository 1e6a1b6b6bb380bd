/** Vectors of what must be refused of slots (FORMAT §4, §15, §16): one fault each. */
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import {
  asBoxKey,
  asPublicKey,
  type BulkCrypto,
  ByteWriter,
  concat,
  encodeFields,
  formatCapability,
  fromBase32,
  makeSlotRecord,
  NO_RECORD,
  openBox,
  packCapability,
  parseCapability,
  parseSlotValue,
  requireRecordOf,
  sealBox,
  sign,
  slotKeys,
  slotWriteCapability,
  TAGS,
  taggedHash,
  toBase32,
  toReadCapability,
  toVerifyCapability,
  unpackCapability,
  utf8,
} from '#crypto'
import { hex, pattern } from './pattern.ts'
import { mustRefuse } from './refused-vectors.ts'
import { OTHER_SEED, SLOT_FILE, SLOT_SEED, slotContent } from './slot-vectors.ts'

const slot = slotWriteCapability('slot', SLOT_SEED)

export async function refusedSlotVectors(bulk: BulkCrypto) {
  return {
    capability_slots_refused: await refusedCapabilities(),
    secret_box_refused: await refusedBoxes(),
    slot_record_refused: await refusedRecords(bulk),
    slot_value_refused: await refusedValues(),
  }
}

async function refusedCapabilities() {
  const forge = (kind: string, payload: Uint8Array): string => {
    const checksum = taggedHash(TAGS.capabilityChecksum, utf8(`${kind}:`), payload).subarray(0, 4)
    return `cairn:${kind}:${toBase32(concat(payload, checksum))}`
  }
  const sized = (kind: string, sizeBytes: number) => ({
    fault: `${kind} of ${sizeBytes} bytes`,
    text: forge(kind, concat(Uint8Array.of(1), pattern(506, sizeBytes))),
  })
  const written = formatCapability(slot)
  const read = formatCapability(toReadCapability(slot))
  const texts = [
    sized('slot', 31),
    sized('slot', 64),
    sized('slot-read', 32),
    sized('slot-verify', 63),
    sized('dir', 33),
    sized('dir-read', 80),
    sized('dir-verify', 0),
    sized('tree', 32),
    sized('tree-verify', 65),
    { fault: 'slot of version 2', text: forge('slot', concat(Uint8Array.of(2), SLOT_SEED)) },
    { fault: 'a slot that is called a directory', text: written.replace(':slot:', ':dir:') },
    { fault: 'a slot to read that is said to write', text: read.replace(':slot-read:', ':slot:') },
    { fault: 'a kind in upper case', text: written.replace(':slot:', ':Slot:') },
    { fault: 'a kind that is a property of objects', text: written.replace(':slot:', ':constructor:') },
    { fault: 'an id as kind', text: written.replace(':slot:', ':3:') },
  ]
  const encoded = written.split(':')[2] ?? ''
  const packed = [
    { fault: 'packed: no bytes', packed: new Uint8Array(0) },
    { fault: 'packed: id 11', packed: concat(Uint8Array.of(11), pattern(506, 64)) },
    { fault: 'packed: id 255', packed: concat(Uint8Array.of(255), pattern(506, 32)) },
    { fault: 'packed: slot without a seed', packed: Uint8Array.of(3) },
    { fault: 'packed: slot of 33 bytes', packed: concat(packCapability(slot), Uint8Array.of(0)) },
    { fault: 'packed: file of 63 bytes', packed: packCapability(SLOT_FILE).subarray(0, -1) },
    { fault: 'packed: literal of 65 bytes', packed: concat(Uint8Array.of(0), pattern(506, 65)) },
    { fault: 'packed: with version and checksum', packed: fromBase32(encoded) },
  ]
  for (const { fault, text } of texts) await mustRefuse(fault, () => parseCapability(text))
  for (const { fault, packed: bytes } of packed) await mustRefuse(fault, () => unpackCapability(bytes))
  return [...texts, ...packed.map((one) => ({ ...one, packed: hex(one.packed) }))]
}

async function refusedBoxes() {
  const key = asBoxKey(pattern(510, 32))
  const context = pattern(512, 73)
  const content = pattern(511, 33)
  const sound = sealBox(key, content, context)
  const flip = (at: number): Uint8Array => {
    const box = sound.slice()
    box[at] = (box[at] ?? 0) ^ 1
    return box
  }
  const nonce = pattern(513, 24)
  const cases = [
    { fault: 'a byte of the nonce changed', key, context, box: flip(0) },
    { fault: 'a byte of the ciphertext changed', key, context, box: flip(30) },
    { fault: 'a byte of the tag changed', key, context, box: flip(sound.length - 1) },
    { fault: 'a byte too few', key, context, box: sound.subarray(0, -1) },
    { fault: 'a byte too many', key, context, box: concat(sound, Uint8Array.of(0)) },
    { fault: '39 bytes', key, context, box: sound.subarray(0, 39) },
    { fault: 'no bytes', key, context, box: new Uint8Array(0) },
    { fault: 'another key', key: asBoxKey(pattern(514, 32)), context, box: sound },
    { fault: 'another context', key, context: pattern(515, 73), box: sound },
    { fault: 'no context', key, context: new Uint8Array(0), box: sound },
    {
      fault: 'opens, under a nonce that is not that of its content',
      key,
      context,
      box: concat(nonce, xchacha20poly1305(key, nonce).encrypt(content)),
    },
    {
      fault: 'the context put in front of the content',
      key,
      context,
      box: sealBox(key, concat(context, content)),
    },
  ]
  for (const one of cases) await mustRefuse(one.fault, () => openBox(one.key, one.box, 'a box', one.context))
  return cases.map((one) => ({
    fault: one.fault,
    key: hex(one.key),
    context: hex(one.context),
    box: hex(one.box),
  }))
}

interface RecordFields {
  readonly version?: number
  readonly publicKey?: Uint8Array
  readonly sequence?: bigint
  readonly previous?: Uint8Array
  readonly linksSize?: number
  readonly bodySize?: number
  readonly links?: Uint8Array
  readonly body?: Uint8Array
  readonly tag?: string
  readonly seed?: Uint8Array
}

const keys = slotKeys(SLOT_SEED)
const sound = makeSlotRecord(keys, { sequence: 1, previous: NO_RECORD }, slotContent('first'))

/** A record that is signed, whatever stands in it. */
function forgeRecord(fields: RecordFields): Uint8Array {
  const { links = sound.sealedLinks, body = sound.sealedBody, sequence = 1n, tag = TAGS.slotRecord } = fields
  const sequenceBytes = new Uint8Array(8)
  new DataView(sequenceBytes.buffer).setBigUint64(0, sequence)
  const signed = new ByteWriter(81 + links.length + body.length)
    .u8(fields.version ?? 1)
    .bytes(fields.publicKey ?? keys.publicKey)
    .bytes(sequenceBytes)
    .bytes(fields.previous ?? NO_RECORD)
    .u32(fields.linksSize ?? links.length)
    .u32(fields.bodySize ?? body.length)
    .bytes(links)
    .bytes(body)
    .finish()
  const message = tag === '' ? signed : concat(Uint8Array.of(tag.length), utf8(tag), signed)
  return concat(signed, sign(fields.seed ?? keys.signingSeed.reveal(), message))
}

/** A record under a key of small order, with a signature that holds for any message where such keys are let in. */
function forgeSmallOrder(publicKey: Uint8Array): Uint8Array {
  const identity = new Uint8Array(32).fill(1, 0, 1)
  return concat(forgeRecord({ publicKey }).slice(0, -64), identity, new Uint8Array(32))
}

/** The same signature with S + L in the place of S. */
function withLargeScalar(record: Uint8Array): Uint8Array {
  const bytes = record.slice()
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  let scalar = order
  for (let index = 31; index >= 0; index -= 1) {
    scalar += BigInt(bytes[bytes.length - 32 + index] ?? 0) << BigInt(8 * index)
  }
  for (let index = 0; index < 32; index += 1) {
    bytes[bytes.length - 32 + index] = Number((scalar >> BigInt(8 * index)) & 255n)
  }
  return bytes
}

async function refusedRecords(bulk: BulkCrypto) {
  const other = slotKeys(OTHER_SEED)
  const hash = pattern(516, 32)
  const short = pattern(517, 39)
  const flipped = sound.bytes.slice()
  flipped[100] = (flipped[100] ?? 0) ^ 1
  const identity = new Uint8Array(32).fill(1, 0, 1)
  const ofOther = makeSlotRecord(other, { sequence: 1, previous: NO_RECORD }, slotContent('first'))
  const cases: readonly { readonly fault: string; readonly record: Uint8Array; readonly of?: Uint8Array }[] =
    [
      { fault: 'version 2', record: forgeRecord({ version: 2 }) },
      { fault: 'sequence 0', record: forgeRecord({ sequence: 0n }) },
      { fault: 'sequence 0 with a previous record', record: forgeRecord({ sequence: 0n, previous: hash }) },
      { fault: 'sequence 2^53', record: forgeRecord({ sequence: 2n ** 53n, previous: hash }) },
      { fault: 'the first made from another', record: forgeRecord({ previous: hash }) },
      { fault: 'the second made from none', record: forgeRecord({ sequence: 2n }) },
      { fault: 'links of 39 bytes', record: forgeRecord({ links: short }) },
      { fault: 'a body of 39 bytes', record: forgeRecord({ body: short }) },
      { fault: 'links that reach into the signature', record: forgeRecord({ linksSize: 100 }) },
      { fault: 'a body said to be smaller', record: forgeRecord({ bodySize: sound.sealedBody.length - 1 }) },
      { fault: 'links of 2^32 - 1 bytes', record: forgeRecord({ linksSize: 0xffffffff }) },
      { fault: 'a byte too few', record: sound.bytes.slice(0, -1) },
      { fault: 'a byte too many', record: concat(sound.bytes, Uint8Array.of(0)) },
      { fault: 'no bytes', record: new Uint8Array(0) },
      { fault: 'a head and no more', record: sound.bytes.slice(0, 81) },
      { fault: 'a byte changed', record: flipped },
      { fault: 'signed by another key', record: forgeRecord({ seed: other.signingSeed.reveal() }) },
      { fault: 'of another slot', record: ofOther.bytes },
      { fault: 'signed without a tag', record: forgeRecord({ tag: '' }) },
      { fault: 'signed under another tag', record: forgeRecord({ tag: TAGS.announcement }) },
      { fault: 'a key of order 1', record: forgeSmallOrder(identity), of: identity },
      { fault: 'a key of order 1 that is not canonical', ...orderOneNotCanonical() },
      { fault: 'a signature with S above L', record: withLargeScalar(sound.bytes) },
    ]
  const vectors = cases.map(({ fault, record, of = keys.publicKey }) => ({ fault, record, publicKey: of }))
  for (const { fault, record, publicKey } of vectors) {
    await mustRefuse(fault, () => requireRecordOf(asPublicKey(publicKey), record, bulk))
  }
  return vectors.map(({ fault, record, publicKey }) => ({
    fault,
    publicKey: hex(publicKey),
    record: hex(record),
  }))
}

/** The identity with y = p + 1. */
function orderOneNotCanonical() {
  const of = new Uint8Array(32).fill(0xff)
  of[0] = 0xee
  of[31] = 0x7f
  return { record: forgeSmallOrder(of), of }
}

async function refusedValues() {
  const file = packCapability(SLOT_FILE)
  const value = pattern(520, 3)
  const body = encodeFields({ value })
  const cases = [
    { fault: 'a value and a file', body: encodeFields({ value, file }) },
    { fault: 'neither', body: encodeFields({}) },
    { fault: 'an unknown field', body: encodeFields({ value, more: 1 }) },
    { fault: 'a value that is text', body: encodeFields({ value: 'abc' }) },
    {
      fault: 'a file that only verifies',
      body: encodeFields({ file: packCapability(toVerifyCapability(SLOT_FILE)) }),
    },
    { fault: 'a literal as file', body: encodeFields({ file: concat(Uint8Array.of(0), value) }) },
    { fault: 'a slot as file', body: encodeFields({ file: packCapability(slot) }) },
    { fault: 'a file without its id', body: encodeFields({ file: file.subarray(1) }) },
    { fault: 'a directory', body: encodeFields({ entries: [], starts: [] }) },
    { fault: 'an array', body: Uint8Array.of(0x80) },
    { fault: 'no bytes', body: new Uint8Array(0) },
    { fault: 'a byte too many', body: concat(body, Uint8Array.of(0)) },
    { fault: 'a byte too few', body: body.subarray(0, -1) },
    { fault: 'a length that is not the shortest', body: concat(Uint8Array.of(0xb8, 1), body.subarray(1)) },
    {
      fault: 'an indefinite length',
      body: concat(Uint8Array.of(0xbf), body.subarray(1), Uint8Array.of(0xff)),
    },
  ]
  const links = new Uint8Array(0)
  for (const one of cases) await mustRefuse(one.fault, () => parseSlotValue({ links, body: one.body }))
  return cases.map((one) => ({ fault: one.fault, body: hex(one.body) }))
}
