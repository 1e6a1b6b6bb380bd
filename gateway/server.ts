/**
 * The daemon's HTTP server: on loopback, with one bearer token, and the routes of API.md.
 *
 * Whoever holds the token may do what the owner of the home may.
 */
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { WeakCapabilityError } from '#crypto'
import { ConflictError, type Disk, type Log, type Random, UnreachableError } from '#node'
import type { GridFiles } from './files.ts'
import { type ErrorBody, errorBodyOf, httpStatusOf } from './http-error.ts'
import { addRoutes } from './routes/routes.ts'
import { SpoolFolder } from './spool.ts'
import { isSameText, newToken, type Token } from './token.ts'

export interface GatewayOptions {
  readonly files: GridFiles
  readonly log: Log
  readonly random: Random
  /** 0: any that is free. */
  readonly port: number
  /** Where the body of a convergent put waits for its second reading. */
  readonly spool: { readonly disk: Disk; readonly folder: string }
}

/** What the routes work with. */
export interface RouteParts {
  readonly files: GridFiles
  readonly spool: SpoolFolder
  readonly token: Token
  /** Aborts when the client goes away or the gateway stops. */
  signalOf(reply: FastifyReply): AbortSignal
  /** What a client whose answer has begun is told; a bug is logged. */
  failureBodyOf(reply: FastifyReply, error: unknown): ErrorBody
}

const LOOPBACK = '127.0.0.1'
/** The one path that answers without a token. */
export const HELLO_PATH = '/v1/hello'

export class Gateway implements AsyncDisposable {
  readonly port: number
  readonly token: Token
  readonly #app: FastifyInstance
  readonly #stop: AbortController

  private constructor(app: FastifyInstance, parts: { port: number; token: Token; stop: AbortController }) {
    this.#app = app
    this.port = parts.port
    this.token = parts.token
    this.#stop = parts.stop
  }

  /** @throws ConflictError if the port is taken */
  static async open(options: GatewayOptions): Promise<Gateway> {
    const { files, log, random, spool } = options
    const token = newToken(random)
    const stop = new AbortController()
    const app = newServer(log, token)
    const parts: RouteParts = {
      files,
      token,
      spool: await SpoolFolder.open(spool.disk, random, spool.folder),
      signalOf: (reply) => AbortSignal.any([stop.signal, signalOfClient(reply)]),
      failureBodyOf: ({ request, raw }, error) => {
        // Of an answer that nobody waits for any more every end is a good one.
        if (!raw.destroyed) logBug(log, request, error)
        return errorBodyOf(error)
      },
    }
    addRoutes(app, parts)
    await listen(app, options.port)
    const address = app.server.address()
    const port = typeof address === 'object' && address !== null ? address.port : options.port
    return new Gateway(app, { port, token, stop })
  }

  /** Requests that run are broken off, and so are their transfers. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new UnreachableError('the daemon is stopping'))
    await this.#app.close()
  }
}

function newServer(log: Log, token: Token): FastifyInstance {
  const app = fastify({
    bodyLimit: Number.MAX_SAFE_INTEGER,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
  })
  // Bodies are streams: no parser reads them.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _body, done) => done(null))
  // A client that waits for permission to send its body hears of a bad request first (RFC 9110 §10.1.1).
  app.server.on('checkContinue', (request, response) => app.routing(request, response))
  app.addHook('onRequest', async (request) => {
    if (
      request.url === HELLO_PATH ||
      isSameText(request.headers.authorization ?? '', `Bearer ${token.reveal()}`)
    )
      return
    throw new UnauthorizedError('the bearer token of daemon.json is wanted')
  })
  app.setNotFoundHandler((_request, reply) => {
    void reply
      .status(404)
      .send({ code: 'NOT_FOUND', message: 'no such resource; API.md lists them', details: {} })
  })
  app.setErrorHandler((error, request, reply) => {
    logBug(log, request, error)
    void reply.status(statusOf(error)).send(errorBodyOf(error))
  })
  return app
}

class UnauthorizedError extends WeakCapabilityError {}

function statusOf(error: unknown): number {
  return error instanceof UnauthorizedError ? 401 : httpStatusOf(error)
}

function logBug(log: Log, request: FastifyRequest, error: unknown): void {
  if (httpStatusOf(error) === 500) log.error('a request failed', { route: routeOf(request), error })
}

/** The pattern, not what was asked for. */
function routeOf(request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? 'unknown'}`
}

function signalOfClient(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort(new UnreachableError('the client went away'))
  })
  return gone.signal
}

async function listen(app: FastifyInstance, port: number): Promise<void> {
  try {
    await app.listen({ host: LOOPBACK, port })
  } catch (cause) {
    await app.close()
    const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE'
    if (!isTaken) throw cause
    throw new ConflictError(
      `cannot serve HTTP on ${LOOPBACK}:${port}: another process holds the port`,
      {},
      { cause },
    )
  }
}
