/**
 * Last stage of an upload: see that enough servers hold shares, and only then, if wanted, bind the leases: a put that
 * fails before can still give back all that it took.
 */
import type { FileId } from '../download/locate.ts'
import type { ServerFailure } from '../errors.ts'
import type { Grid } from '../grid.ts'
import { inShareOrder, type Placement } from '../happiness.ts'
import { renewedOf, renewLeases } from '../leases.ts'
import { requireHappiness } from './place.ts'

export interface Sent {
  /** Shares that were there before. */
  readonly there: readonly Placement[]
  readonly sent: readonly Placement[]
  readonly failures: readonly ServerFailure[]
}

/** What stands on servers when a put is done. */
export interface Settled {
  readonly placements: readonly Placement[]
  /** How many of them this put sent. The others were there: equal content had been put before. */
  readonly sentShareCount: number
  readonly failures: readonly ServerFailure[]
}

/**
 * Servers that do not bind their leases do not count.
 *
 * @throws UnhappyError: it is for the caller to give leases back
 */
export async function settleUpload(
  grid: Grid,
  file: FileId,
  { there, sent, failures }: Sent,
  options: {
    readonly happyServers: number
    readonly leaseDurationSeconds: number
    readonly bindingLease?: boolean | undefined
    readonly signal?: AbortSignal | undefined
  },
): Promise<Settled> {
  const { happyServers, leaseDurationSeconds: durationSeconds, bindingLease, signal } = options
  const wanted = { storageIndex: file.storageIndex, happyServers }
  const placements = inShareOrder([...there, ...sent])
  requireHappiness(wanted, placements, failures)
  signal?.throwIfAborted()
  if (bindingLease !== true) return { placements, sentShareCount: sent.length, failures }
  const unbound = await renewLeases(grid, file, placements, { durationSeconds, binding: true, signal })
  const bound = renewedOf(placements, unbound)
  const allFailures = [...failures, ...unbound]
  requireHappiness(wanted, bound, allFailures)
  return { placements: bound, sentShareCount: renewedOf(sent, unbound).length, failures: allFailures }
}
