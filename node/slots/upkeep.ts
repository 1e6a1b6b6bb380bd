/** Check and repair the record of a slot with its verify capability: nothing here can read or write what it holds. */
import type { DirectoryVerifyCapability, SlotRecord, SlotVerifyCapability } from '#crypto'
import { NotEnoughSharesError, type ServerFailure } from '../errors.ts'
import { type Grid, summarizeFailures } from '../grid.ts'
import { publishRecord } from './publish.ts'
import { readSlot, type SlotReading } from './quorum-read.ts'
import type { SlotOptions } from './replicas.ts'
import { warningsOf } from './retrieve.ts'
import type { SlotWarning } from './warning.ts'

export interface SlotReport {
  /** The one that holds; undefined if none was found. Its links lead to what the slot points to. */
  readonly record: SlotRecord | undefined
  /** Of the servers that it is meant to be on, those that hold it. */
  readonly foundCount: number
  readonly wantedCount: number
  /** A record was found. */
  readonly isRecoverable: boolean
  /** All servers that it is meant to be on hold it. */
  readonly isHealthy: boolean
  readonly warnings: readonly SlotWarning[]
  /** Servers that did not answer, or hold something bad. */
  readonly failures: readonly ServerFailure[]
}

export interface SlotRepairReport {
  readonly before: SlotReport
  readonly after: SlotReport
  /** Servers that the record was brought to. */
  readonly madeCount: number
}

/** Reads every record whole and verifies it, so to check a slot is to verify it. Changes nothing. */
export async function checkSlot(
  grid: Grid,
  capability: SlotVerifyCapability | DirectoryVerifyCapability,
  options: SlotOptions,
): Promise<SlotReport> {
  return reportOf(await readSlot(grid, capability.publicKey, { ...options, purpose: 'check' }))
}

/**
 * Bring the newest record to every server that it is meant to be on, and renew the leases of those that have it.
 * Servers that hold another record of its sequence keep that one: only the next change mends a fork.
 *
 * @throws NotEnoughSharesError if no record was found
 */
export async function repairSlot(
  grid: Grid,
  capability: SlotVerifyCapability | DirectoryVerifyCapability,
  options: SlotOptions,
): Promise<SlotRepairReport> {
  const reading = await readSlot(grid, capability.publicKey, { ...options, purpose: 'check' })
  const before = reportOf(reading)
  const { record } = before
  if (record === undefined) {
    throw new NotEnoughSharesError(
      `no record of slot ${reading.place.name} was found; ${reading.judgement.answeredCount} of ` +
        `${before.wantedCount} servers answered: ${summarizeFailures(before.failures)}`,
      { failures: before.failures },
    )
  }
  const { acceptedBy, failures, isAccepted } = await publishRecord(grid, reading.place, record, {
    ...options,
    patience: 'all',
  })
  const { sequence, hash } = record
  grid.slotsSeen.note(capability.publicKey, { sequence, hash, settledSequence: isAccepted ? sequence : 0 })
  const foundCount = acceptedBy.length
  const after = {
    ...before,
    foundCount,
    isHealthy: foundCount === before.wantedCount,
    warnings: before.warnings.filter(
      ({ kind }) => kind !== 'unsettled' || foundCount < reading.place.size.quorum,
    ),
    failures,
  }
  const made = acceptedBy.filter((server) => !reading.holders.includes(server))
  return { before, after, madeCount: made.length }
}

function reportOf(reading: SlotReading): SlotReport {
  const { judgement, holders, place, failures } = reading
  const [record] = judgement.heads
  const wantedCount = place.size.replicas
  return {
    record,
    foundCount: holders.length,
    wantedCount,
    isRecoverable: record !== undefined,
    isHealthy: holders.length === wantedCount,
    warnings: warningsOf(reading),
    failures,
  }
}
