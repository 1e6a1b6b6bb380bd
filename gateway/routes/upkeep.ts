/** Check, verify and repair: a verify capability is enough (API.md §7). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { requireFileVerify, toVerifyCapability } from '#crypto'
import { deepReportMessageOf } from '../directory-messages.ts'
import type { WatchedOptions, WorkProgress } from '../files.ts'
import type { RouteParts } from '../server.ts'
import { LINES_HEADERS, LINES_TYPE, sendLines } from './lines.ts'
import { capabilityOf } from './request.ts'

export function addUpkeepRoutes(app: FastifyInstance, parts: RouteParts): void {
  const { files } = parts

  app.post('/v1/check', async (request, reply) => {
    return files.check(requireFileVerify(capabilityOf(request)), { signal: parts.signalOf(reply) })
  })

  app.post('/v1/verify', async (request, reply) => {
    const capability = requireFileVerify(capabilityOf(request))
    return answer(parts, { request, reply }, (options) => files.verify(capability, options))
  })

  app.post('/v1/repair', async (request, reply) => {
    const capability = requireFileVerify(capabilityOf(request))
    return answer(parts, { request, reply }, (options) => files.repair(capability, options))
  })

  app.post('/v1/deep/check', async (request, reply) => {
    const root = toVerifyCapability(capabilityOf(request))
    const start = (options: object) => files.checkDeep(root, options)
    return sendLines(parts, reply, { start, messageOf: deepReportMessageOf })
  })

  app.post('/v1/deep/verify', async (request, reply) => {
    const root = toVerifyCapability(capabilityOf(request))
    const start = (options: object) => files.verifyDeep(root, options)
    return sendLines(parts, reply, { start, messageOf: deepReportMessageOf })
  })

  app.post('/v1/deep/repair', async (request, reply) => {
    const root = toVerifyCapability(capabilityOf(request))
    const start = (options: object) => files.repairDeep(root, options)
    return sendLines(parts, reply, { start, messageOf: deepReportMessageOf })
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
  raw.writeHead(200, LINES_HEADERS)
  const writeLine = (line: object): void => void raw.write(`${JSON.stringify(line)}\n`)
  try {
    const result = await work({ signal, onProgress: eachPercent((progress) => writeLine({ progress })) })
    writeLine({ result })
  } catch (error) {
    writeLine({ error: parts.failureBodyOf(reply, error) })
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
