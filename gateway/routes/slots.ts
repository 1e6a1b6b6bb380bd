/** Values of slots, and the upkeep of a single one (API.md §6). They are read as files are. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { InvalidInputError } from '#crypto'
import type { SlotWarning } from '#node'
import { requireSlotUpkeep, requireSlotWrite } from '../capabilities.ts'
import { deepReportMessageOf, madeMessageOf } from '../directory-messages.ts'
import type { RouteParts } from '../server.ts'
import { bodyOf, capabilityOf, hasCapability, numbersOf, numbersQuery, truth } from './request.ts'

const slotQuery = z.strictObject({
  ...numbersQuery,
  'accept-rollback': truth.optional(),
  'binding-lease': truth.optional(),
  'if-version': z.string().max(100).optional(),
})

export function addSlotRoutes(app: FastifyInstance, parts: RouteParts): void {
  const { files } = parts

  app.put('/v1/slots', async (request, reply) => {
    const query = slotQuery.safeParse(request.query)
    if (!query.success) {
      throw new InvalidInputError(
        'needed, happy, total (numbers), accept-rollback, binding-lease (true, false) and if-version wanted',
      )
    }
    const capability = hasCapability(request) ? requireSlotWrite(capabilityOf(request)) : undefined
    const warnings: SlotWarning[] = []
    const slot = await files.putSlot(capability, bodyOf(request, reply), {
      numbers: numbersOf(query.data),
      acceptRollback: query.data['accept-rollback'] === 'true',
      bindingLease: query.data['binding-lease'] === 'true',
      ifVersion: query.data['if-version'],
      signal: parts.signalOf(reply),
      onWarning: (warning) => warnings.push(warning),
    })
    return { ...madeMessageOf(slot), warnings }
  })

  app.post('/v1/slots/check', async (request, reply) => {
    const capability = requireSlotUpkeep(capabilityOf(request))
    return deepReportMessageOf(await files.checkSlot(capability, { signal: parts.signalOf(reply) }))
  })

  app.post('/v1/slots/repair', async (request, reply) => {
    const capability = requireSlotUpkeep(capabilityOf(request))
    return deepReportMessageOf(await files.repairSlot(capability, { signal: parts.signalOf(reply) }))
  })
}
