/** Runs inside the browser: the same vectors, and a file to shares and back, with whatever cryptography the page has. */
import {
  asReadKey,
  contentToShares,
  ENCODING_DEFAULT,
  equalBytes,
  formatCapability,
  openCodec,
  parseCapability,
  portableBulkCrypto,
  requireRead,
  sharesToContent,
} from '#crypto'
import { makeVectors } from '../support/vectors.ts'

export interface PageReport {
  readonly isSecureContext: boolean
  readonly vectors: Readonly<Record<string, unknown>>
  readonly roundTrip: string
}

async function report(): Promise<PageReport> {
  const bulk = portableBulkCrypto()
  return {
    isSecureContext: globalThis.isSecureContext,
    vectors: await makeVectors(bulk),
    roundTrip: await roundTrip(),
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

Object.assign(globalThis, { report })
