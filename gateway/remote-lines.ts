/** The client's side of answers that come as lines of JSON (API.md §8). */
import type { IncomingMessage } from 'node:http'
import type { z } from 'zod'
import { ProtocolError, UnreachableError } from '#node'
import {
  bytesOf,
  type DaemonCall,
  type DaemonConnection,
  JSON_MAX_BYTES,
  parseJson,
} from './daemon-request.ts'
import type { WarnedOptions } from './directories.ts'
import type { WatchedOptions } from './files.ts'
import { errorOfBody } from './http-error.ts'
import { itemMessage, lineMessage } from './messages.ts'

const LINES_TYPE = 'application/x-ndjson'

/** Of work that tells how far it is: its result. @throws the error that the daemon ends with */
export async function resultOf<Result>(
  daemon: DaemonConnection,
  call: DaemonCall,
  options: WatchedOptions & { readonly result: z.ZodType<Result> },
): Promise<Result> {
  const message = lineMessage(options.result)
  const response = await daemon.call({ ...call, headers: { ...call.headers, accept: LINES_TYPE } })
  let last: { readonly result: Result } | undefined
  for await (const text of linesOf(response, call.signal)) {
    const line = parseJson(text, message)
    if ('error' in line) throw errorOfBody(line.error)
    if ('progress' in line) options.onProgress?.(line.progress)
    else last = line
  }
  if (last === undefined) throw new UnreachableError('the daemon broke off its answer')
  return last.result
}

/** One thing after the other, as fast as they are taken. @throws the error that the daemon ends with */
export async function* itemsOf<Item>(
  daemon: DaemonConnection,
  call: DaemonCall,
  options: WarnedOptions & { readonly item: z.ZodType<Item> },
): AsyncGenerator<Item, void, undefined> {
  const message = itemMessage(options.item)
  const response = await daemon.call(call)
  let isWhole = false
  for await (const text of linesOf(response, call.signal)) {
    call.signal?.throwIfAborted()
    const line = parseJson(text, message)
    if ('error' in line) throw errorOfBody(line.error)
    if ('item' in line) yield line.item
    else if ('warning' in line) options.onWarning?.(line.warning)
    else isWhole = true
  }
  if (!isWhole) throw new UnreachableError('the daemon broke off its answer')
}

/** Read to the end the connection serves the next call; given up earlier it is cut, and the work with it. */
async function* linesOf(
  response: IncomingMessage,
  signal: AbortSignal | undefined,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of bytesOf(response, signal)) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > JSON_MAX_BYTES) throw new ProtocolError(`a line of more than ${JSON_MAX_BYTES} bytes`)
    yield* lines
  }
}
