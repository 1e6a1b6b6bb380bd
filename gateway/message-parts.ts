/** Schemas that several messages are made of (API.md). */
import { z } from 'zod'
import { type Capability, InvalidInputError, parseCapability } from '#crypto'
import { type ErrorCode, isErrorCode, type ServerFailure, type SlotWarning } from '#node'
import type { ErrorBody } from './http-error.ts'

/** A key that JSON leaves out is undefined. */
export function maybe<Output>(schema: z.ZodType<Output>): z.ZodType<Output | undefined> {
  return schema.optional().transform((value) => value)
}

export const count = z.int().min(0)

export const failure: z.ZodType<ServerFailure> = z.object({
  serverId: z.string(),
  shareNumber: maybe(count),
  code: z.custom<ErrorCode>((code) => typeof code === 'string' && isErrorCode(code)),
  message: z.string(),
})

const WARNING_KINDS = Object.freeze({
  rollback: true,
  fork: true,
  partial: true,
  unsettled: true,
  'broken-links': true,
} as const satisfies Record<SlotWarning['kind'], true>)

export const warning: z.ZodType<SlotWarning> = z.object({
  kind: z.custom<SlotWarning['kind']>(
    (kind) => typeof kind === 'string' && Object.hasOwn(WARNING_KINDS, kind),
  ),
  message: z.string(),
})

export const errorMessage: z.ZodType<ErrorBody> = z.object({
  code: z.string(),
  message: z.string(),
  details: z.record(z.string(), z.unknown()),
})

/** Whatever `read` makes of the text; what it refuses with is what the issue says. */
export function parsedText<Output>(read: (text: string) => Output) {
  return z.string().transform((text, context) => {
    try {
      return read(text)
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error
      // Never the text itself: it may be a secret.
      context.issues.push({ code: 'custom', message: error.message, input: undefined })
      return z.NEVER
    }
  })
}

/** A capability as text, of a kind that `isWanted` allows. */
export function capabilityText<Wanted extends Capability>(
  isWanted: (capability: Capability) => capability is Wanted,
  wanted: string,
): z.ZodType<Wanted> {
  return parsedText((text) => {
    const capability = parseCapability(text)
    if (isWanted(capability)) return capability
    throw new InvalidInputError(`${wanted} is wanted, found a capability of kind ${capability.kind}`)
  })
}

/** A list of at most so many; what is longer is refused before anything in it is looked at. */
export function listOf<Output>(one: z.ZodType<Output>, countMax: number): z.ZodType<readonly Output[]> {
  return z.array(z.unknown()).max(countMax).pipe(z.array(one))
}
