/** Requests of /cairn/storage/1, field by field (PROTOCOL §5): written by a client, parsed strictly by a server. */
import {
  asFileRoot,
  asPublicKey,
  asStorageIndex,
  asTreeHash,
  type FieldRecord,
  type Fields,
  HASH_SIZE_BYTES,
  InvalidInputError,
  MANIFEST_SIZE_MAX_BYTES,
  type PublicKey,
  SEGMENT_COUNT_MAX,
  TOTAL_SHARES_MAX,
  UPLOAD_ID_SIZE_BYTES,
} from '#crypto'
import { LEASE_DURATION_MAX_SECONDS, LEASE_UPDATES_MAX, WIRE_LIST_QUERIES_MAX } from '../limits.ts'
import type {
  BlockRequest,
  BlockWrite,
  LeaseUpdate,
  OpenRequest,
  ShareAddress,
  ShareQuery,
  SlotAddress,
  SlotWrite,
  WholeShare,
  WriteRequest,
} from '../storage/server.ts'
import type { Message } from './message.ts'
import { openFields, readOpenRequests } from './open-files.ts'
import { readSlotKeys, readSlotWrites, slotWriteFields } from './slots.ts'
import { readWholeShares, wholeFields } from './whole-shares.ts'

/** The libp2p protocol id: a change that an older peer would misread takes a new number. */
export const STORAGE_PROTOCOL = '/cairn/storage/1'

/** Which write a message belongs to. */
export type WriteName = Pick<WriteRequest, 'storageIndex' | 'shareNumber' | 'uploadId'>

export type StorageRequest =
  | { readonly op: 'status' }
  | { readonly op: 'list'; readonly queries: readonly ShareQuery[] }
  | { readonly op: 'open'; readonly files: readonly OpenRequest[] }
  | { readonly op: 'write-open'; readonly write: WriteRequest }
  | { readonly op: 'write-block'; readonly write: WriteName; readonly block: BlockWrite }
  | {
      readonly op: 'write-finish'
      readonly write: WriteName
      readonly manifest: Uint8Array
      readonly leaseDurationSeconds: number
    }
  | { readonly op: 'write-abort' | 'write-detach'; readonly write: WriteName }
  | { readonly op: 'write-whole'; readonly shares: readonly WholeShare[] }
  | { readonly op: 'read-manifest' | 'scrub'; readonly address: ShareAddress }
  | { readonly op: 'read-block'; readonly block: BlockRequest }
  | { readonly op: 'update-leases'; readonly updates: readonly LeaseUpdate[] }
  | { readonly op: 'slot-read'; readonly publicKeys: readonly PublicKey[] }
  | { readonly op: 'slot-write'; readonly writes: readonly SlotWrite[] }

const OPS_WITH_PAYLOAD: ReadonlySet<string> = new Set(['write-block', 'write-whole', 'slot-write'])

/** The header of a request; the payload is what `write-block`, `write-whole` or `slot-write` bring along. */
export function requestFields(request: StorageRequest): FieldRecord {
  const { op } = request
  switch (op) {
    case 'status':
      return { op }
    case 'list':
      return { op, queries: request.queries.map(({ storageIndex, root }) => ({ index: storageIndex, root })) }
    case 'open':
      return { op, files: openFields(request.files) }
    case 'write-open':
      return { op, ...writeFields(request.write), size: request.write.expectedSizeBytes }
    case 'write-block': {
      const { segmentIndex, sealedLeaf } = request.block
      return { op, ...writeFields(request.write), segment: segmentIndex, leaf: sealedLeaf }
    }
    case 'write-finish': {
      const { manifest, leaseDurationSeconds } = request
      return { op, ...writeFields(request.write), manifest, lease: leaseDurationSeconds }
    }
    case 'write-abort':
    case 'write-detach':
      return { op, ...writeFields(request.write) }
    case 'write-whole':
      return { op, shares: wholeFields(request.shares) }
    case 'read-manifest':
    case 'scrub':
      return { op, ...addressFields(request.address) }
    case 'read-block': {
      const { address, segmentIndex, withSealedProof } = request.block
      return { op, ...addressFields(address), segment: segmentIndex, sealed: withSealedProof }
    }
    case 'update-leases':
      return { op, updates: request.updates.map(leaseFields) }
    case 'slot-read':
      return { op, keys: request.publicKeys }
    case 'slot-write':
      return { op, records: slotWriteFields(request.writes) }
  }
}

/** @throws InvalidInputError naming the field that is missing, malformed, beyond its limit or unknown */
export function parseRequest(message: Message): StorageRequest {
  const { header, payload } = message
  const op = header.text('op', 32)
  const request = readRequest(op, header, payload)
  header.finish()
  if (!OPS_WITH_PAYLOAD.has(op) && payload.length > 0) {
    throw new InvalidInputError(`a ${op} request has no payload, found ${payload.length} bytes`)
  }
  return request
}

