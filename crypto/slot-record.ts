/**
 * The signed record of a slot, as bytes (FORMAT §16).
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 1 | version, 1 |
 * | 1 | 32 | public key |
 * | 33 | 8 | sequence, from 1 |
 * | 41 | 32 | hash of the record that this one was made from; zeros if there was none |
 * | 73 | 4 | L, size of the sealed links |
 * | 77 | 4 | B, size of the sealed body |
 * | 81 | L | sealed links |
 * | 81 + L | B | sealed body |
 * | 81 + L + B | 64 | signature over all before |
 */
import type { BulkCrypto } from './bulk.ts'
import { ByteReader, ByteWriter, concat, equalBytes, utf8 } from './bytes.ts'
import { IntegrityError, InvalidInputError } from './errors.ts'
import {
  asPublicKey,
  asRecordHash,
  HASH_SIZE_BYTES,
  type PublicKey,
  type ReadKey,
  type RecordHash,
  taggedHash,
  type VerifyKey,
} from './hash.ts'
import { bodyKey, linksKey, type SlotKeys, verifyKeyOf } from './keys.ts'
import { BOX_OVERHEAD_BYTES, openBox, sealBox } from './secret-box.ts'
import { SIGNATURE_SIZE_BYTES, sign } from './signature.ts'
import { TAGS } from './tags.ts'

export const SLOT_RECORD_VERSION = 1
/** It is kept n times; what is larger goes into immutable files that the record points to. */
export const SLOT_RECORD_MAX_BYTES = 64 * 1024
const HEAD_SIZE_BYTES = 81
/** What the boxes of a record are sealed for, so that equal contents of two records look different: all before L. */
const CONTEXT_SIZE_BYTES = 73
/** Of links and body together, unsealed. */
export const SLOT_CONTENT_MAX_BYTES =
  SLOT_RECORD_MAX_BYTES - HEAD_SIZE_BYTES - SIGNATURE_SIZE_BYTES - 2 * BOX_OVERHEAD_BYTES

/** What the first record of a slot was made from. */
export const NO_RECORD: RecordHash = asRecordHash(new Uint8Array(HASH_SIZE_BYTES))

/** A record as it stands; whether its signature is valid, `isSigned` tells. */
export interface SlotRecord {
  readonly publicKey: PublicKey
  /** 1 to 2^53 - 1. The valid record with the highest one holds. */
  readonly sequence: number
  readonly previous: RecordHash
  readonly sealedLinks: Uint8Array
  readonly sealedBody: Uint8Array
  /** The whole record. */
  readonly bytes: Uint8Array
  /** Of the whole record. */
  readonly hash: RecordHash
}

/** The two halves of what a slot or tree holds: what verifiers see, and what only readers see. */
export interface SlotContent {
  /** Fields of FORMAT §17.2. */
  readonly links: Uint8Array
  readonly body: Uint8Array
}

/**
 * Seal and sign the next record.
 *
 * @throws InvalidInputError if links and body have more than SLOT_CONTENT_MAX_BYTES together, or the sequence is beyond
 * 2^53 - 1: whoever may write a slot may bring it there
 */
export function makeSlotRecord(
  keys: SlotKeys,
  place: { readonly sequence: number; readonly previous: RecordHash },
  content: SlotContent,
): SlotRecord {
  const sizeBytes = content.links.length + content.body.length
  if (sizeBytes > SLOT_CONTENT_MAX_BYTES) {
    throw new InvalidInputError(
      `a slot holds at most ${SLOT_CONTENT_MAX_BYTES} bytes itself, found ${sizeBytes}`,
    )
  }
  if (!Number.isSafeInteger(place.sequence)) {
    throw new InvalidInputError(
      `the sequence of a slot ends at ${Number.MAX_SAFE_INTEGER}: nothing can follow its last record`,
    )
  }
  const readKey = keys.readKey.reveal()
  const context = new ByteWriter(CONTEXT_SIZE_BYTES)
    .u8(SLOT_RECORD_VERSION)
    .bytes(keys.publicKey)
    .u64(place.sequence)
    .bytes(place.previous)
    .finish()
  const links = sealBox(linksKey(verifyKeyOf(readKey)), content.links, context)
  const body = sealBox(bodyKey(readKey), content.body, context)
  const signed = new ByteWriter(HEAD_SIZE_BYTES + links.length + body.length)
    .bytes(context)
    .u32(links.length)
    .u32(body.length)
    .bytes(links)
    .bytes(body)
    .finish()
  return parseSlotRecord(concat(signed, sign(keys.signingSeed.reveal(), signedMessage(signed))))
}

