/** A grid as whole-file work sees it: servers in an order, and what the platform gives. */
import { GridError, type StorageIndex } from '#crypto'
import { type ErrorCode, isErrorCode, type ServerFailure } from './errors.ts'
import type { Candidate } from './happiness.ts'
import type { PeerId, Platform } from './platform/platform.ts'
import type { SlotsSeen } from './slots/seen.ts'
import type { StorageServer } from './storage/server.ts'

/** One server of the grid, with the way to ask it. */
export interface GridServer extends Candidate {
  readonly server: StorageServer
}

export interface Grid extends Pick<Platform, 'clock' | 'random' | 'log' | 'bulk' | 'coder'> {
  /** Every known server, permuted by the storage index (PROTOCOL §7): shares go to the first ones. */
  ring(storageIndex: StorageIndex): readonly GridServer[]
  /** What this node remembers of slots, so that it notices a rollback. */
  readonly slotsSeen: SlotsSeen
}

/** What fails together with a server: its owner's machines at its site. One that names neither shares with nobody. */
export function failureDomainOf(server: {
  readonly serverId: PeerId
  readonly owner: string
  readonly site: string
}): string {
  const { serverId, owner, site } = server
  return owner === '' && site === '' ? serverId : JSON.stringify([owner, site])
}

/**
 * What one server's error means to a plan that goes on without it.
 *
 * @throws the error itself if it is no GridError (a bug, or the caller's own abort)
 */
export function failureOf(serverId: PeerId, error: unknown, shareNumber?: number): ServerFailure {
  if (!(error instanceof GridError) || !isErrorCode(error.code)) throw error
  return { serverId, shareNumber, code: error.code, message: error.message }
}

/** `1 timed out, 2 unreachable`, for the end of a message; `none failed` if there is nothing to say. */
export function summarizeFailures(failures: readonly ServerFailure[]): string {
  const counts = new Map<ErrorCode, number>()
  for (const { code } of failures) counts.set(code, (counts.get(code) ?? 0) + 1)
  const parts = [...counts].map(([code, count]) => `${count} ${FAILURE_WORDS[code]}`)
  return parts.length === 0 ? 'no server failed' : parts.join(', ')
}

const FAILURE_WORDS = {
  INVALID_INPUT: 'refused the request',
  WEAK_CAPABILITY: 'refused the request',
  INTEGRITY: 'corrupt',
  NOT_FOUND: 'lost its share',
  NOT_ENOUGH_SHARES: 'had too few shares',
  UNHAPPY: 'unhappy',
  PROTOCOL: 'broke the protocol',
  CONFLICT: 'in conflict',
  NO_SPACE: 'full',
  TIMEOUT: 'timed out',
  UNREACHABLE: 'unreachable',
  BUSY: 'busy',
  NOT_ADMITTED: 'not admitted',
} as const satisfies Record<ErrorCode, string>

/** The last eight characters of a peer id: how messages for people name a server. */
export function shortId(serverId: PeerId): string {
  return serverId.slice(-8)
}
