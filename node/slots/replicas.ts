/** Where the records of a slot stand, and what its servers say of them. */
import {
  equalBytes,
  IntegrityError,
  InvalidInputError,
  type PublicKey,
  requireRecordOf,
  type SlotRecord,
  shortIndex,
  slotStorageIndex,
} from '#crypto'
import type { Grid, GridServer } from '../grid.ts'
import { LOCATE_RING_FACTOR, SLOT_REPLICAS_MAX } from '../limits.ts'
import type { SlotWriteOutcome } from '../storage/server.ts'
import { type QuorumSize, quorumOf } from './quorum.ts'

export interface SlotOptions {
  /** Servers that each record is meant to be on; fewer if fewer are known. */
  readonly replicas: number
  readonly leaseDurationSeconds?: number | undefined
  /** A server counts as having taken a record only once its lease on the slot is binding. */
  readonly bindingLease?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** A slot as the ring places it now. */
export interface SlotPlace {
  readonly publicKey: PublicKey
  /** For people. */
  readonly name: string
  readonly size: QuorumSize
  readonly replicas: readonly GridServer[]
  /** Next in the ring: a record may still stand there from when they were among the first. */
  readonly others: readonly GridServer[]
}

export function placeSlot(grid: Grid, publicKey: PublicKey, options: SlotOptions): SlotPlace {
  const { replicas } = options
  if (!Number.isSafeInteger(replicas) || replicas < 1 || replicas > SLOT_REPLICAS_MAX) {
    throw new InvalidInputError(`1 to ${SLOT_REPLICAS_MAX} replicas of a slot wanted, found ${replicas}`)
  }
  const index = slotStorageIndex(publicKey)
  const ring = grid.ring(index)
  return {
    publicKey,
    name: `${shortIndex(index)}…`,
    size: quorumOf(Math.max(1, Math.min(replicas, ring.length))),
    replicas: ring.slice(0, replicas),
    others: ring.slice(replicas, LOCATE_RING_FACTOR * replicas),
  }
}

/** @throws IntegrityError unless the bytes are a valid record of the slot */
export type RecordVerifier = (bytes: Uint8Array) => SlotRecord

/** Equal bytes are verified once, and give the same record. */
export function recordVerifier(grid: Pick<Grid, 'bulk'>, publicKey: PublicKey): RecordVerifier {
  const verified: SlotRecord[] = []
  return (bytes) => {
    const known = verified.find((record) => equalBytes(record.bytes, bytes))
    if (known !== undefined) return known
    const record = requireRecordOf(publicKey, bytes, grid.bulk)
    verified.push(record)
    return record
  }
}

/**
 * The record that a server holds in the way of ours; undefined if it holds ours.
 *
 * @throws IntegrityError if what it shows is no reason to refuse
 */
export function refusalOf(
  outcome: SlotWriteOutcome,
  ours: SlotRecord,
  verify: RecordVerifier,
): SlotRecord | undefined {
  if (outcome.accepted) return undefined
  const held = verify(outcome.held)
  if (equalBytes(held.bytes, ours.bytes)) return undefined
  if (held.sequence >= ours.sequence) return held
  throw new IntegrityError(
    `the server refused record ${ours.sequence} of a slot and shows none as new, but record ${held.sequence}`,
  )
}
