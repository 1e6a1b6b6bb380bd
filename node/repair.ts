/**
 * Repair an immutable file with a verify capability: verify every share, have bad ones taken away, make missing ones
 * again, and renew the leases of the good ones.
 */
import type { FileVerifyCapability } from '#crypto'
import { type CheckReport, examineShares, placementsOf, reportOf, type VerifyOptions } from './check.ts'
import { type KnownFile, notEnough, type ShareSource } from './download/locate.ts'
import type { ServerFailure } from './errors.ts'
import { failureOf, type Grid } from './grid.ts'
import type { Placement } from './happiness.ts'
import { renewLeases } from './leases.ts'
import { FINISH_ANSWER_SECONDS, LEASE_DURATION_DEFAULT_SECONDS } from './limits.ts'
import type { PeerId } from './platform/platform.ts'
import { regenerateShares } from './regenerate.ts'
import { within } from './within.ts'

export interface RepairOptions extends VerifyOptions {
  /** Called after each segment that was made again, with plaintext bytes. */
  readonly onRegenerated?:
    | ((progress: { readonly doneBytes: number; readonly totalBytes: number }) => void)
    | undefined
}

export interface RepairReport {
  readonly before: CheckReport
  readonly after: CheckReport
  /** Shares made again, and where they went. */
  readonly made: readonly Placement[]
  /** Bad shares whose servers have taken them away. */
  readonly removed: readonly Placement[]
  /** What went wrong while repairing. */
  readonly failures: readonly ServerFailure[]
}

/** @throws NotEnoughSharesError if fewer than k good shares are left */
export async function repairFile(
  grid: Grid,
  capability: FileVerifyCapability,
  options: RepairOptions = {},
): Promise<RepairReport> {
  const examined = await examineShares(grid, capability, options)
  const { known, sources, failures, askedCount } = examined
  const before = reportOf(examined)
  if (known === undefined || !before.isRecoverable) {
    throw notEnough(capability, {
      found: sources,
      neededShares: known?.manifest.encoding.neededShares,
      failures,
      askedCount,
    })
  }
  const {
    removed,
    stubborn,
    failures: scrubFailures,
  } = await removeBadShares(
    grid,
    known,
    examined.bad.map(({ source }) => source),
    options,
  )
  const placed = placementsOf(sources)
  const leaseDurationSeconds = LEASE_DURATION_DEFAULT_SECONDS
  const regenerated = await regenerateShares(grid, known, {
    placed,
    avoid: stubborn,
    leaseDurationSeconds,
    signal: options.signal,
    onProgress: options.onRegenerated,
  })
  const leaseFailures = await renewLeases(grid, known, placed, {
    durationSeconds: leaseDurationSeconds,
    signal: options.signal,
  })
  const made = regenerated.placements.map(({ shareNumber, serverId }) => ({ shareNumber, serverId }))
  const serverOf = new Map(
    grid.ring(known.storageIndex).map((gridServer) => [gridServer.serverId, gridServer]),
  )
  const madeSources = made.flatMap(({ shareNumber, serverId }) => {
    const gridServer = serverOf.get(serverId)
    return gridServer === undefined ? [] : [{ shareNumber, gridServer }]
  })
  const after = reportOf({ known, sources: [...sources, ...madeSources], bad: [], failures: [], askedCount })
  return {
    before,
    after,
    made,
    removed,
    failures: [...scrubFailures, ...regenerated.failures, ...leaseFailures],
  }
}

/** @returns what is gone, and the servers that keep serving bad shares: nothing is placed on those */
async function removeBadShares(
  grid: Grid,
  known: KnownFile,
  bad: readonly ShareSource[],
  options: RepairOptions,
): Promise<{
  removed: readonly Placement[]
  stubborn: ReadonlySet<PeerId>
  failures: readonly ServerFailure[]
}> {
  const removed: Placement[] = []
  const stubborn = new Set<PeerId>()
  const failures: ServerFailure[] = []
  const { storageIndex, root } = known
  await Promise.all(
    bad.map(async ({ shareNumber, gridServer }) => {
      const { server, serverId } = gridServer
      try {
        const limit = { seconds: FINISH_ANSWER_SECONDS, what: 'scrubbing a share', signal: options.signal }
        const address = { storageIndex, root, shareNumber }
        const outcome = await within(grid.clock, limit, (signal) => server.scrubShare(address, { signal }))
        if (outcome.healthy) stubborn.add(serverId)
        else removed.push({ shareNumber, serverId })
      } catch (error) {
        options.signal?.throwIfAborted()
        stubborn.add(serverId)
        failures.push(failureOf(serverId, error, shareNumber))
      }
    }),
  )
  return { removed, stubborn, failures }
}
