/** Put and get of whole files (API.md §4). */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { InvalidInputError, requireRead } from '#crypto'
import { type ByteRange, type Download, type UploadSource, whileOpen } from '#node'
import { errorBodyOf } from '../http-error.ts'
import { putMessageOf } from '../messages.ts'
import { contentRange, parseRangeHeader } from '../range.ts'
import type { RouteParts } from '../server.ts'
import { capabilityOf } from './request.ts'

/** A forecast of the body's size, for a body that is sent without Content-Length. */
export const SIZE_HEADER = 'cairn-size'
/** Size of the whole file, whatever part of it is sent. */
export const FILE_SIZE_HEADER = 'cairn-file-size'
/** The trailer that says how a stream ended: `{failures}` or `{error}`. */
export const OUTCOME_TRAILER = 'cairn-outcome'

const shareNumber = z.coerce.number().int().optional()
const putQuery = z.strictObject({
  needed: shareNumber,
  happy: shareNumber,
  total: shareNumber,
  convergent: z.enum(['true', 'false']).optional(),
})

export function addFileRoutes(app: FastifyInstance, parts: RouteParts): void {
  app.put('/v1/files', async (request, reply) => {
    const query = putQuery.safeParse(request.query)
    if (!query.success)
      throw new InvalidInputError('needed, happy, total (numbers) and convergent (true, false) wanted')
    const { needed, happy, total, convergent } = query.data
    const options = {
      numbers: { neededShares: needed, happyServers: happy, totalShares: total },
      convergent: convergent === 'true',
      signal: parts.signalOf(reply),
    }
    const body = bodyOf(request, reply)
    if (!options.convergent) return putMessageOf(await parts.files.put(body, options))
    const spooled = await parts.spool.keep(body.open())
    return putMessageOf(await whileOpen(spooled, () => parts.files.put(spooled, options)))
  })

  app.get('/v1/files', async (request, reply) => {
    const capability = requireRead(capabilityOf(request))
    const range = parseRangeHeader(request.headers.range)
    const signal = parts.signalOf(reply)
    const download = await parts.files.get(capability, { range, signal })
    reply.hijack()
    await sendContent(reply.raw, download, { range, signal, withTrailers: takesTrailers(request) })
  })
}

function bodyOf(request: FastifyRequest, reply: FastifyReply): UploadSource {
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
 * A body that is not read to its end must not take the connection along, for the answer goes out on it; what is left
 * is read and dropped, so that the next request on it is heard.
 */
async function* wholeBody(raw: IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const bytes of raw.iterator({ destroyOnReturn: false })) {
      if (bytes instanceof Uint8Array) yield bytes
    }
  } finally {
    raw.resume()
  }
}

function takesTrailers(request: FastifyRequest): boolean {
  return request.headers.te?.includes('trailers') === true
}

/**
 * A client that takes trailers learns the reason when a stream breaks off; for any other the connection is cut, so
 * that it misses bytes of the Content-Length it was told.
 */
async function sendContent(
  raw: ServerResponse,
  download: Download,
  options: {
    readonly range: ByteRange | undefined
    readonly signal: AbortSignal
    readonly withTrailers: boolean
  },
): Promise<void> {
  const { range, fileSizeBytes } = download
  const isPart = options.range !== undefined && range.end > range.start
  raw.writeHead(isPart ? 206 : 200, {
    'content-type': 'application/octet-stream',
    'cache-control': 'no-store',
    'accept-ranges': 'bytes',
    [FILE_SIZE_HEADER]: fileSizeBytes,
    ...(isPart ? { 'content-range': contentRange(range, fileSizeBytes) } : {}),
    ...(options.withTrailers ? { trailer: OUTCOME_TRAILER } : { 'content-length': range.end - range.start }),
  })
  try {
    for await (const bytes of download.content) {
      if (!raw.write(bytes)) await once(raw, 'drain', { signal: options.signal })
    }
    endWith(raw, options, { failures: download.failures() })
  } catch (error) {
    if (options.withTrailers) endWith(raw, options, { error: errorBodyOf(error) })
    else raw.destroy()
  } finally {
    await download.close()
  }
}

/** JSON in one line of ASCII, as a header value must be. */
function endWith(raw: ServerResponse, options: { readonly withTrailers: boolean }, outcome: object): void {
  const text = JSON.stringify(outcome).replace(
    /[^ -~]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  if (options.withTrailers) raw.addTrailers({ [OUTCOME_TRAILER]: text })
  raw.end()
}
