/** What a grid can provoke, and the list of every code. What mere bytes provoke is in crypto/errors.ts. */
import { type ErrorDetails, GridError, IntegrityError, InvalidInputError, WeakCapabilityError } from '#crypto'

/** No such share, name or resource. */
export class NotFoundError extends GridError {
  readonly code = 'NOT_FOUND'
}

/** One server did not do what it was asked; a plan goes on without it. */
export interface ServerFailure {
  readonly serverId: string
  /** Undefined when the whole server failed. */
  readonly shareNumber?: number | undefined
  readonly code: ErrorCode
  readonly message: string
}

/** Fewer than k good shares answered; they may come back. */
export class NotEnoughSharesError extends GridError {
  readonly code = 'NOT_ENOUGH_SHARES'
}

/** Fewer than h servers could hold the file; nothing was promised. */
export class UnhappyError extends GridError {
  readonly code = 'UNHAPPY'
}

/** A peer broke PROTOCOL.md; the channel is closed. */
export class ProtocolError extends GridError {
  readonly code = 'PROTOCOL'
}

/** Something else stands there, or another process holds it. */
export class ConflictError extends GridError {
  readonly code = 'CONFLICT'
}

/** The server, the disk or the account's quota is full. */
export class NoSpaceError extends GridError {
  readonly code = 'NO_SPACE'
}

/** No answer within the named limit. */
export class TimeoutError extends GridError {
  readonly code = 'TIMEOUT'
}

/** No connection to a peer could be made, or it broke. */
export class UnreachableError extends GridError {
  readonly code = 'UNREACHABLE'
}

/** The server has as much in hand as it takes; try again later or elsewhere. */
export class BusyError extends GridError {
  readonly code = 'BUSY'
}

/** No member of the grid in good standing, or not one that may do this; the message says why and what to do. */
export class NotAdmittedError extends GridError {
  readonly code = 'NOT_ADMITTED'
}

export type ErrorCode =
  | InvalidInputError['code']
  | WeakCapabilityError['code']
  | IntegrityError['code']
  | NotFoundError['code']
  | NotEnoughSharesError['code']
  | UnhappyError['code']
  | ProtocolError['code']
  | ConflictError['code']
  | NoSpaceError['code']
  | TimeoutError['code']
  | UnreachableError['code']
  | BusyError['code']
  | NotAdmittedError['code']

/** The class of each code: how an error that came over a wire is made again. */
export const ERROR_CLASSES = Object.freeze({
  INVALID_INPUT: InvalidInputError,
  WEAK_CAPABILITY: WeakCapabilityError,
  INTEGRITY: IntegrityError,
  NOT_FOUND: NotFoundError,
  NOT_ENOUGH_SHARES: NotEnoughSharesError,
  UNHAPPY: UnhappyError,
  PROTOCOL: ProtocolError,
  CONFLICT: ConflictError,
  NO_SPACE: NoSpaceError,
  TIMEOUT: TimeoutError,
  UNREACHABLE: UnreachableError,
  BUSY: BusyError,
  NOT_ADMITTED: NotAdmittedError,
} as const satisfies Record<ErrorCode, new (message: string, details?: ErrorDetails) => GridError>)

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CLASSES, code)
}

export type { ErrorDetails }
