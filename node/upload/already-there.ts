/**
 * Stage of a convergent upload: what servers have of the file already, so that it is not sent again.
 *
 * Whoever knows a storage index can put anything under it, so only shares of the very root that the content leads to
 * count. Of those, servers are believed, as they are when they say that they have taken a share: `verifyFile` is not so
 * credulous.
 */
import { type FileRoot, type StorageIndex, TOTAL_SHARES_MAX } from '#crypto'
import type { FileId } from '../download/locate.ts'
import { countUp } from '../flow.ts'
import type { Grid } from '../grid.ts'
import { matchShares, type Placement } from '../happiness.ts'
import { renewedOf, renewLeases } from '../leases.ts'
import { HEDGE_FACTOR, HEDGE_MIN_MILLISECONDS, LOCATE_RING_FACTOR } from '../limits.ts'
import { ServerCalls } from '../server-calls.ts'

interface Search {
  /** n: servers further along the ring than LOCATE_RING_FACTOR times that are not asked, as no reader asks them. */
  readonly totalShares: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Which servers say that they have shares of this root, or, without one, of any. One round trip. A server that fails,
 * or is late when half of the others have answered, counts as having none: then it is sent too much, and no harm done.
 */
export async function findHolders(
  grid: Grid,
  file: { readonly storageIndex: StorageIndex; readonly root: FileRoot | undefined },
  { totalShares, signal }: Search,
): Promise<readonly Placement[]> {
  const servers = grid.ring(file.storageIndex).slice(0, LOCATE_RING_FACTOR * totalShares)
  const calls = new ServerCalls(grid, signal)
  const found: Placement[] = []
  const startedAt = grid.clock.elapsed()
  let endsAt: number | undefined
  try {
    for (const gridServer of servers) {
      const { serverId } = gridServer
      calls.start(gridServer, {
        what: 'asking for shares',
        make: (server, own) => server.listShares([file], own),
        onAnswer: ([listed = []]) => {
          const numbers = new Set(listed.map(({ shareNumber }) => shareNumber))
          for (const shareNumber of numbers) {
            if (shareNumber < Math.min(totalShares, TOTAL_SHARES_MAX)) found.push({ shareNumber, serverId })
          }
        },
        onFailure: () => undefined,
      })
    }
    while (calls.inFlightCount > 0) {
      const now = grid.clock.elapsed()
      if (calls.inFlightCount <= servers.length / 2) {
        endsAt ??= now + Math.max(HEDGE_MIN_MILLISECONDS, HEDGE_FACTOR * (now - startedAt))
      }
      if (now >= (endsAt ?? Number.POSITIVE_INFINITY)) break
      await calls.changed(endsAt === undefined ? undefined : endsAt - now)
    }
    return found
  } finally {
    calls.stop()
  }
}

/** Shares of this very file that servers have, and will go on keeping: our leases on them are renewed. */
export async function keepHeld(
  grid: Grid,
  file: FileId,
  options: Search & { readonly leaseDurationSeconds: number },
): Promise<readonly Placement[]> {
  const held = await findHolders(grid, file, options)
  if (held.length === 0) return held
  const { leaseDurationSeconds: durationSeconds, signal } = options
  const failures = await renewLeases(grid, file, held, { durationSeconds, signal })
  return renewedOf(held, failures)
}

/**
 * Which shares to send where some are there: those that nobody has. If they would leave fewer than h servers with
 * shares of their own, also those that only servers have which hold others as well.
 */
export function sharesToSend(
  there: readonly Placement[],
  wanted: { readonly totalShares: number; readonly happyServers: number },
): readonly number[] {
  const held = new Set(there.map(({ shareNumber }) => shareNumber))
  const alone = matchShares(there)
  const all = [...countUp(0, wanted.totalShares)]
  const missing = all.filter((shareNumber) => !held.has(shareNumber))
  if (alone.size + missing.length >= wanted.happyServers) return missing
  return all.filter((shareNumber) => !alone.has(shareNumber))
}
