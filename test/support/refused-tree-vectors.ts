/** Vectors of what must be refused of trees and drops (FORMAT §18.7, §19): one fault each. */
import { x25519 } from '@noble/curves/ed25519.js'
import {
  asBoxKey,
  asDropPrivateKey,
  concat,
  deriveKey,
  dropCapability,
  dropPublicKey,
  encodeFields,
  type FieldRecord,
  formatCapability,
  formatContent,
  formatDropCapability,
  nextDropSeed,
  openDrop,
  packCapability,
  parseDropCapability,
  parseTree,
  sealBox,
  sealDrop,
  slotKeys,
  slotWriteCapability,
  TAGS,
  taggedHash,
  toBase32,
  toVerifyCapability,
  utf8,
} from '#crypto'
import {
  DROP_SLOT_KEY,
  DROPS,
  FIRST_SEED,
  numberedId,
  OWNER_KEY,
  OWNER_PRIVATE,
} from './backup-tree-vectors.ts'
import { fileNumber } from './backup-vectors.ts'
import { hex, pattern } from './pattern.ts'
import { changed, refused } from './refused-backup-vectors.ts'
import { mustRefuse } from './refused-vectors.ts'

export async function refusedTreeVectors() {
  return {
    backup_tree_refused: await refusedTrees(),
    drop_capability_refused: await refusedDropCapabilities(),
    drop_refused: await refusedDrops(),
  }
}

interface RecordParts {
  readonly kind?: number
  /** All from the mode up to the name. */
  readonly fixed?: Uint8Array
  readonly name?: Uint8Array
  readonly user?: Uint8Array
  readonly ofKind?: Uint8Array
  readonly attributes?: readonly (readonly [name: Uint8Array, value: Uint8Array])[]
}

const CONTENT = formatContent({ sizeBytes: 5000, depth: 0, ids: [numberedId(1)] })
/** Mode 644, all else zeros, one link. */
const FIXED = changed(new Uint8Array(54), 0, 1, 0xa4)
FIXED[53] = 1

/** A record from parts that need not be sound. */
function recordOf(parts: RecordParts): Uint8Array {
  const { kind = 0, name = utf8('a'), user = new Uint8Array(0), attributes = [] } = parts
  const rest = concat(
    Uint8Array.of(kind),
    parts.fixed ?? FIXED,
    u16(name.length),
    name,
    Uint8Array.of(user.length),
    user,
    Uint8Array.of(0),
    parts.ofKind ?? concat(Uint8Array.of(0), CONTENT),
    u16(attributes.length),
    ...attributes.flatMap(([attribute, value]) => [
      u16(attribute.length),
      u32(value.length),
      attribute,
      value,
    ]),
  )
  return concat(u32(rest.length), rest)
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value)
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >> 16, value >> 8, value)
}

async function readAll(bytes: Uint8Array): Promise<void> {
  for await (const _ of parseTree([bytes]));
}

