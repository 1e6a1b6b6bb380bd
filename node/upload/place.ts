/** Stage of an upload or repair: find servers that take the shares, before the first byte is sent. */
import { type StorageIndex, shortIndex, UPLOAD_ID_SIZE_BYTES } from '#crypto'
import { ConflictError, type ServerFailure, UnhappyError } from '../errors.ts'
import { failureOf, type Grid, type GridServer, summarizeFailures } from '../grid.ts'
import { happiness, type Placement, planPlacement } from '../happiness.ts'
import type { PeerId } from '../platform/platform.ts'
import type { ShareWriter } from '../storage/server.ts'
import { within } from '../within.ts'

/** A share that a server is asked to take. */
export interface OfferedShare extends Placement {
  readonly writer: ShareWriter
  readonly gridServer: GridServer
}

/** A share that a server has agreed to take. */
export interface OpenShare extends OfferedShare {
  /** From the first one on, the server has so many blocks from an attempt that was broken off. */
  readonly segmentsHeld: number
}

export interface PlacementRequest {
  readonly storageIndex: StorageIndex
  readonly shareNumbers: readonly number[]
  /** Shares that are on servers already. */
  readonly existing: readonly Placement[]
  /** Servers that are not to be asked. */
  readonly avoid: ReadonlySet<PeerId>
  /** Of one share file; 0 if it is not known. */
  readonly expectedSizeBytes: number
  /**
   * What makes a server's agreement: for a large file that it opens the share; a small one is sent whole at once,
   * which takes a single round trip. A server for which it fails is replaced.
   *
   * @returns how many blocks the server has already
   */
  readonly hand: (share: OfferedShare, signal: AbortSignal) => Promise<number>
  /** How long a server may take to agree. */
  readonly answerSeconds: number
  /** What an earlier attempt called its writes too, if it should be gone on with. */
  readonly uploadId?: Uint8Array | undefined
}

export interface PlacementOutcome {
  readonly open: readonly OpenShare[]
  readonly failures: readonly ServerFailure[]
}

/**
 * Ask servers in ring order to take the shares, and the next ones in place of those that do not, until every share
 * has a server or nobody is left to ask. Whether the outcome is enough is for the caller to judge.
 */
export async function placeShares(
  grid: Grid,
  request: PlacementRequest,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<PlacementOutcome> {
  const ring = grid.ring(request.storageIndex)
  const serverOf = new Map(ring.map((gridServer) => [gridServer.serverId, gridServer]))
  const open: OpenShare[] = []
  const failures: ServerFailure[] = []
  const avoided = new Set(request.avoid)
  try {
    for (;;) {
      const placed = new Set(open.map(({ shareNumber }) => shareNumber))
      const plan = planPlacement({
        shareNumbers: request.shareNumbers.filter((shareNumber) => !placed.has(shareNumber)),
        candidates: ring.filter(({ serverId }) => !avoided.has(serverId)),
        existing: [...request.existing, ...open],
      })
      if (plan.length === 0) return { open, failures }
      const handed = await Promise.allSettled(
        plan.map(async ({ shareNumber, serverId }) => {
          const gridServer = serverOf.get(serverId)
          if (gridServer === undefined) return
          try {
            open.push(await handShare(grid, gridServer, { ...request, shareNumber }, options))
          } catch (error) {
            options.signal?.throwIfAborted()
            failures.push(failureOf(serverId, error, shareNumber))
            avoided.add(serverId)
          }
        }),
      )
      for (const outcome of handed) if (outcome.status === 'rejected') throw outcome.reason
    }
  } catch (error) {
    await abortAll(open)
    throw error
  }
}

async function handShare(
  grid: Grid,
  gridServer: GridServer,
  request: PlacementRequest & { readonly shareNumber: number },
  options: { readonly signal?: AbortSignal | undefined },
): Promise<OpenShare> {
  const offer = (uploadId: Uint8Array) => offerShare(grid, gridServer, { ...request, uploadId }, options)
  if (request.uploadId !== undefined) {
    try {
      return await offer(request.uploadId)
    } catch (error) {
      // Somebody else is at it, or the server has not noticed yet that nobody is.
      if (!(error instanceof ConflictError)) throw error
    }
  }
  return offer(grid.random.bytes(UPLOAD_ID_SIZE_BYTES))
}

async function offerShare(
  grid: Grid,
  gridServer: GridServer,
  request: PlacementRequest & { readonly shareNumber: number; readonly uploadId: Uint8Array },
  options: { readonly signal?: AbortSignal | undefined },
): Promise<OpenShare> {
  const { storageIndex, shareNumber, uploadId, expectedSizeBytes, answerSeconds } = request
  const writer = gridServer.server.writeShare({ storageIndex, shareNumber, uploadId, expectedSizeBytes })
  const limit = { seconds: answerSeconds, what: 'placing a share', signal: options.signal }
  const share = { shareNumber, serverId: gridServer.serverId, writer, gridServer }
  try {
    return {
      ...share,
      segmentsHeld: await within(grid.clock, limit, (signal) => request.hand(share, signal)),
    }
  } catch (error) {
    void writer.abort()
    throw error
  }
}

/** The agreement to a large file: nothing but an open share, to be written segment by segment. */
export async function openOnly({ writer }: OfferedShare, signal: AbortSignal): Promise<number> {
  return (await writer.open({ signal })).segmentsHeld
}

/** Forget what was begun. Never fails. */
export async function abortAll(open: Iterable<OpenShare>): Promise<void> {
  await Promise.allSettled([...open].map(({ writer }) => writer.abort()))
}

/** @throws UnhappyError unless h distinct servers hold, or have agreed to take, distinct shares. */
export function requireHappiness(
  file: { readonly storageIndex: StorageIndex; readonly happyServers: number },
  placements: readonly Placement[],
  failures: readonly ServerFailure[],
): void {
  const found = happiness(placements)
  if (found >= file.happyServers) return
  throw new UnhappyError(
    `found ${found} of ${file.happyServers} servers wanted for distinct shares (${shortIndex(file.storageIndex)}…): ` +
      `${summarizeFailures(failures)}; nothing was promised`,
    { happyServers: file.happyServers, found, failures },
  )
}
