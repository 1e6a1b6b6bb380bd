/** Telling failures apart that a session can go on from. */
import { GridError, IntegrityError, InvalidInputError } from '#crypto'
import { NotEnoughSharesError, NotFoundError } from '#node'

/** What the grid, or what stands on it, is to blame for. Anything else is thrown on. */
export function gridErrorOf(error: unknown): GridError {
  if (error instanceof GridError) return error
  throw error
}

/** What was there is not, or is something else: no matter of who can be reached now. */
export function isLoss(error: unknown): boolean {
  return (
    error instanceof NotEnoughSharesError ||
    error instanceof NotFoundError ||
    error instanceof IntegrityError ||
    error instanceof InvalidInputError
  )
}