async function refusedTrees() {
  const sound = recordOf({})
  const next = recordOf({ name: utf8('b') })
  await readAll(concat(sound, next))
  const none = new Uint8Array(0)
  const a = utf8('user.a')
  const cases = [
    { fault: 'kind 7', bytes: recordOf({ kind: 7 }) },
    { fault: 'a mode of 13 bits', bytes: recordOf({ fixed: changed(FIXED, 0, 0x10) }) },
    { fault: '10^9 nanoseconds', bytes: recordOf({ fixed: changed(FIXED, 18, 0x3b, 0x9a, 0xca, 0x00) }) },
    { fault: 'no links', bytes: recordOf({ fixed: changed(FIXED, 53, 0) }) },
    { fault: 'no name', bytes: recordOf({ name: none }) },
    { fault: 'a name with a slash', bytes: recordOf({ name: utf8('a/b') }) },
    { fault: 'a name with a zero', bytes: recordOf({ name: Uint8Array.of(97, 0) }) },
    { fault: 'the name .', bytes: recordOf({ name: utf8('.') }) },
    { fault: 'the name ..', bytes: recordOf({ name: utf8('..') }) },
    { fault: 'a name of 4,097 bytes', bytes: recordOf({ name: new Uint8Array(4097).fill(97) }) },
    { fault: 'a user that is not UTF-8', bytes: recordOf({ user: Uint8Array.of(0xff) }) },
    {
      fault: 'a file that is sparse in a third way',
      bytes: recordOf({ ofKind: concat(Uint8Array.of(2), CONTENT) }),
    },
    { fault: 'a file without content', bytes: recordOf({ ofKind: none }) },
    {
      fault: 'a content that is none',
      bytes: recordOf({ ofKind: concat(Uint8Array.of(0), changed(CONTENT, 8, 5)) }),
    },
    { fault: 'a symlink without a target', bytes: recordOf({ kind: 2, ofKind: u16(0) }) },
    { fault: 'a target with a zero', bytes: recordOf({ kind: 2, ofKind: concat(u16(1), Uint8Array.of(0)) }) },
    { fault: 'a fifo with a content', bytes: recordOf({ kind: 3, ofKind: CONTENT }) },
    { fault: 'a device without a number', bytes: recordOf({ kind: 5, ofKind: none }) },
    {
      fault: 'attributes out of order',
      bytes: recordOf({
        attributes: [
          [utf8('user.b'), none],
          [a, none],
        ],
      }),
    },
    {
      fault: 'an attribute twice',
      bytes: recordOf({
        attributes: [
          [a, none],
          [a, none],
        ],
      }),
    },
    { fault: 'an attribute without a name', bytes: recordOf({ attributes: [[none, none]] }) },
    {
      fault: 'the name of an attribute of 1,025 bytes',
      bytes: recordOf({ attributes: [[pattern(691, 1025), none]] }),
    },
    { fault: 'names out of order', bytes: concat(next, sound) },
    { fault: 'a name twice', bytes: concat(sound, sound) },
    { fault: 'a record said to be a byte shorter', bytes: changed(sound, 3, sound.length - 5) },
    { fault: 'a record said to be a byte longer', bytes: changed(concat(sound, none), 3, sound.length - 3) },
    {
      fault: 'a byte more in the record',
      bytes: changed(concat(sound, Uint8Array.of(0)), 3, sound.length - 3),
    },
    { fault: 'a record of 1,048,577 bytes', bytes: changed(sound, 0, 0, 0x0f, 0xff, 0xfd) },
    { fault: 'a record of 2^32 - 1 bytes', bytes: changed(sound, 0, 0xff, 0xff, 0xff, 0xff) },
    { fault: 'a record of no bytes', bytes: u32(0) },
    { fault: 'a byte too few', bytes: sound.subarray(0, -1) },
    { fault: 'a byte too many', bytes: concat(sound, Uint8Array.of(0)) },
    { fault: 'a size alone', bytes: sound.subarray(0, 4) },
    { fault: 'a part of a size', bytes: sound.subarray(0, 3) },
  ]
  return refused(cases, readAll)
}

async function refusedDropCapabilities() {
  const text = formatDropCapability(dropCapability(FIRST_SEED, OWNER_KEY))
  const forge = (kind: string, payload: Uint8Array): string => {
    const checksum = taggedHash(TAGS.capabilityChecksum, utf8(`${kind}:`), payload).subarray(0, 4)
    return `cairn:${kind}:${toBase32(concat(payload, checksum))}`
  }
  const cases = [
    { fault: 'a slot', text: formatCapability(slotWriteCapability('slot', FIRST_SEED)) },
    { fault: 'a file of as many bytes', text: formatCapability(fileNumber(1)) },
    {
      fault: 'one letter changed',
      text: `${text.slice(0, 20)}${text[20] === 'a' ? 'b' : 'a'}${text.slice(21)}`,
    },
    { fault: 'upper case', text: text.toUpperCase() },
    { fault: 'cut short', text: text.slice(0, -1) },
    { fault: 'trailing space', text: `${text} ` },
    { fault: 'version 2', text: forge('drop', Uint8Array.of(2, ...FIRST_SEED, ...OWNER_KEY)) },
    { fault: 'a body of 63 bytes', text: forge('drop', Uint8Array.of(1, ...pattern(1, 63))) },
    { fault: 'a body of 65 bytes', text: forge('drop', Uint8Array.of(1, ...pattern(1, 65))) },
    { fault: 'no payload', text: forge('drop', new Uint8Array(0)) },
  ]
  for (const { fault, text: one } of cases) await mustRefuse(fault, () => parseDropCapability(one))
  return cases
}

