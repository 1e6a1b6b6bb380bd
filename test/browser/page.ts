/** Runs inside the browser: the same vectors, and a file to shares and back, with whatever cryptography the page has. */
import {
  asEncryptionKey,
  asReadKey,
  contentToShares,
  ENCODING_DEFAULT,
  equalBytes,
  formatCapability,
  localSegmentCoder,
  openCodec,
  openWebSegmentWorkers,
  parseCapability,
  portableBulkCrypto,
  requireRead,
  sharesToContent,
  targetSizeBytes,
} from '#crypto'
import { makeVectors } from '../support/vectors.ts'

export interface PageReport {
  readonly isSecureContext: boolean
  readonly vectors: Readonly<Record<string, unknown>>
  readonly roundTrip: string
  readonly workers: string
}

async function report(): Promise<PageReport> {
  const bulk = portableBulkCrypto()
  return {
    isSecureContext: globalThis.isSecureContext,
    vectors: await makeVectors(bulk),
    roundTrip: await roundTrip(),
    workers: await segmentsByWorkers(),
  }
}

/** 2.5 segments at the default encoding, read back from the last k shares through the capability's text. */
async function roundTrip(): Promise<string> {
  const encoding = ENCODING_DEFAULT
  const content = Uint8Array.from(
    { length: 2.5 * encoding.segmentSizeBytes },
    (_, index) => (index * 7 + (index >> 11)) & 255,
  )
  const readKey = asReadKey(globalThis.crypto.getRandomValues(new Uint8Array(32)))
  const parts = { bulk: portableBulkCrypto(), codec: await openCodec(encoding) }
  const put = await contentToShares(parts, content, { readKey, encoding })
  const capability = requireRead(parseCapability(formatCapability(put.capability)))
  if (capability.kind !== 'file') return 'another kind of capability'
  const read = await sharesToContent(parts, capability, put.shares.slice(-encoding.neededShares))
  return equalBytes(read, content) ? 'equal' : 'different'
}

/** Three segments sealed, coded and hashed by two Web Workers, and on this thread. */
async function segmentsByWorkers(): Promise<string> {
  const local = localSegmentCoder(portableBulkCrypto())
  const workers = openWebSegmentWorkers('/worker.js', 2)
  const key = asEncryptionKey(new Uint8Array(32).fill(5))
  const equal = await Promise.all(
    [0, 1, 2].map(async (segmentIndex) => {
      const content = new Uint8Array(300_000).fill(segmentIndex + 1)
      const job = {
        encoding: ENCODING_DEFAULT,
        content,
        seal: { key, segmentIndex, isLast: segmentIndex === 2 },
      }
      const theirs = await workers.code(job, new Uint8Array(targetSizeBytes(job)))
      const ours = await local.code(job, new Uint8Array(targetSizeBytes(job)))
      return (
        equalBytes(theirs.sealedLeaf, ours.sealedLeaf) &&
        ours.blocks.every((block, index) => equalBytes(block, theirs.blocks[index] ?? new Uint8Array(0))) &&
        ours.blockLeaves.every((leaf, index) => equalBytes(leaf, theirs.blockLeaves[index] ?? leaf.slice(1)))
      )
    }),
  )
  const { workerCount } = workers
  await workers.close()
  return equal.every(Boolean) ? `equal, by ${workerCount}` : 'different'
}

Object.assign(globalThis, { report })
