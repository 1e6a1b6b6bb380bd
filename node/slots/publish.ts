/** Bring one new record to a quorum of its replicas. */
import type { PublicKey, SlotRecord } from '#crypto'
import { NotFoundError, type ServerFailure } from '../errors.ts'
import type { Grid, GridServer } from '../grid.ts'
import { LEASE_DURATION_DEFAULT_SECONDS, SLOT_GRACE_MIN_MILLISECONDS } from '../limits.ts'
import { ServerCalls } from '../server-calls.ts'
import type { CallOptions, StorageServer } from '../storage/server.ts'
import { recordVerifier, refusalOf, type SlotOptions, type SlotPlace } from './replicas.ts'

export interface Publication {
  readonly acceptedBy: readonly GridServer[]
  /** A quorum accepted: no other record of the sequence can succeed. */
  readonly isAccepted: boolean
  /** Servers that hold another record of the same or a higher sequence. */
  readonly refusedCount: number
  readonly failures: readonly ServerFailure[]
}

/**
 * Returns when a quorum has accepted and the others have answered or had a fair time to; when all have answered or
 * failed; or as soon as it is certain that another record stands in the way of a quorum.
 *
 * @param options.patience `quorum`: as said; `all`: until every replica has answered or failed
 * @throws the signal's reason
 */
export async function publishRecord(
  grid: Grid,
  place: SlotPlace,
  record: SlotRecord,
  options: SlotOptions & { readonly patience: 'quorum' | 'all' },
): Promise<Publication> {
  const leaseDurationSeconds = options.leaseDurationSeconds ?? LEASE_DURATION_DEFAULT_SECONDS
  const { size, replicas, publicKey } = place
  const calls = new ServerCalls(grid, options.signal)
  const acceptedBy: GridServer[] = []
  const failures: ServerFailure[] = []
  const verify = recordVerifier(grid, publicKey)
  let refusedCount = 0
  const startedAt = grid.clock.elapsed()
  let graceEndsAt: number | undefined
  try {
    for (const replica of replicas) {
      calls.start(replica, {
        what: 'writing a slot',
        make: async (server, own) => {
          const outcome = await server.writeSlot({ record: record.bytes, leaseDurationSeconds }, own)
          const isTaken = refusalOf(outcome, record, verify) === undefined
          if (isTaken && options.bindingLease === true) {
            await bindLease(server, { publicKey, durationSeconds: leaseDurationSeconds }, own)
          }
          return isTaken
        },
        onAnswer: (isTaken) => {
          if (isTaken) acceptedBy.push(replica)
          else refusedCount += 1
        },
        onFailure: (failure) => failures.push(failure),
      })
    }
    while (calls.inFlightCount > 0) {
      const isAccepted = acceptedBy.length >= size.quorum
      const canBeAccepted = acceptedBy.length + calls.inFlightCount >= size.quorum
      // After a conflict there is better to do; without one, it matters how many took the record.
      if (options.patience === 'quorum' && !canBeAccepted && refusedCount > 0) break
      const now = grid.clock.elapsed()
      if (isAccepted && options.patience === 'quorum') {
        // A server that is merely slow is not left behind, one that is dead not waited for.
        graceEndsAt ??= now + Math.max(SLOT_GRACE_MIN_MILLISECONDS, now - startedAt)
      }
      if (now >= (graceEndsAt ?? Number.POSITIVE_INFINITY)) break
      await calls.changed(graceEndsAt === undefined ? undefined : graceEndsAt - now)
    }
    return { acceptedBy, isAccepted: acceptedBy.length >= size.quorum, refusedCount, failures }
  } finally {
    calls.stop()
  }
}

/** @throws NotFoundError if the server has lost the record by now, or has no room for a lease on it */
async function bindLease(
  server: StorageServer,
  { publicKey, durationSeconds }: { readonly publicKey: PublicKey; readonly durationSeconds: number },
  options: CallOptions,
): Promise<void> {
  const renewal = { action: 'renew', address: { publicKey }, durationSeconds, binding: true } as const
  const [outcome] = await server.updateLeases([renewal], options)
  if (outcome?.ok === true) return
  throw new NotFoundError(`the lease on the slot did not become binding: ${outcome?.reason ?? 'no answer'}`)
}