function readRequest(op: string, fields: Fields, payload: Uint8Array): StorageRequest {
  switch (op) {
    case 'status':
      return { op }
    case 'list':
      return { op, queries: fields.records('queries', WIRE_LIST_QUERIES_MAX).map(readQuery) }
    case 'open':
      return { op, files: readOpenRequests(fields) }
    case 'write-open':
      return { op, write: { ...readWrite(fields), expectedSizeBytes: fields.uint('size') } }
    case 'write-block':
      return { op, write: readWrite(fields), block: readBlockWrite(fields, payload) }
    case 'write-finish':
      return {
        op,
        write: readWrite(fields),
        manifest: fields.bytesUpTo('manifest', MANIFEST_SIZE_MAX_BYTES),
        leaseDurationSeconds: fields.positive('lease', LEASE_DURATION_MAX_SECONDS),
      }
    case 'write-abort':
    case 'write-detach':
      return { op, write: readWrite(fields) }
    case 'write-whole':
      return { op, shares: readWholeShares(fields, payload) }
    case 'read-manifest':
    case 'scrub':
      return { op, address: readAddress(fields) }
    case 'read-block':
      return {
        op,
        block: {
          address: readAddress(fields),
          segmentIndex: readSegment(fields),
          withSealedProof: fields.boolean('sealed'),
        },
      }
    case 'update-leases':
      return { op, updates: fields.records('updates', LEASE_UPDATES_MAX).map(readLease) }
    case 'slot-read':
      return { op, publicKeys: readSlotKeys(fields) }
    case 'slot-write':
      return { op, writes: readSlotWrites(fields, payload) }
    default:
      throw new InvalidInputError(`unknown request ${JSON.stringify(op)}`)
  }
}

function writeFields(write: WriteName): FieldRecord {
  return { index: write.storageIndex, share: write.shareNumber, upload: write.uploadId }
}

function readWrite(fields: Fields): WriteName {
  return {
    storageIndex: asStorageIndex(fields.bytes('index', HASH_SIZE_BYTES)),
    shareNumber: fields.uint('share', TOTAL_SHARES_MAX - 1),
    uploadId: fields.bytes('upload', UPLOAD_ID_SIZE_BYTES),
  }
}

function addressFields(address: ShareAddress): FieldRecord {
  return { index: address.storageIndex, root: address.root, share: address.shareNumber }
}

function readAddress(fields: Fields): ShareAddress {
  return {
    storageIndex: asStorageIndex(fields.bytes('index', HASH_SIZE_BYTES)),
    root: asFileRoot(fields.bytes('root', HASH_SIZE_BYTES)),
    shareNumber: fields.uint('share', TOTAL_SHARES_MAX - 1),
  }
}

function readSegment(fields: Fields): number {
  return fields.uint('segment', SEGMENT_COUNT_MAX - 1)
}

function readQuery(fields: Fields): ShareQuery {
  const query = {
    storageIndex: asStorageIndex(fields.bytes('index', HASH_SIZE_BYTES)),
    root: fields.optional('root', () => asFileRoot(fields.bytes('root', HASH_SIZE_BYTES))),
  }
  fields.finish()
  return query
}

function readBlockWrite(fields: Fields, payload: Uint8Array): BlockWrite {
  return {
    segmentIndex: readSegment(fields),
    sealedLeaf: asTreeHash(fields.bytes('leaf', HASH_SIZE_BYTES)),
    block: payload,
  }
}

/** A renewal has seconds, a cancellation none; one that does not bind says nothing of it, as before there was such. */
function leaseFields(update: LeaseUpdate): FieldRecord {
  const { address } = update
  const change =
    update.action === 'renew'
      ? { seconds: update.durationSeconds, binding: update.binding === true ? true : undefined }
      : {}
  return 'publicKey' in address
    ? { slot: address.publicKey, ...change }
    : { ...addressFields(address), ...change }
}

function readLease(fields: Fields): LeaseUpdate {
  const slot = fields.optional('slot', () => asPublicKey(fields.bytes('slot', HASH_SIZE_BYTES)))
  const address: ShareAddress | SlotAddress = slot === undefined ? readAddress(fields) : { publicKey: slot }
  const seconds = fields.optional('seconds', () => fields.positive('seconds', LEASE_DURATION_MAX_SECONDS))
  // Without seconds nothing is renewed, and a field that has no meaning is refused like one that is not known.
  const binding =
    seconds === undefined ? undefined : fields.optional('binding', () => fields.boolean('binding'))
  fields.finish()
  return seconds === undefined
    ? { action: 'cancel', address }
    : { action: 'renew', address, durationSeconds: seconds, ...(binding === true ? { binding } : {}) }
}