const ONCE_KEY = asDropPrivateKey(pattern(682, 32))

/** A drop that opens, whatever is in it. */
function forgeDrop(fields: FieldRecord): Uint8Array {
  const head = concat(Uint8Array.of(1), x25519.getPublicKey(ONCE_KEY))
  const key = asBoxKey(deriveKey(x25519.getSharedSecret(ONCE_KEY, OWNER_KEY), TAGS.dropBoxKey))
  return concat(head, sealBox(key, encodeFields(fields), concat(head, OWNER_KEY, DROP_SLOT_KEY)))
}

async function refusedDrops() {
  const [content] = DROPS
  if (content === undefined) throw new Error('a drop is expected')
  const sound = sealDrop(content, { slotKey: DROP_SLOT_KEY, ownerKey: OWNER_KEY }, ONCE_KEY)
  const pack = packCapability(fileNumber(1))
  const verify = packCapability(toVerifyCapability(fileNumber(1)))
  const otherSlot = slotKeys(nextDropSeed(FIRST_SEED)).publicKey
  const packs = [pack]
  openDrop(forgeDrop({ packs, index: pack }), DROP_SLOT_KEY, OWNER_PRIVATE)
  const cases = [
    { fault: 'version 2', bytes: changed(sound, 0, 2) },
    { fault: 'a byte of the key changed', bytes: changed(sound, 5, (sound[5] ?? 0) ^ 1) },
    { fault: 'the high bit of the key changed', bytes: changed(sound, 32, (sound[32] ?? 0) ^ 0x80) },
    { fault: 'a key of order 1', bytes: changed(sound, 1, ...new Uint8Array(32)) },
    { fault: 'a byte of the box changed', bytes: changed(sound, 80, (sound[80] ?? 0) ^ 1) },
    {
      fault: 'of another slot',
      bytes: sealDrop(content, { slotKey: otherSlot, ownerKey: OWNER_KEY }, ONCE_KEY),
    },
    {
      fault: 'for another owner',
      bytes: sealDrop(content, { slotKey: DROP_SLOT_KEY, ownerKey: dropPublicKey(ONCE_KEY) }, ONCE_KEY),
    },
    { fault: 'packs without an index', bytes: forgeDrop({ packs }) },
    { fault: 'an index without packs', bytes: forgeDrop({ packs: [], index: pack }) },
    { fault: 'nothing', bytes: forgeDrop({ packs: [] }) },
    { fault: 'no field of packs', bytes: forgeDrop({ snapshot: pack }) },
    { fault: '129 packs', bytes: forgeDrop({ packs: Array.from({ length: 129 }, () => pack), index: pack }) },
    { fault: 'a pack that only verifies', bytes: forgeDrop({ packs: [verify], index: pack }) },
    { fault: 'an index that only verifies', bytes: forgeDrop({ packs, index: verify }) },
    { fault: 'a snapshot that is text', bytes: forgeDrop({ packs, index: pack, snapshot: 'now' }) },
    { fault: 'an unknown field', bytes: forgeDrop({ packs, index: pack, more: 1 }) },
    { fault: 'more than 16,384 bytes', bytes: concat(sound, new Uint8Array(16_384)) },
    { fault: 'a byte too many', bytes: concat(sound, new Uint8Array(1)) },
    { fault: 'a byte too few', bytes: sound.subarray(0, -1) },
    { fault: 'a head alone', bytes: sound.subarray(0, 33) },
    { fault: 'no bytes', bytes: new Uint8Array(0) },
  ]
  const vectors = await refused(cases, (bytes) => openDrop(bytes, DROP_SLOT_KEY, OWNER_PRIVATE))
  return vectors.map((one) => ({ ...one, slotKey: hex(DROP_SLOT_KEY), ownerPrivateKey: hex(OWNER_PRIVATE) }))
}