/**
 * Take a record apart. The bytes are kept and must not change.
 *
 * @throws InvalidInputError for anything that FORMAT §16 does not allow; the signature is not looked at
 */
export function parseSlotRecord(bytes: Uint8Array): SlotRecord {
  if (bytes.length > SLOT_RECORD_MAX_BYTES) {
    throw new InvalidInputError(
      `a slot record has at most ${SLOT_RECORD_MAX_BYTES} bytes, found ${bytes.length}`,
    )
  }
  const reader = new ByteReader(bytes, 'slot record')
  const version = reader.u8()
  if (version !== SLOT_RECORD_VERSION) {
    throw new InvalidInputError(`slot record version ${SLOT_RECORD_VERSION} wanted, found ${version}`)
  }
  const publicKey = asPublicKey(reader.bytes(HASH_SIZE_BYTES))
  const sequence = reader.u64()
  if (sequence < 1) throw new InvalidInputError('the sequence of a slot record is at least 1')
  const previous = asRecordHash(reader.bytes(HASH_SIZE_BYTES))
  if ((sequence === 1) !== equalBytes(previous, NO_RECORD)) {
    throw new InvalidInputError('the first record of a slot, and no other, was made from none')
  }
  const linksSizeBytes = reader.u32()
  const bodySizeBytes = reader.u32()
  if (linksSizeBytes < BOX_OVERHEAD_BYTES || bodySizeBytes < BOX_OVERHEAD_BYTES) {
    throw new InvalidInputError(`links and body of a slot record have at least ${BOX_OVERHEAD_BYTES} bytes`)
  }
  const sealedLinks = reader.bytes(linksSizeBytes)
  const sealedBody = reader.bytes(bodySizeBytes)
  reader.bytes(SIGNATURE_SIZE_BYTES)
  reader.finish()
  let hash: RecordHash | undefined
  return {
    ...{ publicKey, sequence, previous, sealedLinks, sealedBody, bytes },
    // Made when it is asked for: a server that keeps records never does.
    get hash() {
      hash ??= asRecordHash(taggedHash(TAGS.slotRecordHash, bytes))
      return hash
    },
  }
}

/** Whether the record was signed by the key that it names. */
export function isSigned(record: SlotRecord, bulk: Pick<BulkCrypto, 'verifySignature'>): boolean {
  const { bytes, publicKey } = record
  const end = bytes.length - SIGNATURE_SIZE_BYTES
  return bulk.verifySignature(publicKey, signedMessage(bytes.subarray(0, end)), bytes.subarray(end))
}

/** @throws IntegrityError if the links were not sealed for this verify key */
export function openSlotLinks(record: SlotRecord, verifyKey: VerifyKey): Uint8Array {
  return openBox(linksKey(verifyKey), record.sealedLinks, 'the links of a slot', contextOf(record))
}

/** @throws IntegrityError if the body was not sealed for this read key */
export function openSlotContent(record: SlotRecord, readKey: ReadKey): SlotContent {
  return {
    links: openSlotLinks(record, verifyKeyOf(readKey)),
    body: openBox(bodyKey(readKey), record.sealedBody, 'the body of a slot', contextOf(record)),
  }
}

/** @throws IntegrityError unless the record is of that slot and signed by its key */
export function requireRecordOf(
  publicKey: PublicKey,
  bytes: Uint8Array,
  bulk: Pick<BulkCrypto, 'verifySignature'>,
): SlotRecord {
  let record: SlotRecord
  try {
    record = parseSlotRecord(bytes)
  } catch (cause) {
    if (!(cause instanceof InvalidInputError)) throw cause
    throw new IntegrityError(cause.message, {}, { cause })
  }
  if (!equalBytes(record.publicKey, publicKey)) throw new IntegrityError('the record is of another slot')
  if (!isSigned(record, bulk)) throw new IntegrityError('the signature of a slot record does not fit')
  return record
}

function contextOf(record: SlotRecord): Uint8Array {
  return record.bytes.subarray(0, CONTEXT_SIZE_BYTES)
}

function signedMessage(signed: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(TAGS.slotRecord.length), utf8(TAGS.slotRecord), signed)
}
