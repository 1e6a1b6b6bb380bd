/** Contents on their way to a daemon and back. */
import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { z } from 'zod'
import { ProtocolError, type ServerFailure, UnreachableError, type UploadSource } from '#node'
import {
  bytesOf,
  type DaemonConnection,
  parseJson,
  readJson,
  requireSuccess,
  responseOf,
} from './daemon-request.ts'
import type { Content, GetOptions, PutSlotOptions } from './files.ts'
import { errorOfBody } from './http-error.ts'
import { outcomeMessage } from './messages.ts'

export interface SourceCall extends PutSlotOptions {
  /** With its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly source: UploadSource
}

/** PUT a source as the body. @throws the error that the daemon answers with, or what the source fails with */
export async function sendSource<Result>(
  daemon: DaemonConnection,
  call: SourceCall,
  result: z.ZodType<Result>,
): Promise<Result> {
  const { path, source, signal } = call
  const { sizeBytes } = source
  const headers = {
    ...call.headers,
    expect: '100-continue',
    ...(sizeBytes === undefined ? {} : { 'cairn-size': String(sizeBytes) }),
  }
  const request = daemon.open({ method: 'PUT', path, headers, signal }, { withToken: true })
  const answered = responseOf(request, signal)
  try {
    const sent = sendWhenAsked(request, source, call)
    const response = await Promise.race([answered, sent.then(() => answered)])
    return await readJson(await requireSuccess(response), result)
  } finally {
    // An answer that came early leaves a body half sent: the connection is of no more use.
    if (!request.writableFinished) request.destroy()
    answered.catch(() => undefined)
  }
}

/** Send the body once the daemon asks for it. Resolves when it is sent, or when nobody wants it any more. */
async function sendWhenAsked(
  request: ClientRequest,
  source: UploadSource,
  options: PutSlotOptions,
): Promise<void> {
  request.flushHeaders()
  const over = new AbortController()
  request.once('response', () => over.abort())
  request.once('close', () => over.abort())
  try {
    await once(request, 'continue', { signal: over.signal })
    let doneBytes = 0
    for await (const bytes of source.open()) {
      if (over.signal.aborted) return
      if (!request.write(bytes)) await once(request, 'drain', { signal: over.signal })
      doneBytes += bytes.length
      options.onProgress?.({ doneBytes, totalBytes: source.sizeBytes, serversLost: 0 })
    }
    request.end()
  } catch (error) {
    if (over.signal.aborted) return
    throw error
  }
}

export function downloadOf(response: IncomingMessage, options: GetOptions): Content {
  const { signal, onWarning } = options
  const failures: ServerFailure[] = []
  async function* content(): AsyncGenerator<Uint8Array, void, undefined> {
    yield* bytesOf(response, signal)
    signal?.throwIfAborted()
    const outcome = response.trailers['cairn-outcome']
    if (outcome === undefined) throw new UnreachableError('the daemon broke off its answer')
    const parsed = parseJson(outcome, outcomeMessage)
    if ('error' in parsed) throw errorOfBody(parsed.error)
    failures.push(...parsed.failures)
    for (const warning of parsed.warnings) onWarning?.(warning)
  }
  const fileSizeBytes = Number(response.headers['cairn-file-size'])
  if (!Number.isSafeInteger(fileSizeBytes))
    throw new ProtocolError('the daemon did not tell the size of the file')
  const version = response.headers['cairn-version']
  return {
    version: typeof version === 'string' ? version : undefined,
    fileSizeBytes,
    range: rangeOf(response, fileSizeBytes),
    content: content(),
    failures: () => failures,
    close: async () => void response.destroy(),
  }
}

function rangeOf(response: IncomingMessage, fileSizeBytes: number): { start: number; end: number } {
  const found = /^bytes (\d+)-(\d+)\//.exec(response.headers['content-range'] ?? '')
  if (found === null) return { start: 0, end: fileSizeBytes }
  return { start: Number(found[1]), end: Number(found[2]) + 1 }
}
