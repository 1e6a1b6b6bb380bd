/** Stage of an upload: the keys of the file, and the promise that one key never seals two contents (FORMAT §3.3). */
import {
  asReadKey,
  type ConvergenceSecret,
  contentDigest,
  convergentReadKey,
  convergentUploadId,
  type Digest,
  type Encoding,
  type EncryptionKey,
  equalBytes,
  fileEncryptionKey,
  fileStorageIndex,
  type ReadKey,
  type Secret,
  type StorageIndex,
  toBase32,
} from '#crypto'
import type { Grid } from '../grid.ts'
import { cutSegments, type PlainSegment, SegmentBuffers, type UploadSource } from './segments.ts'

export interface FileKeys {
  readonly readKey: ReadKey
  readonly storageIndex: StorageIndex
  readonly encryptionKey: EncryptionKey
  /** Digest of each segment at the first reading; undefined when the key is random and there was none. */
  readonly segmentDigests: readonly Digest[] | undefined
}

/** The second reading met other bytes than the first: the key must not seal them. */
export class SourceChanged extends Error {
  override readonly name = 'SourceChanged'
}

/** A fresh random key, or the caller's; with a convergence secret the one that the content leads to, by a reading. */
export async function chooseKeys(
  grid: Grid,
  source: UploadSource,
  options: {
    readonly encoding: Encoding
    readonly convergenceSecret?: Secret<ConvergenceSecret> | undefined
    readonly readKey?: Secret<ReadKey> | undefined
    readonly signal?: AbortSignal | undefined
  },
): Promise<FileKeys> {
  const { encoding, convergenceSecret, readKey: ownKey, signal } = options
  if (ownKey !== undefined) return keysOf(ownKey.reveal(), undefined)
  if (convergenceSecret === undefined) return keysOf(asReadKey(grid.random.bytes(32)), undefined)
  const segmentDigests: Digest[] = []
  const buffers = new SegmentBuffers()
  for await (const { plaintext } of cutSegments(source.open(), encoding.segmentSizeBytes, buffers)) {
    signal?.throwIfAborted()
    segmentDigests.push(await grid.bulk.sha256(plaintext))
    buffers.giveBack(plaintext)
  }
  const readKey = convergentReadKey(convergenceSecret.reveal(), encoding, contentDigest(segmentDigests))
  return keysOf(readKey, segmentDigests)
}

/** Storage indexes of convergent puts that this process is at work on. */
const underWay = new Set<string>()

/**
 * What all attempts at one convergent put call their writes, so that this one goes on where another was broken off. Of
 * two at a time in one process only the first: on one channel they would be one write.
 *
 * @returns undefined if the put is to be like any other; else `release` is to be called when it has ended
 */
export function nameWrites({
  readKey,
  storageIndex,
  segmentDigests,
}: FileKeys): { readonly uploadId: Uint8Array; release(): void } | undefined {
  const name = toBase32(storageIndex)
  if (segmentDigests === undefined || underWay.has(name)) return undefined
  underWay.add(name)
  return { uploadId: convergentUploadId(readKey), release: () => void underWay.delete(name) }
}

/** To be called with every segment before it is sealed. @throws SourceChanged */
export async function requireSameSegment(grid: Grid, keys: FileKeys, segment: PlainSegment): Promise<void> {
  if (keys.segmentDigests === undefined) return
  const expected = keys.segmentDigests[segment.segmentIndex]
  const isLast = segment.segmentIndex === keys.segmentDigests.length - 1
  const digest = await grid.bulk.sha256(segment.plaintext)
  if (expected === undefined || isLast !== segment.isLast || !equalBytes(digest, expected)) {
    throw new SourceChanged('the source changed between two readings')
  }
}

function keysOf(readKey: ReadKey, segmentDigests: readonly Digest[] | undefined): FileKeys {
  return {
    readKey,
    storageIndex: fileStorageIndex(readKey),
    encryptionKey: fileEncryptionKey(readKey),
    segmentDigests,
  }
}
