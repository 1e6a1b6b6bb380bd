/**
 * One segment of an immutable file: seal, encode, and back (FORMAT §5, §6).
 *
 *     plaintext -> seal -> sealed segment -> pad and encode -> n blocks -> leaves
 *
 * All of it is pure work on bytes, so it runs alike on the main thread, in a worker and in a browser.
 */
import type { BulkCrypto } from './bulk.ts'
import { ByteWriter } from './bytes.ts'
import type { ErasureCodec } from './erasure/code.ts'
import { assert, InvalidInputError } from './errors.ts'
import { blockSizeOf, type Encoding, SEAL_TAG_SIZE_BYTES } from './geometry.ts'
import type { EncryptionKey, TreeHash } from './hash.ts'
import { blockLeaf, sealedLeaf } from './merkle.ts'

const NONCE_SIZE_BYTES = 12

/** Where a segment stands in its file; goes into its nonce, so segments cannot be moved, dropped or appended. */
export interface SegmentPlace {
  readonly segmentIndex: number
  readonly isLast: boolean
}

/** A segment as its blocks and what the trees need to know of them. */
export interface EncodedSegment {
  /** n blocks, views of the target that was handed in. */
  readonly blocks: readonly Uint8Array[]
  readonly sealedLeaf: TreeHash
  /** n leaves, by share number. */
  readonly blockLeaves: readonly TreeHash[]
}

/** The 12-byte nonce: 1 for the last segment else 0, three zero bytes, the segment index as u64. */
export function segmentNonce(place: SegmentPlace): Uint8Array {
  return new ByteWriter(NONCE_SIZE_BYTES)
    .u8(place.isLast ? 1 : 0)
    .bytes(new Uint8Array(3))
    .u64(place.segmentIndex)
    .finish()
}

/** Bytes that `encodeSealed` needs in its target for a segment of so much plaintext: all n blocks. */
export function encodedSizeBytes(encoding: Encoding, plaintextSizeBytes: number): number {
  return encoding.totalShares * blockSizeOf(encoding, plaintextSizeBytes)
}

/**
 * Seal one segment. A key must never seal two different files, nor one file under two encodings: keys.ts sees to it.
 *
 * @returns ciphertext ‖ tag, 16 bytes longer than the plaintext, owned by the caller
 */
export async function sealSegment(
  bulk: BulkCrypto,
  key: EncryptionKey,
  segment: SegmentPlace & { readonly plaintext: Uint8Array },
): Promise<Uint8Array> {
  return bulk.seal(key, segmentNonce(segment), segment.plaintext)
}

/** The reverse. @throws IntegrityError if it was sealed under another key or for another place. */
export async function openSegment(
  bulk: BulkCrypto,
  key: EncryptionKey,
  segment: SegmentPlace & { readonly sealed: Uint8Array },
): Promise<Uint8Array> {
  return bulk.open(key, segmentNonce(segment), segment.sealed)
}

/**
 * Pad a sealed segment, encode it, and hash every block.
 *
 * @param target at least `encodedSizeBytes` bytes, overwritten; the returned blocks are views of it
 */
export async function encodeSealed(
  coder: { readonly bulk: BulkCrypto; readonly codec: ErasureCodec; readonly encoding: Encoding },
  sealed: Uint8Array,
  target: Uint8Array,
): Promise<EncodedSegment> {
  const { neededShares, totalShares } = coder.encoding
  const blockSizeBytes = blockSizeOf(coder.encoding, sealed.length - SEAL_TAG_SIZE_BYTES)
  if (target.length < totalShares * blockSizeBytes) {
    throw new InvalidInputError(
      `a target of ${totalShares * blockSizeBytes} bytes wanted, found ${target.length}`,
    )
  }
  target.set(sealed)
  target.fill(0, sealed.length, neededShares * blockSizeBytes)
  const blocks = Array.from({ length: totalShares }, (_, shareNumber) =>
    target.subarray(shareNumber * blockSizeBytes, (shareNumber + 1) * blockSizeBytes),
  )
  coder.codec.encode(blocks.slice(0, neededShares), blocks.slice(neededShares))
  const blockLeaves: TreeHash[] = []
  for (const block of blocks) blockLeaves.push(blockLeaf(await coder.bulk.sha256(block)))
  return { blocks, sealedLeaf: sealedLeaf(await coder.bulk.sha256(sealed)), blockLeaves }
}

/**
 * Put a sealed segment together from any k of its blocks, without verifying it: hash the result, or the blocks.
 *
 * @param blocks n entries, of which at least k are blocks of one size
 * @param sealedSizeBytes of the segment without its padding
 * @returns a new buffer of that size, owned by the caller
 */
export function decodeSealed(
  codec: ErasureCodec,
  blocks: readonly (Uint8Array | undefined)[],
  sealedSizeBytes: number,
): Uint8Array {
  const { neededShares } = codec.parameters
  const blockSizeBytes = blocks.find((block) => block !== undefined)?.length ?? 0
  assert(blockSizeBytes * neededShares >= sealedSizeBytes, 'k blocks hold a sealed segment')
  const padded = new Uint8Array(neededShares * blockSizeBytes)
  const missing: number[] = []
  for (let shareNumber = 0; shareNumber < neededShares; shareNumber += 1) {
    const block = blocks[shareNumber]
    if (block === undefined) missing.push(shareNumber)
    else padded.set(block, shareNumber * blockSizeBytes)
  }
  if (missing.length > 0) {
    const out = missing.map((shareNumber) =>
      padded.subarray(shareNumber * blockSizeBytes, (shareNumber + 1) * blockSizeBytes),
    )
    codec.reconstruct(blocks, missing, out)
  }
  return padded.subarray(0, sealedSizeBytes)
}
