/**
 * The error base of the whole system, and the errors that mere bytes can provoke.
 *
 * One class for each thing a caller can do about it. What needs a grid to go wrong is in node/errors.ts.
 * A capability or a key never enters a message or the details: name a file by `shortIndex()`.
 */

export type ErrorDetails = Readonly<Record<string, unknown>>

/** Base of every error that Cairn throws on purpose. `code` is stable; the message says wanted, found, where. */
export abstract class GridError extends Error {
  abstract readonly code: string
  readonly details: ErrorDetails

  constructor(message: string, details: ErrorDetails = {}, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.details = Object.freeze({ ...details })
  }
}

/** A malformed capability, argument or configuration: fix the call. */
export class InvalidInputError extends GridError {
  readonly code = 'INVALID_INPUT'
}

/** The capability is sound, but does not grant what was asked. */
export class WeakCapabilityError extends GridError {
  readonly code = 'WEAK_CAPABILITY'
}

/** Bytes disagree with the capability that names them. */
export class IntegrityError extends GridError {
  readonly code = 'INTEGRITY'
}

/** Our own state is wrong: a bug, never a matter of input. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Guards our own invariants, and stays on in production. Never used on bytes from outside. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new AssertionError(`invariant broken: ${invariant}`)
}
