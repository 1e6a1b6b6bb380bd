/** Every route there is (API.md). */
import type { FastifyInstance } from 'fastify'
import type { RouteParts } from '../server.ts'
import { addDirectoryRoutes } from './directories.ts'
import { addFileRoutes } from './files.ts'
import { addMemberRoutes } from './members.ts'
import { addSlotRoutes } from './slots.ts'
import { addStatusRoutes } from './status.ts'
import { addUpkeepRoutes } from './upkeep.ts'

export function addRoutes(app: FastifyInstance, parts: RouteParts): void {
  addStatusRoutes(app, parts)
  addFileRoutes(app, parts)
  addDirectoryRoutes(app, parts)
  addSlotRoutes(app, parts)
  addUpkeepRoutes(app, parts)
  addMemberRoutes(app, parts)
}
