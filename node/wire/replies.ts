/**
 * Replies of /cairn/storage/1, field by field (PROTOCOL §5): written by a server, parsed strictly by a client,
 * which ignores fields it does not know. What a reader here throws is an InvalidInputError; the channel turns it
 * into a ProtocolError.
 */
import {
  asFileRoot,
  ByteReader,
  ByteWriter,
  HASH_SIZE_BYTES,
  InvalidInputError,
  MANIFEST_SIZE_MAX_BYTES,
  SEGMENT_COUNT_MAX,
  TOTAL_SHARES_MAX,
} from '#crypto'
import { LISTED_SHARES_MAX, WIRE_ERROR_TEXT_MAX, WIRE_PROOF_MAX_BYTES } from '../limits.ts'
import type { LeaseOutcome, ListedShare, ReadBlock, ScrubOutcome, ServerStatus } from '../storage/server.ts'
import { formatMessage, type Message, type OutgoingMessage } from './message.ts'

/** Root 32, share number 1, share size 8. */
const LISTED_SHARE_SIZE_BYTES = HASH_SIZE_BYTES + 1 + 8
/** What the weighing of channels takes a small reply for. */
export const SMALL_REPLY_BYTES = 64
const VERSION_TEXT_MAX = 64
const LEASE_REFUSALS: readonly ('no-such-share' | 'over-quota')[] = ['no-such-share', 'over-quota']

export const doneReply = (): OutgoingMessage => formatMessage({})

/** Sent while a request is still being carried out; its reply comes later. */
export const pendingReply = (): OutgoingMessage => formatMessage({ pending: true })

export function isPending(message: Message): boolean {
  return message.header.has('pending')
}

export function statusReply(status: ServerStatus): OutgoingMessage {
  return formatMessage({
    version: status.version.slice(0, VERSION_TEXT_MAX),
    free: status.freeBytes,
    used: status.usedBytes,
    shares: status.shareCount,
    accountUsed: status.accountUsedBytes,
    accountQuota: status.accountQuotaBytes,
    accountDays: status.accountByteDays,
  })
}

export function readStatus({ header }: Message): ServerStatus {
  return {
    version: header.text('version', VERSION_TEXT_MAX),
    freeBytes: header.uint('free'),
    usedBytes: header.uint('used'),
    shareCount: header.uint('shares'),
    accountUsedBytes: header.uint('accountUsed'),
    accountQuotaBytes: header.optional('accountQuota', () => header.uint('accountQuota')),
    accountByteDays: header.optional('accountDays', () => header.uint('accountDays')),
  }
}

/** How many shares each query found; the shares themselves follow one another in the payload. */
export function listReply(results: readonly (readonly ListedShare[])[]): OutgoingMessage {
  const shares = results.flat()
  const writer = new ByteWriter(shares.length * LISTED_SHARE_SIZE_BYTES)
  for (const share of shares) writer.bytes(share.root).u8(share.shareNumber).u64(share.shareSizeBytes)
  return formatMessage({ counts: results.map((result) => result.length) }, writer.finish())
}

export function readList(message: Message, queryCount: number): readonly (readonly ListedShare[])[] {
  const counts = message.header.list('counts', queryCount)
  if (counts.length !== queryCount) throw new InvalidInputError(`list: ${queryCount} counts wanted`)
  const reader = new ByteReader(message.payload, 'list')
  const results = counts.map((count) => {
    if (typeof count !== 'number' || !Number.isInteger(count) || count < 0 || count > LISTED_SHARES_MAX) {
      throw new InvalidInputError(`list: a count is a whole number from 0 to ${LISTED_SHARES_MAX}`)
    }
    return Array.from({ length: count }, () => readListedShare(reader))
  })
  reader.finish()
  return results
}

function readListedShare(reader: ByteReader): ListedShare {
  const root = asFileRoot(reader.bytes(HASH_SIZE_BYTES))
  const shareNumber = reader.u8()
  if (shareNumber >= TOTAL_SHARES_MAX) throw new InvalidInputError(`list: share number ${shareNumber}`)
  return { root, shareNumber, shareSizeBytes: reader.u64() }
}

export function writeOpenReply(held: { readonly segmentsHeld: number }): OutgoingMessage {
  return formatMessage({ held: held.segmentsHeld })
}

export function readWriteOpen({ header }: Message): { readonly segmentsHeld: number } {
  return { segmentsHeld: header.uint('held', SEGMENT_COUNT_MAX) }
}

export function manifestReply(manifest: Uint8Array): OutgoingMessage {
  return formatMessage({ manifest })
}

export function readManifestReply({ header }: Message): Uint8Array {
  return header.bytesUpTo('manifest', MANIFEST_SIZE_MAX_BYTES).slice()
}

export function blockReply({ block, blockProof, sealedProof }: ReadBlock): OutgoingMessage {
  return formatMessage({ proof: blockProof, sealed: sealedProof }, block)
}

export function readBlockReply({ header, payload }: Message): ReadBlock {
  return {
    block: payload,
    blockProof: header.bytesUpTo('proof', WIRE_PROOF_MAX_BYTES),
    sealedProof: header.optional('sealed', () => header.bytesUpTo('sealed', WIRE_PROOF_MAX_BYTES)),
  }
}

/** A number is when the lease expires, a text is why there is none. */
export function leasesReply(outcomes: readonly LeaseOutcome[]): OutgoingMessage {
  return formatMessage({
    outcomes: outcomes.map((outcome) => (outcome.ok ? outcome.expiresAtSeconds : outcome.reason)),
  })
}

export function readLeases({ header }: Message, updateCount: number): readonly LeaseOutcome[] {
  const outcomes = header.list('outcomes', updateCount)
  if (outcomes.length !== updateCount) throw new InvalidInputError(`${updateCount} lease outcomes wanted`)
  return outcomes.map((outcome): LeaseOutcome => {
    if (typeof outcome === 'number' && Number.isSafeInteger(outcome) && outcome >= 0) {
      return { ok: true, expiresAtSeconds: outcome }
    }
    const reason = LEASE_REFUSALS.find((known) => known === outcome)
    if (reason === undefined) throw new InvalidInputError('a lease outcome is a time or a known reason')
    return { ok: false, reason }
  })
}

export function scrubReply(outcome: ScrubOutcome): OutgoingMessage {
  return formatMessage(
    outcome.healthy
      ? { healthy: true }
      : { healthy: false, problem: outcome.problem.slice(0, WIRE_ERROR_TEXT_MAX) },
  )
}

export function readScrub({ header }: Message): ScrubOutcome {
  return header.boolean('healthy')
    ? { healthy: true }
    : { healthy: false, problem: header.text('problem', WIRE_ERROR_TEXT_MAX) }
}
