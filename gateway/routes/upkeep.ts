/** Check, verify and repair: a verify capability is enough (API.md §5). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { requireFileVerify } from '#crypto'
import type { WatchedOptions, WorkProgress } from '../files.ts'
import { errorBodyOf } from '../http-error.ts'
import type { RouteParts } from '../server.ts'
import { capabilityOf } from './request.ts'

export const LINES_TYPE = 'application/x-ndjson'

export function addUpkeepRoutes(app: FastifyInstance, parts: RouteParts): void {
  app.post('/v1/check', async (request, reply) => {
    return parts.files.check(requireFileVerify(capabilityOf(request)), { signal: parts.signalOf(reply) })
  })

  app.post('/v1/verify', async (request, reply) => {
    const capability = requireFileVerify(capabilityOf(request))
    return answer(parts, { request, reply }, (options) => parts.files.verify(capability, options))
  })

  app.post('/v1/repair', async (request, reply) => {
    const capability = requireFileVerify(capabilityOf(request))
    return answer(parts, { request, reply }, (options) => parts.files.repair(capability, options))
  })
}

/** One JSON document; or, for a client that accepts JSON lines, progress first and the result or error last. */
async function answer(
  parts: RouteParts,
  call: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  work: (options: WatchedOptions) => Promise<object>,
): Promise<object | undefined> {
  const { request, reply } = call
  const signal = parts.signalOf(reply)
  if (request.headers.accept?.includes(LINES_TYPE) !== true) return work({ signal })
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, { 'content-type': LINES_TYPE, 'cache-control': 'no-store' })
  const writeLine = (line: object): void => void raw.write(`${JSON.stringify(line)}\n`)
  try {
    const result = await work({ signal, onProgress: eachPercent((progress) => writeLine({ progress })) })
    writeLine({ result })
  } catch (error) {
    writeLine({ error: errorBodyOf(error) })
  }
  raw.end()
  return undefined
}

/** Of thousands of blocks a client needs to hear of a hundred. */
function eachPercent(onProgress: (progress: WorkProgress) => void): (progress: WorkProgress) => void {
  let told = ''
  return (progress) => {
    const now = `${progress.stage} ${Math.floor((100 * progress.done) / Math.max(1, progress.total))}`
    if (now === told) return
    told = now
    onProgress(progress)
  }
}
