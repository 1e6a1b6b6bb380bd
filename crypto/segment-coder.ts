/**
 * Segments made into blocks by whoever has time for it: this thread, or workers (FORMAT §5, §6, §7).
 *
 * A job is one segment, and one buffer goes with it: in with the segment's bytes at its start, back with all n
 * blocks. So a worker costs a message each way and no copy of the blocks. Sealing, coding and hashing are one job:
 * hashing takes by far the longest, and apart they would each need a trip of their own.
 */
import type { BulkCrypto } from './bulk.ts'
import { openCodec } from './erasure/index.ts'
import { assert, InvalidInputError } from './errors.ts'
import { type Encoding, SEAL_TAG_SIZE_BYTES } from './geometry.ts'
import { asTreeHash, type EncryptionKey, type TreeHash } from './hash.ts'
import { releaseBuffer } from './release.ts'
import {
  type EncodedSegment,
  encodedSizeBytes,
  encodeSealed,
  type SegmentPlace,
  sealSegment,
} from './segment.ts'

const LEAF_SIZE_BYTES = 32

/** Bytes to make blocks of: a plaintext with the key to seal it under, or a segment that is sealed already. */
export interface SegmentJob {
  readonly encoding: Encoding
  /** Only read; must not change until the promise settles. */
  readonly content: Uint8Array
  readonly seal: (SegmentPlace & { readonly key: EncryptionKey }) | undefined
}

export interface SegmentCoder {
  /**
   * Seal if asked to, pad, encode, and hash every block and the sealed segment.
   *
   * @param target a whole buffer of at least `targetSizeBytes` bytes, such as `newTarget` makes; unless it is shared
   *   memory it may be detached, and it must not be touched until the promise settles. The blocks are views of it or
   *   of the buffer that took its place: take that from a block to use it again
   */
  code(job: SegmentJob, target: Uint8Array): Promise<EncodedSegment>
}

/** Bytes a job's target must have. */
export function targetSizeBytes(job: SegmentJob): number {
  const overheadBytes = job.seal === undefined ? SEAL_TAG_SIZE_BYTES : 0
  return encodedSizeBytes(job.encoding, job.content.length - overheadBytes)
}

/**
 * A target in memory that threads share, where there is any: a buffer that is transferred is a new one to the collector
 * of either thread, and a put at full speed then stops its event loop every 15 segments to collect them.
 */
export function newTarget(sizeBytes: number): Uint8Array {
  return new Uint8Array(
    typeof SharedArrayBuffer === 'undefined' ? new ArrayBuffer(sizeBytes) : new SharedArrayBuffer(sizeBytes),
  )
}

/** What has to be transferred with a message that holds a target. */
export function transferOf(target: Uint8Array): ArrayBuffer[] {
  return target.buffer instanceof ArrayBuffer ? [target.buffer] : []
}

/** Works on the calling thread, a few milliseconds for each MiB of blocks. */
export function localSegmentCoder(bulk: BulkCrypto): SegmentCoder {
  return {
    async code(job, target) {
      const { encoding, content, seal } = job
      const codec = await openCodec(encoding)
      const sealed =
        seal === undefined ? content : await sealSegment(bulk, seal.key, { ...seal, plaintext: content })
      const encoded = await encodeSealed({ bulk, codec, encoding }, sealed, target)
      if (sealed !== content) releaseBuffer(sealed)
      return encoded
    },
  }
}

/** What goes to a worker. The target is shared or transferred, the segment's bytes at its start. */
export interface SegmentRequest {
  readonly id: number
  readonly encoding: Encoding
  readonly seal: SegmentJob['seal']
  readonly contentSizeBytes: number
  readonly target: Uint8Array
}

/** What comes back, with the target transferred again unless it is shared. */
export type SegmentReply =
  | {
      readonly id: number
      readonly target: Uint8Array
      readonly blockSizeBytes: number
      /** The sealed leaf, then n block leaves, 32 bytes each. */
      readonly leaves: Uint8Array
    }
  | { readonly id: number; readonly failure: string }

/** The worker's side: one answer to each request, never a rejection. */
export async function serveSegment(bulk: BulkCrypto, request: SegmentRequest): Promise<SegmentReply> {
  const { id, target, encoding, seal, contentSizeBytes } = request
  try {
    // Sealing makes a new buffer; a segment that is sealed already must leave the target before blocks fill it.
    const content = target.subarray(0, contentSizeBytes)
    const job = { encoding, seal, content: seal === undefined ? content.slice() : content }
    const { blocks, sealedLeaf, blockLeaves } = await localSegmentCoder(bulk).code(job, target)
    const leaves = new Uint8Array(LEAF_SIZE_BYTES * (1 + blockLeaves.length))
    for (const [index, leaf] of [sealedLeaf, ...blockLeaves].entries())
      leaves.set(leaf, LEAF_SIZE_BYTES * index)
    return { id, target, blockSizeBytes: blocks[0]?.length ?? 0, leaves }
  } catch (error) {
    return { id, failure: error instanceof Error ? error.message : String(error) }
  }
}

/** The caller's side of a request. @returns what to post, with `transferOf` its target */
export function requestOf(id: number, job: SegmentJob, target: Uint8Array): SegmentRequest {
  if (target.length < targetSizeBytes(job)) {
    throw new InvalidInputError(`a target of ${targetSizeBytes(job)} bytes wanted, found ${target.length}`)
  }
  assert(
    target.length === target.buffer.byteLength,
    'a target is a whole buffer, for all of it is transferred',
  )
  target.set(job.content)
  return { id, encoding: job.encoding, seal: job.seal, contentSizeBytes: job.content.length, target }
}

/** The caller's side of a reply. @throws Error if the worker failed, which is a bug: jobs are checked before */
export function segmentFrom(reply: SegmentReply, encoding: Encoding): EncodedSegment {
  if ('failure' in reply) throw new Error(`a worker failed to code a segment: ${reply.failure}`)
  const { target, blockSizeBytes, leaves } = reply
  assert(
    leaves.length === LEAF_SIZE_BYTES * (1 + encoding.totalShares),
    'a leaf for each block, and one more',
  )
  const leafAt = (index: number): TreeHash =>
    asTreeHash(leaves.subarray(LEAF_SIZE_BYTES * index, LEAF_SIZE_BYTES * (index + 1)))
  return {
    blocks: Array.from({ length: encoding.totalShares }, (_, shareNumber) =>
      target.subarray(shareNumber * blockSizeBytes, (shareNumber + 1) * blockSizeBytes),
    ),
    sealedLeaf: leafAt(0),
    blockLeaves: Array.from({ length: encoding.totalShares }, (_, shareNumber) => leafAt(shareNumber + 1)),
  }
}
