/** GET and HEAD (WEB-API.md §5, §6). */
import type { FastifyReply } from 'fastify'
import { formatCapability, toReadCapability } from '#crypto'
import { isDirectory } from '#node'
import { requireContent, requireDirectory } from '../capabilities.ts'
import { sendContent } from './content.ts'
import { describeContent, describeDirectory } from './description.ts'
import { listingJson, listingPage, PAGE_POLICY } from './listing.ts'
import type { WebPath } from './request-path.ts'
import { thingAt } from './tree.ts'
import { sendPieces, sendText, type WebCall } from './web-call.ts'

/** What stands there: the content of a file, the entries of a directory. */
export async function getThing(call: WebCall, path: WebPath): Promise<FastifyReply | undefined> {
  const { capability } = await thingAt(call, path)
  if (!isDirectory(capability)) {
    return sendContent(call, { capability: requireContent(capability), name: path.names.at(-1) })
  }
  const { reply, request } = call
  if (request.method === 'HEAD') return reply.status(200).send()
  if (request.headers.accept?.includes('text/html') !== true) {
    return sendPieces(call, JSON_TYPE, listingJson(call, capability))
  }
  void reply.header('content-security-policy', PAGE_POLICY)
  const place = { capability, names: path.names, root: formatCapability(path.capability) }
  return sendPieces(call, 'text/html; charset=utf-8', listingPage(call, place))
}

/** `t=json` */
export async function getDescription(call: WebCall, path: WebPath): Promise<FastifyReply> {
  const { reply } = call
  const { capability, metadata } = await thingAt(call, path)
  if (isDirectory(capability)) {
    return sendPieces(call, JSON_TYPE, describeDirectory(call, requireDirectory(capability), metadata))
  }
  return reply.type(JSON_TYPE).send(JSON.stringify(await describeContent(call, capability, metadata)))
}

/** `t=uri` and `t=readonly-uri` */
export async function getCapability(
  call: WebCall,
  path: WebPath,
  { isReadOnly }: { readonly isReadOnly: boolean },
): Promise<FastifyReply> {
  const { capability } = await thingAt(call, path)
  return sendText(call.reply, formatCapability(isReadOnly ? toReadCapability(capability) : capability))
}

const JSON_TYPE = 'application/json; charset=utf-8'
