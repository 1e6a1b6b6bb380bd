/** Vectors of capabilities, keys, boxes, records and values of slots (FORMAT §4, §15, §16). */
import {
  asBoxKey,
  asFileRoot,
  asReadKey,
  asSlotSeed,
  asStorageIndex,
  bodyKey,
  type Capability,
  childWriteKey,
  fileReadCapability,
  fileVerifyCapability,
  formatCapability,
  formatSlotValue,
  linksKey,
  literalCapability,
  makeSlotRecord,
  NO_RECORD,
  packCapability,
  type SlotContent,
  sealBox,
  slotKeys,
  slotReadCapability,
  slotStorageIndex,
  slotVerifyCapability,
  slotWriteCapability,
  toReadCapability,
  toVerifyCapability,
  treeReadCapability,
  utf8,
  verifyKeyOf,
} from '#crypto'
import { hex, pattern } from './pattern.ts'

export const SLOT_SEED = asSlotSeed(pattern(500, 32))
/** Of another slot or directory, for what must not fit. */
export const OTHER_SEED = asSlotSeed(pattern(501, 32))
export const SLOT_FILE = fileReadCapability(asReadKey(pattern(502, 32)), asFileRoot(pattern(503, 32)))

export function slotVectors() {
  return {
    capability_slots: capabilityVectors(),
    slot_keys: [SLOT_SEED, OTHER_SEED].map((seed) => {
      const keys = slotKeys(seed)
      const readKey = keys.readKey.reveal()
      return {
        seed: hex(seed),
        signingSeed: hex(keys.signingSeed.reveal()),
        publicKey: hex(keys.publicKey),
        readKey: hex(readKey),
        childWriteKey: hex(childWriteKey(seed)),
        verifyKey: hex(verifyKeyOf(readKey)),
        bodyKey: hex(bodyKey(readKey)),
        linksKey: hex(linksKey(verifyKeyOf(readKey))),
        storageIndex: hex(slotStorageIndex(keys.publicKey)),
      }
    }),
    secret_box: boxVectors(),
    slot_record: recordVectors(),
    slot_value: valueVectors(),
  }
}

/** Every kind, with its fields in the order of its body. */
function capabilityVectors() {
  const keys = slotKeys(SLOT_SEED)
  const verifyKey = verifyKeyOf(keys.readKey.reveal())
  const root = asFileRoot(pattern(503, 32))
  const readKey = asReadKey(pattern(504, 32))
  const slot = { publicKey: keys.publicKey, verifyKey }
  const pair = { readKey: hex(keys.readKey.reveal()), publicKey: hex(keys.publicKey) }
  const verifyPair = { publicKey: hex(keys.publicKey), verifyKey: hex(verifyKey) }
  const treeVerifyKey = hex(verifyKeyOf(readKey))
  const tree = treeReadCapability(readKey, root)
  const index = pattern(505, 32)
  const cases: readonly (readonly [Capability, Readonly<Record<string, string>>])[] = [
    [literalCapability(utf8('small')), { content: hex(utf8('small')) }],
    [SLOT_FILE, { readKey: hex(pattern(502, 32)), root: hex(root) }],
    [fileVerifyCapability(asStorageIndex(index), root), { storageIndex: hex(index), root: hex(root) }],
    [slotWriteCapability('slot', SLOT_SEED), { seed: hex(SLOT_SEED) }],
    [slotReadCapability('slot-read', keys), pair],
    [slotVerifyCapability('slot-verify', slot), verifyPair],
    [slotWriteCapability('dir', SLOT_SEED), { seed: hex(SLOT_SEED) }],
    [slotReadCapability('dir-read', keys), pair],
    [slotVerifyCapability('dir-verify', slot), verifyPair],
    [tree, { readKey: hex(readKey), root: hex(root) }],
    [toVerifyCapability(tree), { verifyKey: treeVerifyKey, root: hex(root) }],
  ]
  return cases.map(([capability, fields]) => ({
    kind: capability.kind,
    fields,
    text: formatCapability(capability),
    packed: hex(packCapability(capability)),
    ...next(capability),
  }))
}

/** What is left when one right is taken away. */
function next(capability: Capability): Readonly<Record<string, string>> {
  if (capability.access === 'write') return { follows: formatCapability(toReadCapability(capability)) }
  if (capability.access === 'verify' || capability.kind === 'lit') return {}
  return { follows: formatCapability(toVerifyCapability(capability)) }
}

function boxVectors() {
  const key = asBoxKey(pattern(510, 32))
  const sizes = [0, 1, 33, 64, 200]
  return sizes.flatMap((sizeBytes) =>
    [0, 73, 255].map((contextSize) => {
      const content = pattern(511, sizeBytes)
      const context = pattern(512, contextSize)
      const box = sealBox(key, content, context)
      return { key: hex(key), context: hex(context), content: hex(content), box: hex(box) }
    }),
  )
}

function recordVectors() {
  const keys = slotKeys(SLOT_SEED)
  const first = slotContent('first')
  const chain: readonly SlotContent[] = [
    first,
    formatSlotValue({ kind: 'file', file: SLOT_FILE }),
    // The value of the first record once more: its boxes must not show it.
    first,
    { links: new Uint8Array(0), body: new Uint8Array(0) },
  ]
  let previous = NO_RECORD
  const sequences = [1, 2, 3, Number.MAX_SAFE_INTEGER]
  return chain.map((content, place) => {
    const sequence = sequences[place] ?? 0
    const record = makeSlotRecord(keys, { sequence, previous }, content)
    const vector = {
      seed: hex(SLOT_SEED),
      publicKey: hex(keys.publicKey),
      sequence,
      previous: hex(previous),
      links: hex(content.links),
      body: hex(content.body),
      record: hex(record.bytes),
      hash: hex(record.hash),
    }
    previous = record.hash
    return vector
  })
}

export function slotContent(text: string): SlotContent {
  return formatSlotValue({ kind: 'inline', bytes: utf8(text) })
}

function valueVectors() {
  const inline = [0, 1, 300].map((sizeBytes) => {
    const bytes = pattern(520, sizeBytes)
    return { value: hex(bytes), ...hexContent(formatSlotValue({ kind: 'inline', bytes })) }
  })
  const file = formatSlotValue({ kind: 'file', file: SLOT_FILE })
  return [...inline, { file: formatCapability(SLOT_FILE), ...hexContent(file) }]
}

export function hexContent({ links, body }: SlotContent) {
  return { links: hex(links), body: hex(body) }
}
