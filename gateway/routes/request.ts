/** What several routes read from a request. */
import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type Capability, InvalidInputError, parseCapability } from '#crypto'
import { type ShareNumbers, UnreachableError, type UploadSource } from '#node'

export const CAPABILITY_HEADER = 'cairn-capability'
/** A forecast of the body's size, for a body that is sent without Content-Length. */
export const SIZE_HEADER = 'cairn-size'

/** Capabilities travel in a header: paths and queries end up in logs. @throws InvalidInputError */
export function capabilityOf(request: FastifyRequest): Capability {
  const text = request.headers[CAPABILITY_HEADER]
  if (typeof text !== 'string') throw new InvalidInputError(`the header ${CAPABILITY_HEADER} is wanted`)
  return parseCapability(text.trim())
}

export function hasCapability(request: FastifyRequest): boolean {
  return request.headers[CAPABILITY_HEADER] !== undefined
}

/** Whether there is one at all (RFC 9112 §6). */
export function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

const shareNumber = z.coerce.number().int().optional()

export const truth = z.enum(['true', 'false'])

/** Of the query of what uploads. */
export const numbersQuery = { needed: shareNumber, happy: shareNumber, total: shareNumber }

export function numbersOf(query: {
  readonly needed?: number | undefined
  readonly happy?: number | undefined
  readonly total?: number | undefined
}): { readonly [Number in keyof ShareNumbers]: number | undefined } {
  return { neededShares: query.needed, happyServers: query.happy, totalShares: query.total }
}

/** Asks for the body, where a client waits to be asked, once somebody reads it. */
export function bodyOf(request: FastifyRequest, reply: FastifyReply): UploadSource {
  const forecast = Number(request.headers[SIZE_HEADER] ?? request.headers['content-length'])
  return {
    sizeBytes: Number.isSafeInteger(forecast) && forecast >= 0 ? forecast : undefined,
    rereadable: false,
    open: () => {
      if (request.headers.expect !== undefined) reply.raw.writeContinue()
      return wholeBody(request.raw)
    },
  }
}

/**
 * Read a whole body of JSON, strictly.
 *
 * @throws InvalidInputError if it is too long, is no JSON, or is not what the schema says; never quoting it
 */
export async function jsonOf<Output>(
  call: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  schema: z.ZodType<Output>,
  sizeMaxBytes: number,
): Promise<Output> {
  const body = bodyOf(call.request, call.reply)
  const tooLong = () => new InvalidInputError(`a body of at most ${sizeMaxBytes} bytes is wanted`)
  if (body.sizeBytes !== undefined && body.sizeBytes > sizeMaxBytes) throw tooLong()
  const parsed = schema.safeParse(jsonValueOf(await bytesUpTo(body.open(), sizeMaxBytes, tooLong)))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  // Of what zod says itself only the place is told: its words may quote a key, and so the body.
  const what = issue?.code === 'custom' ? issue.message : 'what API.md says is wanted'
  throw new InvalidInputError(`the body is malformed at ${placeOf(issue?.path ?? [])}: ${what}`)
}

/** A short body, whole. @throws what `tooLong` makes, once there is more */
export async function bytesUpTo(
  body: AsyncIterable<Uint8Array>,
  sizeMaxBytes: number,
  tooLong: () => Error,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let sizeBytes = 0
  for await (const bytes of body) {
    pieces.push(bytes)
    sizeBytes += bytes.length
    if (sizeBytes > sizeMaxBytes) throw tooLong()
  }
  return Buffer.concat(pieces)
}

function placeOf(path: readonly PropertyKey[]): string {
  return path.length === 0 ? 'its top' : path.map(String).join('.').slice(0, PLACE_LENGTH_MAX)
}

const PLACE_LENGTH_MAX = 100

function jsonValueOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    // The cause would quote the body.
    throw new InvalidInputError('a body of JSON, in UTF-8, is wanted')
  }
}

/**
 * A body that is not read to its end must not take the connection along, for the answer goes out on it; what is left
 * is read and dropped, so that the next request on it is heard.
 */
async function* wholeBody(raw: IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const bytes of raw.iterator({ destroyOnReturn: false })) {
      if (bytes instanceof Uint8Array) yield bytes
    }
  } catch (cause) {
    throw new UnreachableError('the client broke off its body', {}, { cause })
  } finally {
    raw.resume()
  }
}
