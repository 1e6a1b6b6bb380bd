/** `hello`, by which a client knows the daemon, and the status of node and grid. */
import type { FastifyInstance } from 'fastify'
import { InvalidInputError } from '#crypto'
import type { NodeStatus } from '#node'
import { HELLO_PATH, type RouteParts } from '../server.ts'
import { helloProof } from '../token.ts'

export const NONCE_HEADER = 'cairn-nonce'

export function addStatusRoutes(app: FastifyInstance, parts: RouteParts): void {
  app.get(HELLO_PATH, async (request) => {
    const nonce = request.headers[NONCE_HEADER]
    if (typeof nonce !== 'string') throw new InvalidInputError(`the header ${NONCE_HEADER} is wanted`)
    return { proof: helloProof(parts.token, nonce) }
  })

  app.get('/v1/status', async (_request, reply): Promise<NodeStatus> => {
    return parts.files.status({ signal: parts.signalOf(reply) })
  })
}
