/** Binding an HTTP server, with an error that says what to do. */
import type { FastifyInstance } from 'fastify'
import { InvalidInputError } from '#crypto'
import { ConflictError, type HostPort } from '#node'

/**
 * @returns the port, if 0 asked for any
 * @throws ConflictError if the port is taken; InvalidInputError if the machine has no such address. The server is
 *   closed then
 */
export async function listen(app: FastifyInstance, { host, port }: HostPort): Promise<number> {
  try {
    await app.listen({ host, port })
  } catch (cause) {
    await app.close()
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    const place = `${host}:${port}`
    if (code === 'EADDRINUSE') {
      throw new ConflictError(`cannot serve HTTP on ${place}: another process holds the port`, {}, { cause })
    }
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EACCES') {
      throw new InvalidInputError(
        `cannot serve HTTP on ${place}: ${code === 'EACCES' ? 'the port is not ours to take' : 'no such address here'}`,
        {},
        { cause },
      )
    }
    throw cause
  }
  const address = app.server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}
