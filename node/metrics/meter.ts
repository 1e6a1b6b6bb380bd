/** What a node tells whoever counts: events as they happen, and figures when it is asked. No name of a file goes in. */
import type { ErrorCode } from '../errors.ts'
import type { PeerId } from '../platform/platform.ts'
import type { StorageRequest } from '../wire/requests.ts'

/** One request of a peer that was answered, or refused. */
export interface ServedRequest {
  readonly account: PeerId
  /** `malformed`: it could not be read. */
  readonly op: StorageRequest['op'] | 'malformed'
  readonly outcome: 'ok' | ErrorCode | 'INTERNAL'
  readonly seconds: number
  /** Of the request, header and payload. */
  readonly receivedBytes: number
  /** Of the reply. */
  readonly sentBytes: number
}

/** Counts what happens; it never throws and never waits. */
export interface Meter {
  served(request: ServedRequest): void
}

/** Figures of one moment. */
export interface NodeFigures {
  /** Servers in the roster, this one included if it lends. */
  readonly knownServers: number
  /** Undefined: nothing is lent. */
  readonly storage: StorageFigures | undefined
  readonly channels: number
  /** Of requests and replies in memory. */
  readonly inFlightBytes: number
}

export interface StorageFigures {
  readonly usedBytes: number
  readonly freeBytes: number
  readonly incomingBytes: number
  readonly shareCount: number
  readonly accountCount: number
}

/** Whether a node can do its work; asking costs nothing. */
export interface NodeHealth {
  readonly isReady: boolean
  /** Why not, for people. */
  readonly problems: readonly string[]
}
