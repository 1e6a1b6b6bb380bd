/** Leases of one file, on every server that holds a share of it. */
import type { FileId } from './download/locate.ts'
import type { ServerFailure } from './errors.ts'
import { failureOf, type Grid } from './grid.ts'
import type { Placement } from './happiness.ts'
import { ANSWER_SECONDS } from './limits.ts'
import type { LeaseRenewal, LeaseUpdate } from './storage/server.ts'
import { within } from './within.ts'

/**
 * Renew our leases on shares where they are.
 *
 * @returns the servers that did not: their shares are not promised to last
 */
export async function renewLeases(
  grid: Grid,
  file: FileId,
  placements: readonly Placement[],
  options: LeaseRenewal & { readonly signal?: AbortSignal | undefined },
): Promise<readonly ServerFailure[]> {
  const { durationSeconds, binding, signal } = options
  return updateLeases(grid, file, placements, {
    signal,
    update: (address) => ({ action: 'renew', address, durationSeconds, binding }),
  })
}

/** Those of the placements that `renewLeases` has not named as failed. */
export function renewedOf(
  placements: readonly Placement[],
  failures: readonly ServerFailure[],
): readonly Placement[] {
  return placements.filter(
    ({ shareNumber, serverId }) =>
      !failures.some(
        (failure) => failure.serverId === serverId && (failure.shareNumber ?? shareNumber) === shareNumber,
      ),
  )
}

/**
 * Cancel our leases, after a put that did not succeed. Servers that do not answer keep theirs until it runs out, and so
 * do all that were taken as binding.
 */
export async function giveUpLeases(
  grid: Grid,
  file: FileId,
  placements: readonly Placement[],
): Promise<void> {
  await updateLeases(grid, file, placements, { update: (address) => ({ action: 'cancel', address }) })
}

async function updateLeases(
  grid: Grid,
  file: FileId,
  placements: readonly Placement[],
  options: {
    readonly signal?: AbortSignal | undefined
    readonly update: (address: LeaseUpdate['address']) => LeaseUpdate
  },
): Promise<readonly ServerFailure[]> {
  const failures: ServerFailure[] = []
  const { storageIndex, root } = file
  const sharesOf = Map.groupBy(placements, ({ serverId }) => serverId)
  await Promise.all(
    grid.ring(storageIndex).map(async ({ serverId, server }) => {
      const shares = sharesOf.get(serverId)
      if (shares === undefined) return
      try {
        const updates = shares.map(({ shareNumber }) => options.update({ storageIndex, root, shareNumber }))
        const limit = { seconds: ANSWER_SECONDS, what: 'updating leases', signal: options.signal }
        const outcomes = await within(grid.clock, limit, (signal) => server.updateLeases(updates, { signal }))
        outcomes.forEach((outcome, place) => {
          if (outcome.ok) return
          const code = outcome.reason === 'over-quota' ? 'NO_SPACE' : 'NOT_FOUND'
          failures.push({
            serverId,
            shareNumber: shares[place]?.shareNumber,
            code,
            message: `lease: ${outcome.reason}`,
          })
        })
      } catch (error) {
        options.signal?.throwIfAborted()
        failures.push(failureOf(serverId, error))
      }
    }),
  )
  return failures
}
