/**
 * What lies before and after the routes: who may ask, methods that a path has not, requests that are no HTTP, and what
 * errors may say. Whatever a request was, no part of its address is in an answer that refuses it.
 */
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { InvalidInputError } from '#crypto'
import { type ErrorBody, errorBodyOf } from '../http-error.ts'
import { GUARDED_HEADERS } from './answer-headers.ts'
import { type GuardOptions, requireOwner, UnauthorizedError } from './guard.ts'
import { MethodRefusedError, RefusalError } from './refusal.ts'
import { isWebRoute, methodsOf } from './routes.ts'

/** Percent-encoded capabilities are three times as long; of a path that is longer no route is looked for. */
export const ROUTE_PARAMETER_LENGTH_MAX = 8192

const CHALLENGE = 'Basic realm="cairn", charset="UTF-8"'

/**
 * Guard a request, if it is one of the web API.
 *
 * @returns false if it is not, and nobody has looked at it
 * @throws ForeignRequestError, or UnauthorizedError
 */
export function guardWebApi(request: FastifyRequest, reply: FastifyReply, options: GuardOptions): boolean {
  const { url } = request.routeOptions
  if (url === undefined ? methodsOf(pathOf(request)) === undefined : !isWebRoute(url)) return false
  void reply.headers(GUARDED_HEADERS)
  try {
    requireOwner(request.headers, options)
  } catch (error) {
    // So that a browser or curl asks for the password.
    if (error instanceof UnauthorizedError) void reply.header('www-authenticate', CHALLENGE)
    throw error
  }
  return true
}

/** @throws MethodRefusedError if the path is one of the web API, and the method none of its */
export function requireMethodOf(request: FastifyRequest): void {
  const methods = methodsOf(pathOf(request))
  if (methods === undefined) return
  const allow = methods.join(', ')
  throw new MethodRefusedError({
    message: `one of ${allow} is wanted here`,
    wanted: allow,
    found: 'another method',
    where: 'method',
    headers: { allow },
  })
}

/** Headers that an error's answer has. */
export function headersOfError(error: unknown): Readonly<Record<string, string>> {
  return error instanceof RefusalError ? error.headers : {}
}

/** What HTTP's own machinery refuses: its words quote the request, so these are ours. Others are left as they are. */
export function toldError(error: unknown): unknown {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  if (status < 400 || status >= 500) return error
  return new InvalidInputError(
    'a well-formed request is wanted: its path, headers or body type cannot be read',
    {
      where: 'request',
    },
  )
}

/** A name that is looked for may be a capability that stands in the wrong place. */
export function withoutCapabilities(body: ErrorBody): ErrorBody {
  const text = JSON.stringify(body)
  const clean = text.replace(/cairn(:|%3a)[\w-]+(:|%3a)[a-z2-7]+/gi, 'cairn:…')
  if (clean === text) return body
  const { message, details } = JSON.parse(clean)
  return { code: body.code, message, details }
}

/** A path that cannot be decoded: there is no route, so no hook has seen it. */
export function refuseBadPath(error: unknown, _request: unknown, reply: FastifyReply): void {
  void reply
    .status(400)
    .headers(GUARDED_HEADERS)
    .send(errorBodyOf(toldError(error)))
}

/** What is no HTTP, or has more headers than fit (16 KiB with the request line). */
export function refuseBadRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const [status, message] = BAD_REQUESTS.get(error.code ?? '') ?? ['400 Bad Request', 'HTTP/1.1 is wanted']
  const body = JSON.stringify({ code: 'INVALID_INPUT', message, details: { where: 'request' } })
  if (socket.writable) {
    const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`
    socket.write(`${head}\r\nConnection: close\r\n\r\n${body}`)
  }
  socket.destroySoon()
}

const BAD_REQUESTS: ReadonlyMap<string, readonly [status: string, message: string]> = new Map([
  [
    'HPE_HEADER_OVERFLOW',
    ['431 Request Header Fields Too Large', 'a request line and headers of 16 KiB are wanted'],
  ],
  ['ERR_HTTP_REQUEST_TIMEOUT', ['408 Request Timeout', 'the head of the request took too long']],
])

function pathOf({ url }: FastifyRequest): string {
  return url.split('?', 1)[0] ?? ''
}
