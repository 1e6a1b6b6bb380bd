/**
 * HTTP to a daemon on this machine, over node:http: it lets a response come before the body was sent, which fetch does
 * not.
 */
import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import type { z } from 'zod'
import { ProtocolError, UnreachableError } from '#node'
import { errorOfBody } from './http-error.ts'
import { errorMessage } from './message-parts.ts'
import type { Token } from './token.ts'

const LOOPBACK = '127.0.0.1'
/** Answers of a few hundred servers fit. */
export const JSON_MAX_BYTES = 16 * 1024 * 1024
/** The trailer that ends a get names every server that failed. */
const HEADERS_MAX_BYTES = 1024 * 1024

export interface DaemonCall {
  readonly method: 'GET' | 'PUT' | 'POST'
  /** With its query. Never a capability. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Sent as JSON. */
  readonly body?: object | undefined
  readonly signal?: AbortSignal | undefined
}

export class DaemonConnection {
  readonly #agent = new Agent({ keepAlive: true })
  readonly #port: number
  readonly #token: Token

  constructor(port: number, token: Token) {
    this.#port = port
    this.#token = token
  }

  /** @param options.withToken false for the one call that proves who is there */
  open(call: DaemonCall, options: { readonly withToken: boolean }): ClientRequest {
    call.signal?.throwIfAborted()
    return httpRequest({
      host: LOOPBACK,
      port: this.#port,
      agent: this.#agent,
      method: call.method,
      path: call.path,
      maxHeaderSize: HEADERS_MAX_BYTES,
      headers: {
        ...call.headers,
        ...(options.withToken ? { authorization: `Bearer ${this.#token.reveal()}` } : {}),
      },
    })
  }

  /** @throws the error that the daemon answers with */
  async call(call: DaemonCall, options = { withToken: true }): Promise<IncomingMessage> {
    const { body } = call
    const headers = { ...call.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
    const request = this.open({ ...call, headers }, options)
    const answered = responseOf(request, call.signal)
    if (body === undefined) request.end()
    else request.end(JSON.stringify(body))
    return requireSuccess(await answered)
  }

  async callJson<Result>(
    call: DaemonCall,
    result: z.ZodType<Result>,
    options = { withToken: true },
  ): Promise<Result> {
    return readJson(await this.call(call, options), result)
  }

  close(): void {
    this.#agent.destroy()
  }
}

/**
 * The head of the response. Aborting breaks off the response's body too.
 *
 * @throws UnreachableError, or the signal's reason
 */
export async function responseOf(
  request: ClientRequest,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  // Without an error: the connection may be between two requests, where nobody listens for one.
  const abort = () => void request.destroy()
  signal?.addEventListener('abort', abort, { once: true })
  request.once('close', () => {
    signal?.removeEventListener('abort', abort)
    reject(new UnreachableError('the daemon closed the connection without an answer'))
  })
  request.once('response', resolve)
  request.on('error', (cause) => {
    reject(
      signal?.aborted === true
        ? signal.reason
        : new UnreachableError('the daemon does not answer', {}, { cause }),
    )
  })
  return promise
}

/** @throws the error that the response holds instead of a success */
export async function requireSuccess(response: IncomingMessage): Promise<IncomingMessage> {
  const status = response.statusCode ?? 0
  if (status >= 200 && status < 300) return response
  throw errorOfBody(await readJson(response, errorMessage))
}

export async function readJson<Result>(
  response: IncomingMessage,
  result: z.ZodType<Result>,
): Promise<Result> {
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  for await (const bytes of bytesOf(response, undefined)) {
    parts.push(bytes)
    sizeBytes += bytes.length
    if (sizeBytes > JSON_MAX_BYTES) throw new ProtocolError(`an answer of more than ${JSON_MAX_BYTES} bytes`)
  }
  return parseJson(Buffer.concat(parts).toString('utf8'), result)
}

export function parseJson<Result>(text: string, result: z.ZodType<Result>): Result {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new ProtocolError('the daemon answered with something that is not JSON', {}, { cause })
  }
  const parsed = result.safeParse(value)
  if (parsed.success) return parsed.data
  const paths = parsed.error.issues.map(({ path }) => path.join('.')).join(', ')
  throw new ProtocolError(
    `the daemon's answer is not what API.md says, at ${paths}; are its version and ours the same?`,
  )
}

/** The body as it comes. @throws UnreachableError if it breaks off, or the signal's reason */
export async function* bytesOf(
  response: IncomingMessage,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const bytes of response) if (bytes instanceof Uint8Array) yield bytes
  } catch (cause) {
    signal?.throwIfAborted()
    throw new UnreachableError('the daemon broke off its answer', {}, { cause })
  }
}
