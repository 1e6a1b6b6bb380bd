/** Put and get of whole files (API.md §4). */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { InvalidInputError } from '#crypto'
import type { SlotWarning } from '#node'
import { type ByteRange, whileOpen } from '#node'
import { requireContent } from '../capabilities.ts'
import type { Content } from '../files.ts'
import type { ErrorBody } from '../http-error.ts'
import { putMessageOf } from '../messages.ts'
import { contentRange, parseRangeHeader } from '../range.ts'
import type { RouteParts } from '../server.ts'
import { bodyOf, capabilityOf, numbersOf, numbersQuery, truth } from './request.ts'

/** Size of the whole file, whatever part of it is sent. */
export const FILE_SIZE_HEADER = 'cairn-file-size'
/** Of a slot: which record holds. */
export const VERSION_HEADER = 'cairn-version'
/** The trailer that says how a stream ended: `{failures}` or `{error}`. */
export const OUTCOME_TRAILER = 'cairn-outcome'

const putQuery = z.strictObject({
  ...numbersQuery,
  convergent: truth.optional(),
  'binding-lease': truth.optional(),
})

export function addFileRoutes(app: FastifyInstance, parts: RouteParts): void {
  app.put('/v1/files', async (request, reply) => {
    const query = putQuery.safeParse(request.query)
    if (!query.success) {
      throw new InvalidInputError(
        'needed, happy, total (numbers), convergent and binding-lease (true, false) wanted',
      )
    }
    const { convergent, 'binding-lease': bindingLease, ...numbers } = query.data
    const options = {
      numbers: numbersOf(numbers),
      convergent: convergent === 'true',
      bindingLease: bindingLease === 'true',
      signal: parts.signalOf(reply),
    }
    const body = bodyOf(request, reply)
    if (!options.convergent) return putMessageOf(await parts.files.put(body, options))
    const spooled = await parts.spool.keep(body.open())
    return putMessageOf(await whileOpen(spooled, () => parts.files.put(spooled, options)))
  })

  app.get('/v1/files', async (request, reply) => {
    const capability = requireContent(capabilityOf(request))
    const range = parseRangeHeader(request.headers.range)
    const signal = parts.signalOf(reply)
    const warnings: SlotWarning[] = []
    const onWarning = (warning: SlotWarning): void => void warnings.push(warning)
    const download = await parts.files.get(capability, { range, signal, onWarning })
    reply.hijack()
    await sendContent(reply.raw, download, {
      range,
      signal,
      warnings,
      withTrailers: takesTrailers(request),
      failureBodyOf: (error) => parts.failureBodyOf(reply, error),
    })
  })
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
  download: Content,
  options: {
    readonly range: ByteRange | undefined
    readonly signal: AbortSignal
    readonly warnings: readonly SlotWarning[]
    readonly withTrailers: boolean
    failureBodyOf(error: unknown): ErrorBody
  },
): Promise<void> {
  const { range, fileSizeBytes } = download
  const isPart = options.range !== undefined && range.end > range.start
  raw.writeHead(isPart ? 206 : 200, {
    'content-type': 'application/octet-stream',
    'cache-control': 'no-store',
    'accept-ranges': 'bytes',
    [FILE_SIZE_HEADER]: fileSizeBytes,
    ...(download.version === undefined ? {} : { [VERSION_HEADER]: download.version }),
    ...(isPart ? { 'content-range': contentRange(range, fileSizeBytes) } : {}),
    ...(options.withTrailers ? { trailer: OUTCOME_TRAILER } : { 'content-length': range.end - range.start }),
  })
  try {
    for await (const bytes of download.content) {
      if (!raw.write(bytes)) await once(raw, 'drain', { signal: options.signal })
    }
    endWith(raw, options, { failures: download.failures(), warnings: options.warnings })
  } catch (error) {
    if (options.withTrailers) endWith(raw, options, { error: options.failureBodyOf(error) })
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
