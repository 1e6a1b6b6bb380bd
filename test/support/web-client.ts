/** A plain HTTP client that sends what it is told, byte for byte: fetch would normalize paths and choose headers. */
import { once } from 'node:events'
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import { type Gateway, openGateway } from '#gateway'
import { MemoryDisk, silentLog, systemRandom } from '#node'
import { closeLater, localStage, type Stage } from './grid-stages.ts'

export interface WebAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
  readonly text: string
}

export interface WebRequest {
  readonly headers?: OutgoingHttpHeaders | undefined
  readonly body?: string | Uint8Array | undefined
}

export class WebClient {
  readonly gateway: Gateway
  readonly #headers: OutgoingHttpHeaders

  constructor(gateway: Gateway, headers?: OutgoingHttpHeaders) {
    this.gateway = gateway
    this.#headers = headers ?? { authorization: `Bearer ${gateway.token.reveal()}` }
  }

  async ask(method: string, path: string, { headers, body }: WebRequest = {}): Promise<WebAnswer> {
    const request = httpRequest({
      host: '127.0.0.1',
      port: this.gateway.port,
      method,
      path,
      headers: { ...this.#headers, ...headers },
    })
    request.end(body)
    const [response] = await once(request, 'response')
    const parts: Buffer[] = []
    for await (const bytes of response) parts.push(bytes)
    const all = Buffer.concat(parts)
    return { status: response.statusCode, headers: response.headers, bytes: all, text: all.toString('utf8') }
  }

  /** The answer of what must succeed. */
  async text(method: string, path: string, request: WebRequest = {}): Promise<string> {
    const answer = await this.ask(method, path, request)
    if (answer.status >= 400) throw new Error(`${method}: ${answer.status} ${answer.text}`)
    return answer.text
  }

  async json(method: string, path: string, request: WebRequest = {}): Promise<unknown> {
    return JSON.parse(await this.text(method, path, request))
  }
}

export interface WebStage extends Stage {
  readonly client: WebClient
}

/** A gateway over a grid in memory. */
export async function webStage(
  options: Partial<Parameters<typeof openGateway>[0]> = {},
  serverCount = 5,
): Promise<WebStage> {
  const stage = await localStage(serverCount)
  const spool = { disk: new MemoryDisk({ capacityBytes: 1e8 }), folder: '/spool' }
  const parts = { files: stage.files, log: silentLog, random: systemRandom, port: 0, spool }
  const gateway = await openGateway({ ...parts, ...options })
  closeLater(gateway)
  return { ...stage, client: new WebClient(gateway) }
}

export function multipart(
  fields: readonly (readonly [name: string, value: string | Uint8Array, fileName?: string])[],
): { readonly headers: OutgoingHttpHeaders; readonly body: Uint8Array } {
  const boundary = 'xxSTRANGExBOUNDARYxx'
  const parts = fields.map(([name, value, fileName]) =>
    Buffer.concat([
      Buffer.from(
        `--${boundary}\r\nContent-Disposition: form-data; name="${name}"` +
          `${fileName === undefined ? '' : `; filename="${fileName}"`}\r\n\r\n`,
      ),
      typeof value === 'string' ? Buffer.from(value) : value,
      Buffer.from('\r\n'),
    ]),
  )
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
  }
}
