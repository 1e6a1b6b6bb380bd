/** Refusals that HTTP has and the grid has not: each with its status, and headers that the answer must have. */
import { GridError } from '#crypto'

/** What a client would have to do otherwise. Never with a path, a name or a capability in it. */
interface Refused {
  readonly message: string
  /** What was to be there. */
  readonly wanted: string
  /** What was there, of a closed list or a number. */
  readonly found: string
  /** Which part of the request: `query t`, `header Range`. */
  readonly where: string
  readonly headers?: Readonly<Record<string, string>> | undefined
}

export abstract class RefusalError extends GridError {
  abstract readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor({ message, wanted, found, where, headers = {} }: Refused) {
    super(message, { wanted, found, where })
    this.headers = headers
  }
}

export class MethodRefusedError extends RefusalError {
  readonly code = 'METHOD_NOT_ALLOWED'
  readonly status = 405
}

export class PreconditionFailedError extends RefusalError {
  readonly code = 'PRECONDITION_FAILED'
  readonly status = 412
}

export class RangeRefusedError extends RefusalError {
  readonly code = 'RANGE_NOT_SATISFIABLE'
  readonly status = 416
}

/** A browser sent it on behalf of another page, or to a name that is not ours. */
export class ForeignRequestError extends RefusalError {
  readonly code = 'FOREIGN_REQUEST'
  readonly status = 403
}

export class TooManyOperationsError extends RefusalError {
  readonly code = 'TOO_MANY_OPERATIONS'
  readonly status = 429
}
