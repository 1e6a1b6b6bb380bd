/** What several routes read from a request. */
import type { FastifyRequest } from 'fastify'
import { type Capability, InvalidInputError, parseCapability } from '#crypto'

export const CAPABILITY_HEADER = 'cairn-capability'

/** Capabilities travel in a header: paths and queries end up in logs. @throws InvalidInputError */
export function capabilityOf(request: FastifyRequest): Capability {
  const text = request.headers[CAPABILITY_HEADER]
  if (typeof text !== 'string') throw new InvalidInputError(`the header ${CAPABILITY_HEADER} is wanted`)
  return parseCapability(text.trim())
}
