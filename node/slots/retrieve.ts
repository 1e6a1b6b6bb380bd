/** Retrieve the newest record of a slot, from servers that may lie, lag or vanish (PROTOCOL §9, FORMAT §16.2). */
import { equalBytes, type PublicKey, type SlotRecord } from '#crypto'
import { NotEnoughSharesError, NotFoundError, type ServerFailure } from '../errors.ts'
import { type Grid, summarizeFailures } from '../grid.ts'
import { readSlot, type SlotReading } from './quorum-read.ts'
import type { SlotOptions } from './replicas.ts'
import type { SlotWarning } from './warning.ts'

export interface RetrievedSlot {
  /** The one that holds. */
  readonly record: SlotRecord
  /** All records of its sequence, itself first; more than one is a fork. */
  readonly heads: readonly SlotRecord[]
  /**
   * The heads beside `record` that may have succeeded too, so that a writer puts what they hold into the next record.
   * The other heads are the attempts of writers who know that they lost.
   */
  readonly rivals: readonly SlotRecord[]
  /** A quorum holds `record`: it stays, and `updateSlot` may start from it. */
  readonly isSettled: boolean
  readonly warnings: readonly SlotWarning[]
  readonly failures: readonly ServerFailure[]
}

/**
 * Delivers also what fewer servers than a quorum give, with a warning: a backup must come back when most servers
 * burnt. What a reader finds on too few servers it brings to a quorum, so that nobody who reads later finds less.
 *
 * @throws NotFoundError if a quorum has no record; NotEnoughSharesError if none was found, but a quorum did not answer
 */
export async function retrieveSlot(
  grid: Grid,
  publicKey: PublicKey,
  options: SlotOptions,
): Promise<RetrievedSlot> {
  const reading = await readSlot(grid, publicKey, { ...options, purpose: 'read' })
  const retrieved = retrievedOf(grid, reading)
  if (retrieved !== undefined) return retrieved
  const { place, judgement, seen } = reading
  if (!judgement.isSettled) throw notEnoughAnswers(reading)
  const before = seen === undefined ? '' : `; it was at record ${seen.sequence} when it was last seen here`
  throw new NotFoundError(
    `no record of slot ${place.name} on ${judgement.answeredCount} servers that answered ` +
      `(${place.size.quorum} wanted)${before}`,
    { seenSequence: seen?.sequence },
  )
}

/** What the reading found, remembered from now on; undefined if there is no record. */
export function retrievedOf(grid: Grid, reading: SlotReading): RetrievedSlot | undefined {
  const { judgement, place, failures } = reading
  const [record] = judgement.heads
  if (record === undefined) return undefined
  const warnings = warningsOf(reading)
  const { heads, rivals, isSettled } = judgement
  const { sequence, hash } = record
  grid.slotsSeen.note(place.publicKey, { sequence, hash, settledSequence: isSettled ? sequence : 0 })
  return { record, heads, rivals, isSettled, warnings, failures }
}

/** Whether the servers know of less than was seen before. */
function isRollback({ judgement, seen }: SlotReading): boolean {
  return (seen?.sequence ?? 0) > judgement.sequence
}

export function warningsOf(reading: SlotReading): readonly SlotWarning[] {
  const { judgement, place, seen } = reading
  const { sequence, heads, answeredCount, heldCount, isSettled } = judgement
  const { quorum } = place.size
  const warnings: SlotWarning[] = []
  const warn = (kind: SlotWarning['kind'], text: string): void => {
    warnings.push({ kind, message: `slot ${place.name}: ${text}` })
  }
  if (isRollback(reading)) {
    warn('rollback', `record ${sequence} is the newest found, but ${seen?.sequence} was seen before`)
  }
  if (heads.length > 1) {
    const outcome = isSettled ? 'one of them has won' : 'none has won; the next change decides'
    warn('fork', `writers raced: ${heads.length} records ${sequence} were found, ${outcome}`)
  } else if (contradictsMemory(reading)) {
    warn('fork', `record ${sequence} is not, or was not made from, the record ${seen?.sequence} seen before`)
  }
  if (answeredCount < quorum) {
    warn(
      'partial',
      `${answeredCount} of ${quorum} servers needed answered, so there may be a newer record; ` +
        summarizeFailures(reading.failures),
    )
  } else if (!isSettled && heads.length > 0) {
    warn('unsettled', `record ${sequence} is on ${heldCount} servers, ${quorum} wanted`)
  }
  return warnings
}

function contradictsMemory({ judgement, seen }: SlotReading): boolean {
  const [record] = judgement.heads
  if (record === undefined || seen === undefined) return false
  if (record.sequence === seen.sequence) return !equalBytes(record.hash, seen.hash)
  return record.sequence === seen.sequence + 1 && !equalBytes(record.previous, seen.hash)
}

/** The error of a reader who found nothing and cannot say that there is nothing. */
function notEnoughAnswers({ place, judgement, failures }: SlotReading): NotEnoughSharesError {
  return new NotEnoughSharesError(
    `no record of slot ${place.name} found; ${judgement.answeredCount} servers answered, ` +
      `${place.size.quorum} of ${place.size.replicas} wanted: ${summarizeFailures(failures)}`,
    { wantedCount: place.size.quorum, answeredCount: judgement.answeredCount, failures },
  )
}
