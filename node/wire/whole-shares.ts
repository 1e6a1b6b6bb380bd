/**
 * Requests and replies of `write-whole` (PROTOCOL §5.3): shares of files of one segment, many in one message, each
 * decided alone.
 */
import {
  asStorageIndex,
  concat,
  type FieldRecord,
  type Fields,
  GridError,
  HASH_SIZE_BYTES,
  InvalidInputError,
  MANIFEST_SIZE_MAX_BYTES,
  TOTAL_SHARES_MAX,
} from '#crypto'
import {
  LEASE_DURATION_MAX_SECONDS,
  WIRE_HEADER_MAX_BYTES,
  WIRE_PAYLOAD_MAX_BYTES,
  WIRE_WHOLE_SHARES_MAX,
} from '../limits.ts'
import type { Log, PeerId } from '../platform/platform.ts'
import type { CallOptions, StorageServer, WholeShare } from '../storage/server.ts'
import type { BatchOutcome } from './batcher.ts'
import { formatMessage, type Message, type OutgoingMessage } from './message.ts'
import { errorFields, errorOfFields } from './wire-error.ts'

/** What a share takes in a header beside its manifest, and a little more. */
const RECORD_SIZE_BYTES = 128
const HEADER_WEIGHT = Math.floor(WIRE_PAYLOAD_MAX_BYTES / WIRE_HEADER_MAX_BYTES)

/** Bytes that a share counts for: as long as their sum fits a payload, header and payload both fit a message. */
export function weighWhole({ manifest, block }: WholeShare): {
  readonly count: number
  readonly bytes: number
} {
  return { count: 1, bytes: Math.max(block.length, HEADER_WEIGHT * (manifest.length + RECORD_SIZE_BYTES)) }
}

export function wholeFields(shares: readonly WholeShare[]): readonly FieldRecord[] {
  return shares.map(({ storageIndex, shareNumber, manifest, block, leaseDurationSeconds }) => ({
    index: storageIndex,
    share: shareNumber,
    manifest,
    size: block.length,
    lease: leaseDurationSeconds,
  }))
}

/** The blocks one after the other, as the payload. */
export function wholePayload(shares: readonly WholeShare[]): Uint8Array {
  const [only] = shares
  return only !== undefined && shares.length === 1 ? only.block : concat(...shares.map(({ block }) => block))
}

/** The blocks are views of the payload. @throws InvalidInputError */
export function readWholeShares(fields: Fields, payload: Uint8Array): readonly WholeShare[] {
  let offset = 0
  const shares = fields.records('shares', WIRE_WHOLE_SHARES_MAX).map((record): WholeShare => {
    const sizeBytes = record.positive('size', WIRE_PAYLOAD_MAX_BYTES)
    const share = {
      storageIndex: asStorageIndex(record.bytes('index', HASH_SIZE_BYTES)),
      shareNumber: record.uint('share', TOTAL_SHARES_MAX - 1),
      manifest: record.bytesUpTo('manifest', MANIFEST_SIZE_MAX_BYTES),
      block: payload.subarray(offset, offset + sizeBytes),
      leaseDurationSeconds: record.positive('lease', LEASE_DURATION_MAX_SECONDS),
    }
    record.finish()
    offset += sizeBytes
    return share
  })
  if (offset !== payload.length) {
    throw new InvalidInputError(`blocks of ${offset} bytes announced, found ${payload.length}`)
  }
  return shares
}

/** Write them all at once, so that one synced commit can hold many; each succeeds or fails for itself. */
export async function writeWholeShares(
  server: StorageServer,
  shares: readonly WholeShare[],
  options: CallOptions & { readonly log: Log },
): Promise<OutgoingMessage> {
  const { signal, log } = options
  const outcomes = await Promise.all(
    shares.map(async (share): Promise<FieldRecord> => {
      try {
        await server.writeWhole(share, { signal })
        return {}
      } catch (error) {
        if (!(error instanceof GridError)) log.error('a share was refused for no known reason', { error })
        return errorFields(error)
      }
    }),
  )
  return formatMessage({ outcomes })
}

export function readWholeOutcomes(
  { header }: Message,
  expected: { readonly shareCount: number; readonly serverId: PeerId },
): readonly BatchOutcome<void>[] {
  const { shareCount, serverId } = expected
  const outcomes = header.records('outcomes', shareCount)
  if (outcomes.length !== shareCount) throw new InvalidInputError(`${shareCount} outcomes wanted`)
  return outcomes.map((outcome) =>
    outcome.has('error')
      ? { ok: false, error: errorOfFields(outcome, serverId) }
      : { ok: true, result: undefined },
  )
}
