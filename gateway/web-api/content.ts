/** GET and HEAD of what a file or slot holds (WEB-API.md §5). */
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { InvalidInputError } from '#crypto'
import type { ByteRange } from '#node'
import type { ContentCapability } from '../capabilities.ts'
import type { Content } from '../files.ts'
import { contentRange } from '../range.ts'
import { contentTypeOf, dispositionOf, GUARDED_HEADERS, STORED_CONTENT_POLICY } from './answer-headers.ts'
import { parseWantedRange, resolvedRange, type WantedRange } from './content-range.ts'
import { canChange, entityTagOf, isKnownToClient, isSameRange } from './content-version.ts'
import { drained } from './stall.ts'
import type { WebCall } from './web-call.ts'

/** Of a slot that is written while it is read, the range of the version that was looked at is tried this often. */
const READ_ROUNDS_MAX = 4

/** @param name the last one of the path; undefined if the capability alone was given */
export async function sendContent(
  call: WebCall,
  { capability, name }: { readonly capability: ContentCapability; readonly name: string | undefined },
): Promise<FastifyReply | undefined> {
  const { args, request, reply, parts } = call
  const fileName = args.text('filename') ?? name
  const headers = {
    'content-type': contentTypeOf(fileName),
    'content-security-policy': STORED_CONTENT_POLICY,
    // A browser may keep it, and asks each time whether it still holds.
    'cache-control': 'private, no-cache',
    'accept-ranges': 'bytes',
    ...definedHeader('content-disposition', dispositionOf(fileName, args.truth('save') === true)),
  }
  const known = entityTagOf(capability, { token: parts.token, version: undefined })
  const unwanted = request.headers['if-none-match']
  if (known !== undefined && isKnownToClient(unwanted, known)) return notModified(reply, headers, known)
  const isHead = request.method === 'HEAD'
  const wanted = isHead ? ({ kind: 'whole' } as const) : parseWantedRange(request.headers.range)
  const { content, isPart, tag } = await openContent(call, capability, wanted)
  if (tag !== undefined && isKnownToClient(unwanted, tag)) {
    await content.close()
    return notModified(reply, headers, tag)
  }
  reply.hijack()
  const { range, fileSizeBytes } = content
  reply.raw.writeHead(isPart ? 206 : 200, {
    ...GUARDED_HEADERS,
    ...headers,
    ...definedHeader('etag', tag),
    ...(isPart ? { 'content-range': contentRange(range, fileSizeBytes) } : {}),
    'content-length': range.end - range.start,
  })
  if (isHead) {
    await content.close()
    reply.raw.end()
  } else {
    await pump(call, reply.raw, content)
  }
  return undefined
}

interface OpenedContent {
  readonly content: Content
  readonly isPart: boolean
  readonly tag: string | undefined
}

/** @throws RangeRefusedError if no byte is in the range */
async function openContent(
  call: WebCall,
  capability: ContentCapability,
  wanted: WantedRange,
): Promise<OpenedContent> {
  const { parts, signal, request } = call
  const tagOf = ({ version }: Content) => entityTagOf(capability, { token: parts.token, version })
  const open = (range?: ByteRange) => parts.files.get(capability, { range, signal })
  const ifRange = request.headers['if-range']?.toString()
  if (wanted.kind === 'from' && !canChange(capability)) {
    const part = await openFrom(open, wanted)
    if (part !== undefined) {
      if (isSameRange(ifRange, tagOf(part))) return { content: part, isPart: true, tag: tagOf(part) }
      await part.close()
    }
  }
  for (let round = 0; ; round += 1) {
    const whole = await open()
    const tag = tagOf(whole)
    const isWhole = wanted.kind === 'whole' || !isSameRange(ifRange, tag) || round === READ_ROUNDS_MAX
    if (isWhole) return { content: whole, isPart: false, tag }
    await whole.close()
    const part = await open(resolvedRange(wanted, whole.fileSizeBytes))
    if (tagOf(part) === tag && part.fileSizeBytes === whole.fileSizeBytes) {
      return { content: part, isPart: true, tag }
    }
    await part.close()
  }
}

/** Without a look at the size first; undefined if the range may lie behind the end. */
async function openFrom(
  open: (range: ByteRange) => Promise<Content>,
  { start, end }: ByteRange,
): Promise<Content | undefined> {
  try {
    const part = await open({ start, end })
    if (part.range.end > part.range.start) return part
    await part.close()
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error
  }
  return undefined
}

/** When something fails on the way the connection is cut, so that the client misses bytes of the length it was told. */
async function pump({ parts, signal, reply }: WebCall, raw: ServerResponse, content: Content): Promise<void> {
  try {
    for await (const bytes of content.content) {
      if (!raw.write(bytes)) await drained(parts.clock, raw, signal)
    }
    raw.end()
  } catch (error) {
    parts.failureBodyOf(reply, error)
    raw.destroy()
  } finally {
    await content.close()
  }
}

function notModified(
  reply: FastifyReply,
  headers: Readonly<Record<string, string>>,
  tag: string,
): FastifyReply {
  return reply.status(304).headers({ 'cache-control': headers['cache-control'], etag: tag }).send()
}

function definedHeader(name: string, value: string | undefined): Readonly<Record<string, string>> {
  return value === undefined ? {} : { [name]: value }
}
