/** What a process ends with, so that scripts can tell (README, Exit codes). */
import { GridError } from '#crypto'
import type { ErrorCode } from '#node'

export const EXIT_CODES = {
  INVALID_INPUT: 2,
  WEAK_CAPABILITY: 3,
  NOT_FOUND: 4,
  NOT_ENOUGH_SHARES: 5,
  UNHAPPY: 6,
  INTEGRITY: 7,
  PROTOCOL: 8,
  CONFLICT: 9,
  NO_SPACE: 10,
  TIMEOUT: 11,
  UNREACHABLE: 12,
  BUSY: 13,
  NOT_ADMITTED: 14,
} as const satisfies Record<ErrorCode, number>

export const EXIT_DONE = 0
/** Of many things some could not be done; each was told of. */
export const EXIT_PARTLY = 1
/** A bug, or something that no code stands for. */
export const EXIT_INTERNAL = 70
/** Ended by Ctrl-C or SIGTERM, as shells count it. */
export const EXIT_INTERRUPTED = 130
/** Whoever read our output has gone, as shells count it. */
export const EXIT_BROKEN_PIPE = 141

/** The reason of a signal that a user has given. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** Our output is read no more. */
export class BrokenPipe extends Error {
  override readonly name = 'BrokenPipe'
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return EXIT_INTERRUPTED
  if (error instanceof BrokenPipe) return EXIT_BROKEN_PIPE
  if (error instanceof GridError && isKnown(error.code)) return EXIT_CODES[error.code]
  return EXIT_INTERNAL
}

function isKnown(code: string): code is ErrorCode {
  return Object.hasOwn(EXIT_CODES, code)
}
