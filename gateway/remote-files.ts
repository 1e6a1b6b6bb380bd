/** The contract over a running daemon's HTTP API. */
import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { z } from 'zod'
import { type Capability, type FileVerifyCapability, formatCapability, type ReadCapability } from '#crypto'
import {
  type CheckReport,
  type Download,
  type DownloadOptions,
  type NodeStatus,
  ProtocolError,
  type Random,
  type RepairReport,
  type ServerFailure,
  UnreachableError,
  type UploadSource,
} from '#node'
import {
  bytesOf,
  DaemonConnection,
  parseJson,
  readJson,
  requireSuccess,
  responseOf,
} from './daemon-request.ts'
import type { Cancellable, GridFiles, PutOptions, PutOutcome, WatchedOptions } from './files.ts'
import { errorOfBody } from './http-error.ts'
import {
  checkMessage,
  helloMessage,
  lineMessage,
  outcomeMessage,
  putMessage,
  repairMessage,
  statusMessage,
} from './messages.ts'
import { formatRangeHeader } from './range.ts'
import { helloProof, isSameText, newNonce, type Token } from './token.ts'

export class RemoteFiles implements GridFiles {
  readonly #daemon: DaemonConnection

  private constructor(daemon: DaemonConnection) {
    this.#daemon = daemon
  }

  /**
   * Connect to a daemon and have it prove that it knows the token. After a crash another program may hold the port.
   *
   * @throws UnreachableError if nobody answers, or somebody else
   */
  static async open(
    place: { readonly port: number; readonly token: Token },
    random: Random,
  ): Promise<RemoteFiles> {
    const daemon = new DaemonConnection(place.port, place.token)
    try {
      const nonce = newNonce(random)
      const call = { method: 'GET', path: '/v1/hello', headers: { 'cairn-nonce': nonce } } as const
      const { proof } = await daemon.callJson(call, helloMessage, { withToken: false })
      if (isSameText(proof, helloProof(place.token, nonce))) return new RemoteFiles(daemon)
    } catch (cause) {
      daemon.close()
      throw new UnreachableError(`no daemon answers on port ${place.port}`, {}, { cause })
    }
    daemon.close()
    throw new UnreachableError(`what answers on port ${place.port} is not the daemon`)
  }

  status(options: Cancellable = {}): Promise<NodeStatus> {
    return this.#daemon.callJson({ method: 'GET', path: '/v1/status', ...options }, statusMessage)
  }

  async put(source: UploadSource, options: PutOptions = {}): Promise<PutOutcome> {
    const headers: Record<string, string> = { expect: '100-continue' }
    if (source.sizeBytes !== undefined) headers['cairn-size'] = String(source.sizeBytes)
    const path = `/v1/files?${putQueryOf(options)}`
    const { signal } = options
    const request = this.#daemon.open({ method: 'PUT', path, headers, signal }, { withToken: true })
    const answered = responseOf(request, signal)
    try {
      const sent = sendWhenAsked(request, source, options)
      const response = await Promise.race([answered, sent.then(() => answered)])
      return await readJson(await requireSuccess(response), putMessage)
    } finally {
      // An answer that came early leaves a body half sent: the connection is of no more use.
      if (!request.writableFinished) request.destroy()
      answered.catch(() => undefined)
    }
  }

  async get(capability: ReadCapability, options: DownloadOptions = {}): Promise<Download> {
    const { range, signal } = options
    const headers = {
      ...headersOf(capability),
      te: 'trailers',
      ...(range === undefined ? {} : { range: formatRangeHeader(range) }),
    }
    const response = await this.#daemon.call({ method: 'GET', path: '/v1/files', headers, signal })
    return downloadOf(response, signal)
  }

  check(capability: FileVerifyCapability, options: Cancellable = {}): Promise<CheckReport> {
    const headers = headersOf(capability)
    return this.#daemon.callJson({ method: 'POST', path: '/v1/check', headers, ...options }, checkMessage)
  }

  verify(capability: FileVerifyCapability, options: WatchedOptions = {}): Promise<CheckReport> {
    return this.#watched('/v1/verify', capability, { ...options, result: checkMessage })
  }

  repair(capability: FileVerifyCapability, options: WatchedOptions = {}): Promise<RepairReport> {
    return this.#watched('/v1/repair', capability, { ...options, result: repairMessage })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#daemon.close()
  }

  async #watched<Result>(
    path: string,
    capability: FileVerifyCapability,
    options: WatchedOptions & { readonly result: z.ZodType<Result> },
  ): Promise<Result> {
    const { signal, onProgress } = options
    const headers = { ...headersOf(capability), accept: 'application/x-ndjson' }
    const response = await this.#daemon.call({ method: 'POST', path, headers, signal })
    const message = lineMessage(options.result)
    for await (const text of linesOf(bytesOf(response, signal))) {
      const line = parseJson(text, message)
      if ('error' in line) throw errorOfBody(line.error)
      if ('result' in line) return line.result
      onProgress?.(line.progress)
    }
    throw new UnreachableError('the daemon broke off its answer')
  }
}

function headersOf(capability: Capability): Readonly<Record<string, string>> {
  return { 'cairn-capability': formatCapability(capability) }
}

function putQueryOf({ numbers, convergent }: PutOptions): string {
  const query = new URLSearchParams()
  if (numbers?.neededShares !== undefined) query.set('needed', String(numbers.neededShares))
  if (numbers?.happyServers !== undefined) query.set('happy', String(numbers.happyServers))
  if (numbers?.totalShares !== undefined) query.set('total', String(numbers.totalShares))
  if (convergent === true) query.set('convergent', 'true')
  return query.toString()
}

/** Send the body once the daemon asks for it. Resolves when it is sent, or when nobody wants it any more. */
async function sendWhenAsked(
  request: ClientRequest,
  source: UploadSource,
  options: PutOptions,
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

function downloadOf(response: IncomingMessage, signal: AbortSignal | undefined): Download {
  const failures: ServerFailure[] = []
  async function* content(): AsyncGenerator<Uint8Array, void, undefined> {
    yield* bytesOf(response, signal)
    signal?.throwIfAborted()
    const outcome = response.trailers['cairn-outcome']
    if (outcome === undefined) throw new UnreachableError('the daemon broke off its answer')
    const parsed = parseJson(outcome, outcomeMessage)
    if ('error' in parsed) throw errorOfBody(parsed.error)
    failures.push(...parsed.failures)
  }
  const fileSizeBytes = Number(response.headers['cairn-file-size'])
  if (!Number.isSafeInteger(fileSizeBytes))
    throw new ProtocolError('the daemon did not tell the size of the file')
  return {
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

async function* linesOf(content: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of content) {
    rest += decoder.decode(bytes, { stream: true })
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}
