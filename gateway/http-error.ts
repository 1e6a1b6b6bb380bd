/** Errors across HTTP: which status each code has, the body they travel in, and the error that a client makes of it. */
import { AssertionError, type ErrorDetails, GridError } from '#crypto'
import { ERROR_CLASSES, type ErrorCode, isErrorCode } from '#node'
import { RefusalError } from './web-api/refusal.ts'

export const HTTP_STATUS = {
  INVALID_INPUT: 400,
  WEAK_CAPABILITY: 403,
  NOT_FOUND: 404,
  NOT_ENOUGH_SHARES: 503,
  UNHAPPY: 503,
  INTEGRITY: 502,
  PROTOCOL: 502,
  CONFLICT: 409,
  NO_SPACE: 507,
  TIMEOUT: 504,
  UNREACHABLE: 503,
  BUSY: 503,
  NOT_ADMITTED: 403,
} as const satisfies Record<ErrorCode, number>

/** What went wrong, as JSON. */
export interface ErrorBody {
  /** An ErrorCode, one of web-api/refusal.ts, or INTERNAL for a bug. */
  readonly code: string
  readonly message: string
  readonly details: ErrorDetails
}

export function httpStatusOf(error: unknown): number {
  if (error instanceof RefusalError) return error.status
  return error instanceof GridError && isErrorCode(error.code) ? HTTP_STATUS[error.code] : 500
}

/** An error that nobody planned for says nothing of itself: what it holds may be a secret. */
export function errorBodyOf(error: unknown): ErrorBody {
  if (error instanceof GridError) return { code: error.code, message: error.message, details: error.details }
  return { code: 'INTERNAL', message: 'the daemon failed; its log says how', details: {} }
}

export function errorOfBody({ code, message, details }: ErrorBody): Error {
  return isErrorCode(code) ? new ERROR_CLASSES[code](message, details) : new AssertionError(message)
}
