/**
 * Drops: what a host leaves in its drop-box, sealed to the owner (FORMAT §19.2).
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 1 | version, 1 |
 * | 1 | 32 | X25519 key of this drop alone |
 * | 33 | the rest | content, sealed |
 *
 * It is the value of a slot, whose seed the host forgets once the drop stands. A drop opens in no other slot, and for
 * no other owner.
 */
import { x25519 } from '@noble/curves/ed25519.js'
import { ByteReader, concat } from '../bytes.ts'
import { type FileReadCapability, packCapability, unpackCapability } from '../capability.ts'
import { IntegrityError, InvalidInputError } from '../errors.ts'
import { decodeFields, encodeFields } from '../fields.ts'
import {
  asBoxKey,
  asDropPublicKey,
  type BoxKey,
  type DropPrivateKey,
  type DropPublicKey,
  deriveKey,
  HASH_SIZE_BYTES,
  type PublicKey,
} from '../hash.ts'
import { openBox, sealBox } from '../secret-box.ts'
import { SLOT_VALUE_INLINE_MAX_BYTES } from '../slot-value.ts'
import { TAGS } from '../tags.ts'

const DROP_VERSION = 1
const HEAD_SIZE_BYTES = 1 + HASH_SIZE_BYTES
const PACKED_FILE_SIZE_BYTES = 65
/** Of one drop: with them it stands in its slot itself. A host that has more makes another drop. */
export const DROP_PACKS_MAX = 128
/** Sealed. */
export const DROP_MAX_BYTES = SLOT_VALUE_INLINE_MAX_BYTES

/** All of it in files, each under a key of its own that the host forgets. */
export interface DropContent {
  /** New packs: at most DROP_PACKS_MAX. */
  readonly packs: readonly FileReadCapability[]
  /** Their tables, as an index file; absent if and only if there are no packs. */
  readonly index?: FileReadCapability | undefined
  /** A snapshot, if a backup is whole with this drop. */
  readonly snapshot?: FileReadCapability | undefined
}

/** Where a drop stands, and whose it is. */
export interface DropPlace {
  /** Of the slot. */
  readonly slotKey: PublicKey
  readonly ownerKey: DropPublicKey
}

export function dropPublicKey(privateKey: DropPrivateKey): DropPublicKey {
  return asDropPublicKey(x25519.getPublicKey(privateKey))
}

/**
 * The value of a drop's slot.
 *
 * @param onceKey 32 bytes from a generator fit for keys, for this drop alone; the caller forgets them
 * @throws InvalidInputError if the content is not one, or the owner's key is no point that a secret can be shared with
 */
export function sealDrop(content: DropContent, place: DropPlace, onceKey: DropPrivateKey): Uint8Array {
  const head = concat(Uint8Array.of(DROP_VERSION), dropPublicKey(onceKey))
  const shared = sharedSecret(onceKey, place.ownerKey)
  if (shared === undefined) throw new InvalidInputError('drop: the key of the owner is none')
  return concat(head, sealBox(boxKeyOf(shared), formatContent(content), contextOf(head, place)))
}

/**
 * @param slotKey of the slot that the value is of
 * @throws InvalidInputError if it is no drop; IntegrityError if it was not sealed to this owner, for this slot
 */
export function openDrop(value: Uint8Array, slotKey: PublicKey, privateKey: DropPrivateKey): DropContent {
  if (value.length > DROP_MAX_BYTES) {
    throw new InvalidInputError(`drop: at most ${DROP_MAX_BYTES} bytes wanted, found ${value.length}`)
  }
  const reader = new ByteReader(value, 'drop')
  const version = reader.u8()
  if (version !== DROP_VERSION)
    throw new InvalidInputError(`drop version ${DROP_VERSION} wanted, found ${version}`)
  const onceKey = asDropPublicKey(reader.bytes(HASH_SIZE_BYTES))
  const shared = sharedSecret(privateKey, onceKey)
  if (shared === undefined) throw new IntegrityError('a drop has a key that no secret can be shared with')
  const place = { slotKey, ownerKey: dropPublicKey(privateKey) }
  const context = contextOf(value.subarray(0, HEAD_SIZE_BYTES), place)
  return parseContent(openBox(boxKeyOf(shared), value.subarray(HEAD_SIZE_BYTES), 'a drop', context))
}

/** Undefined for the few keys with which everybody would share the same: RFC 7748 §6.1. */
function sharedSecret(privateKey: DropPrivateKey, publicKey: DropPublicKey): Uint8Array | undefined {
  try {
    return x25519.getSharedSecret(privateKey, publicKey)
  } catch {
    return undefined
  }
}

function boxKeyOf(shared: Uint8Array): BoxKey {
  return asBoxKey(deriveKey(shared, TAGS.dropBoxKey))
}

function contextOf(head: Uint8Array, { slotKey, ownerKey }: DropPlace): Uint8Array {
  return concat(head, ownerKey, slotKey)
}

function formatContent(content: DropContent): Uint8Array {
  checkContent(content)
  const { packs, index, snapshot } = content
  return encodeFields({
    packs: packs.map(packCapability),
    index: index === undefined ? undefined : packCapability(index),
    snapshot: snapshot === undefined ? undefined : packCapability(snapshot),
  })
}

function parseContent(bytes: Uint8Array): DropContent {
  const fields = decodeFields(bytes, 'drop')
  const content = {
    packs: fields.list('packs', DROP_PACKS_MAX).map(fileOf),
    index: fields.optional('index', () => fileOf(fields.bytes('index', PACKED_FILE_SIZE_BYTES))),
    snapshot: fields.optional('snapshot', () => fileOf(fields.bytes('snapshot', PACKED_FILE_SIZE_BYTES))),
  }
  fields.finish()
  checkContent(content)
  return content
}

function checkContent({ packs, index, snapshot }: DropContent): void {
  if (packs.length > DROP_PACKS_MAX) throw new InvalidInputError(`drop: at most ${DROP_PACKS_MAX} packs`)
  if (packs.length > 0 !== (index !== undefined)) {
    throw new InvalidInputError('drop: packs come with an index of them, and no index comes without packs')
  }
  if (packs.length === 0 && snapshot === undefined)
    throw new InvalidInputError('drop: there is nothing in it')
}

function fileOf(value: unknown): FileReadCapability {
  const file = value instanceof Uint8Array ? unpackCapability(value) : undefined
  if (file?.kind !== 'file') throw new InvalidInputError('drop: packed capabilities of files wanted')
  return file
}
