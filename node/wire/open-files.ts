/**
 * Requests and replies of `open` (PROTOCOL §5.5): what a server has of a file, its manifest and one block, for many
 * files in one message.
 */
import {
  asFileRoot,
  asStorageIndex,
  ByteReader,
  ByteWriter,
  concat,
  type FieldRecord,
  type Fields,
  HASH_SIZE_BYTES,
  InvalidInputError,
  MANIFEST_SIZE_MAX_BYTES,
  SEGMENT_COUNT_MAX,
  TOTAL_SHARES_MAX,
} from '#crypto'
import {
  WIRE_OPEN_HEADER_BYTES_MAX,
  WIRE_OPEN_QUERIES_MAX,
  WIRE_PAYLOAD_MAX_BYTES,
  WIRE_PROOF_MAX_BYTES,
} from '../limits.ts'
import type { CallOptions, ListedShare, OpenedFile, OpenRequest, StorageServer } from '../storage/server.ts'
import { formatMessage, type Message, type OutgoingMessage } from './message.ts'

/** Share number 1, share size 8. */
const SHARE_SIZE_BYTES = 1 + 8

export function openFields(requests: readonly OpenRequest[]): readonly FieldRecord[] {
  return requests.map(({ storageIndex, root, segmentIndex }) => ({
    index: storageIndex,
    root,
    segment: segmentIndex,
  }))
}

/** @throws InvalidInputError */
export function readOpenRequests(fields: Fields): readonly OpenRequest[] {
  return fields.records('files', WIRE_OPEN_QUERIES_MAX).map((record) => {
    const request = {
      storageIndex: asStorageIndex(record.bytes('index', HASH_SIZE_BYTES)),
      root: asFileRoot(record.bytes('root', HASH_SIZE_BYTES)),
      segmentIndex: record.optional('segment', () => record.uint('segment', SEGMENT_COUNT_MAX - 1)),
    }
    record.finish()
    return request
  })
}

/**
 * One after the other: a block more than fits is read at most, and left out. The caller has room for a payload of the
 * largest size.
 */
export async function openFiles(
  server: StorageServer,
  requests: readonly OpenRequest[],
  options: CallOptions,
): Promise<{ readonly reply: OutgoingMessage; readonly payloadBytes: number }> {
  const files: FieldRecord[] = []
  const blocks: Uint8Array[] = []
  let headerBytes = 0
  let payloadBytes = 0
  for (const request of requests) {
    const isFull = headerBytes >= WIRE_OPEN_HEADER_BYTES_MAX || payloadBytes >= WIRE_PAYLOAD_MAX_BYTES
    const asked = isFull ? { ...request, segmentIndex: undefined } : request
    const { shares, manifest, block } = await server.openFile(asked, options)
    const manifestFits = headerBytes + (manifest?.length ?? 0) <= WIRE_OPEN_HEADER_BYTES_MAX
    if (manifestFits) headerBytes += manifest?.length ?? 0
    const proofBytes = (block?.blockProof.length ?? 0) + (block?.sealedProof?.length ?? 0)
    const blockFits =
      block !== undefined &&
      headerBytes + proofBytes <= WIRE_OPEN_HEADER_BYTES_MAX &&
      payloadBytes + block.block.length <= WIRE_PAYLOAD_MAX_BYTES
    if (blockFits) {
      headerBytes += proofBytes
      payloadBytes += block.block.length
      blocks.push(block.block)
    }
    files.push({
      shares: sharesBytes(shares),
      manifest: manifestFits ? manifest : undefined,
      ...(blockFits ? { proof: block.blockProof, sealed: block.sealedProof, size: block.block.length } : {}),
    })
  }
  const [only] = blocks
  const payload = only !== undefined && blocks.length === 1 ? only : concat(...blocks)
  return { reply: formatMessage({ files }, payload), payloadBytes }
}

/** The blocks are views of the payload. @throws InvalidInputError */
export function readOpenedFiles(
  { header, payload }: Message,
  requests: readonly OpenRequest[],
): readonly OpenedFile[] {
  const records = header.records('files', requests.length)
  if (records.length !== requests.length) throw new InvalidInputError(`${requests.length} files wanted`)
  let offset = 0
  const files = records.map((record, place): OpenedFile => {
    const root = asFileRoot(requests[place]?.root ?? new Uint8Array(0))
    const shares = readShares(record.bytesUpTo('shares', TOTAL_SHARES_MAX * SHARE_SIZE_BYTES), root)
    const manifest = record.optional('manifest', () => record.bytesUpTo('manifest', MANIFEST_SIZE_MAX_BYTES))
    const sizeBytes = record.optional('size', () => record.positive('size', WIRE_PAYLOAD_MAX_BYTES))
    if (sizeBytes === undefined) return { shares, manifest: manifest?.slice(), block: undefined }
    const block = {
      block: payload.subarray(offset, offset + sizeBytes),
      blockProof: record.bytesUpTo('proof', WIRE_PROOF_MAX_BYTES),
      sealedProof: record.bytesUpTo('sealed', WIRE_PROOF_MAX_BYTES),
    }
    offset += sizeBytes
    return { shares, manifest: manifest?.slice(), block }
  })
  if (offset !== payload.length) {
    throw new InvalidInputError(`blocks of ${offset} bytes announced, found ${payload.length}`)
  }
  return files
}

function sharesBytes(shares: readonly ListedShare[]): Uint8Array {
  const writer = new ByteWriter(shares.length * SHARE_SIZE_BYTES)
  for (const { shareNumber, shareSizeBytes } of shares) writer.u8(shareNumber).u64(shareSizeBytes)
  return writer.finish()
}

function readShares(bytes: Uint8Array, root: ListedShare['root']): readonly ListedShare[] {
  const reader = new ByteReader(bytes, 'shares')
  const shares = Array.from({ length: Math.floor(bytes.length / SHARE_SIZE_BYTES) }, () => {
    const shareNumber = reader.u8()
    if (shareNumber >= TOTAL_SHARES_MAX) throw new InvalidInputError(`open: share number ${shareNumber}`)
    return { root, shareNumber, shareSizeBytes: reader.u64() }
  })
  reader.finish()
  return shares
}
