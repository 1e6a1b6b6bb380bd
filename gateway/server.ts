/**
 * The daemon's HTTP server: on loopback, with one bearer token, and the routes of API.md.
 *
 * Whoever holds the token may do what the owner of the home may.
 */
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import {
  BusyError,
  type Clock,
  type Disk,
  type Log,
  type Random,
  systemClock,
  UnreachableError,
  untilAborted,
} from '#node'
import type { GridFiles } from './files.ts'
import { type ErrorBody, errorBodyOf, httpStatusOf } from './http-error.ts'
import { listen } from './listen.ts'
import { addMonitoringRoutes, HEALTH_PATHS, isMonitoring, type Monitored } from './routes/monitoring.ts'
import { addRoutes } from './routes/routes.ts'
import { SpoolFolder } from './spool.ts'
import { isSameText, newToken, type Token } from './token.ts'
import { type GuardOptions, UnauthorizedError } from './web-api/guard.ts'
import {
  guardWebApi,
  headersOfError,
  ROUTE_PARAMETER_LENGTH_MAX,
  refuseBadPath,
  refuseBadRequest,
  requireMethodOf,
  toldError,
  withoutCapabilities,
} from './web-api/http-edge.ts'
import { Operations } from './web-api/operations.ts'
import { addWebApi } from './web-api/routes.ts'

export interface GatewayOptions {
  readonly files: GridFiles
  readonly log: Log
  readonly random: Random
  /** 0: any that is free. */
  readonly port: number
  /** Where the body of a convergent put waits for its second reading. */
  readonly spool: { readonly disk: Disk; readonly folder: string }
  /** Undefined: `/health` and `/metrics` are not served. */
  readonly monitored?: Monitored | undefined
  /** Names that the web API is asked by beside those of loopback; lower case, without a port. */
  readonly hostNames?: readonly string[] | undefined
  /** The system's if left out. */
  readonly clock?: Clock | undefined
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
  readonly #running: RunningRequests

  private constructor(
    app: FastifyInstance,
    parts: { port: number; token: Token; stop: AbortController; running: RunningRequests },
  ) {
    this.#app = app
    this.port = parts.port
    this.token = parts.token
    this.#stop = parts.stop
    this.#running = parts.running
  }

  /** @throws ConflictError if the port is taken */
  static async open(options: GatewayOptions): Promise<Gateway> {
    const { files, log, random, spool, monitored, hostNames = [], clock = systemClock } = options
    const token = newToken(random)
    const stop = new AbortController()
    const app = newServer(log, { token, hostNames })
    const running = new RunningRequests(app)
    if (monitored !== undefined) {
      watch(app, monitored)
      monitored.metrics.watchRequests(() => running.count)
    }
    const parts: RouteParts = {
      files,
      token,
      spool: await SpoolFolder.open(spool.disk, random, spool.folder),
      signalOf: (reply) => AbortSignal.any([stop.signal, signalOfClient(reply)]),
      failureBodyOf: ({ request, raw }, error) => {
        // Of an answer that nobody waits for any more every end is a good one.
        if (!raw.destroyed) logBug(log, request, error)
        return withoutCapabilities(errorBodyOf(error))
      },
    }
    addRoutes(app, parts)
    addWebApi(app, { ...parts, clock, operations: new Operations(clock, stop.signal) })
    const port = await listen(app, { host: LOOPBACK, port: options.port })
    return new Gateway(app, { port, token, stop, running })
  }

  /**
   * Refuse new requests, and wait until those that run are answered. Disposing of the gateway then breaks off the rest.
   *
   * @throws the signal's reason if that comes first
   */
  drain(signal: AbortSignal): Promise<void> {
    return this.#running.drain(signal)
  }

  /** Requests that run are broken off, and so are their transfers. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new UnreachableError('the daemon is stopping'))
    await this.#app.close()
  }
}

function newServer(log: Log, guard: GuardOptions): FastifyInstance {
  const app = fastify({
    bodyLimit: Number.MAX_SAFE_INTEGER,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: ROUTE_PARAMETER_LENGTH_MAX },
    frameworkErrors: refuseBadPath,
    clientErrorHandler: refuseBadRequest,
  })
  // Bodies are streams: no parser reads them.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _body, done) => done(null))
  // A client that waits for permission to send its body hears of a bad request first (RFC 9110 §10.1.1).
  app.server.on('checkContinue', (request, response) => app.routing(request, response))
  app.addHook('onRequest', async (request, reply) => {
    if (
      guardWebApi(request, reply, guard) ||
      request.url === HELLO_PATH ||
      HEALTH_PATHS.includes(request.url) ||
      isSameText(request.headers.authorization ?? '', `Bearer ${guard.token.reveal()}`)
    )
      return
    throw new UnauthorizedError('the bearer token of daemon.json is wanted')
  })
  app.setNotFoundHandler((request, reply) => {
    requireMethodOf(request)
    void reply
      .status(404)
      .send({ code: 'NOT_FOUND', message: 'no such resource; API.md lists them', details: {} })
  })
  app.setErrorHandler((raised, request, reply) => {
    const error = toldError(raised)
    logBug(log, request, error)
    const body = withoutCapabilities(errorBodyOf(error))
    void reply.status(statusOf(error)).headers(headersOfError(error)).type('application/json').send(body)
  })
  return app
}

/** Requests to work that have come and are not answered to the end. */
class RunningRequests {
  readonly #answers = new Set<FastifyReply['raw']>()
  #drained: PromiseWithResolvers<void> | undefined

  constructor(app: FastifyInstance) {
    app.addHook('onRequest', async ({ url }, { raw }) => {
      // By the hello a command knows whom to believe that it is stopping.
      if (isMonitoring(url) || url === HELLO_PATH) return
      if (this.#drained !== undefined) throw new BusyError('the daemon is stopping')
      this.#answers.add(raw)
      raw.once('close', () => {
        this.#answers.delete(raw)
        if (this.#answers.size === 0) this.#drained?.resolve()
      })
    })
  }

  get count(): number {
    return this.#answers.size
  }

  async drain(signal: AbortSignal): Promise<void> {
    this.#drained ??= Promise.withResolvers<void>()
    if (this.#answers.size > 0) await untilAborted(this.#drained.promise, signal)
  }
}

/** Serve health and metrics, and count what else is asked. */
function watch(app: FastifyInstance, monitored: Monitored): void {
  addMonitoringRoutes(app, monitored)
  app.addHook('onResponse', async (request, reply) => {
    if (isMonitoring(request.url)) return
    const { method, routeOptions } = request
    const seconds = reply.elapsedTime / 1000
    monitored.metrics.requested({
      route: routeOptions.url ?? 'unknown',
      // A method that no route has is whatever a client thought of.
      method: routeOptions.url === undefined ? 'unknown' : method,
      status: reply.statusCode,
      seconds,
    })
  })
}

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
