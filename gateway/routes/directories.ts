/** Directories, trees and paths (API.md §5). */
import type { FastifyInstance } from 'fastify'
import { requireDirectory, requireDirectoryWrite } from '../capabilities.ts'
import {
  childMessageOf,
  directoryBody,
  editBody,
  findBody,
  foundMessageOf,
  madeMessageOf,
  treeBody,
  walkedMessageOf,
} from '../directory-messages.ts'
import type { RouteParts } from '../server.ts'
import { sendLines } from './lines.ts'
import { capabilityOf, hasBody, jsonOf } from './request.ts'

/** 1,024 changes with long names, and 3 KiB of metadata each. */
export const EDIT_BODY_MAX_BYTES = 4 * 1024 * 1024
/** 65,536 children with names and metadata of 350 bytes each. */
export const TREE_BODY_MAX_BYTES = 32 * 1024 * 1024
/** The longest path, of the longest names. */
export const FIND_BODY_MAX_BYTES = 1024 * 1024

export function addDirectoryRoutes(app: FastifyInstance, parts: RouteParts): void {
  const { files } = parts

  app.post('/v1/directories', async (request, reply) => {
    const { children } = hasBody(request)
      ? await jsonOf({ request, reply }, directoryBody, EDIT_BODY_MAX_BYTES)
      : { children: [] }
    return madeMessageOf(await files.makeDirectory({ children, signal: parts.signalOf(reply) }))
  })

  app.post('/v1/trees', async (request, reply) => {
    const { children } = await jsonOf({ request, reply }, treeBody, TREE_BODY_MAX_BYTES)
    return madeMessageOf(await files.makeTree(children, { signal: parts.signalOf(reply) }))
  })

  app.get('/v1/directories', async (request, reply) => {
    const directory = requireDirectory(capabilityOf(request))
    const start = (options: object) => files.list(directory, options)
    return sendLines(parts, reply, { start, messageOf: childMessageOf })
  })

  app.post('/v1/directories/edit', async (request, reply) => {
    const directory = requireDirectoryWrite(capabilityOf(request))
    const { changes, acceptRollback } = await jsonOf({ request, reply }, editBody, EDIT_BODY_MAX_BYTES)
    return files.edit(directory, changes, { acceptRollback, signal: parts.signalOf(reply) })
  })

  app.post('/v1/directories/find', async (request, reply) => {
    const root = capabilityOf(request)
    const { path } = await jsonOf({ request, reply }, findBody, FIND_BODY_MAX_BYTES)
    return foundMessageOf(await files.find(root, path, { signal: parts.signalOf(reply) }))
  })

  app.post('/v1/directories/walk', async (request, reply) => {
    const root = requireDirectory(capabilityOf(request))
    const start = (options: object) => files.walk(root, options)
    return sendLines(parts, reply, { start, messageOf: walkedMessageOf })
  })
}
