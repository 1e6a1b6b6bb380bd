/** Answers that come as lines of JSON: progress, or one thing after the other. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { SlotWarning } from '#node'
import type { WarnedOptions } from '../directories.ts'
import type { RouteParts } from '../server.ts'

export const LINES_TYPE = 'application/x-ndjson'
export const LINES_HEADERS = Object.freeze({ 'content-type': LINES_TYPE, 'cache-control': 'no-store' })

/**
 * Send each thing as a line, at the pace at which the client takes them: the work waits when it reads slowly. What
 * fails before the first one has a status of its own.
 */
export async function sendLines<Item>(
  parts: RouteParts,
  reply: FastifyReply,
  work: {
    readonly start: (options: WarnedOptions) => AsyncIterable<Item>
    readonly messageOf: (item: Item) => object
  },
): Promise<undefined> {
  const signal = parts.signalOf(reply)
  const warnings: SlotWarning[] = []
  const items = work.start({ signal, onWarning: (warning) => warnings.push(warning) })[Symbol.asyncIterator]()
  const lines = new LineWriter(reply.raw, signal)
  try {
    let next = await items.next()
    reply.hijack()
    reply.raw.writeHead(200, LINES_HEADERS)
    try {
      for (; ; next = await items.next()) {
        for (const warning of warnings.splice(0)) await lines.write({ warning })
        if (next.done === true) break
        await lines.write({ item: work.messageOf(next.value) })
      }
      await lines.write({ end: true })
    } catch (error) {
      lines.writeLast({ error: parts.failureBodyOf(reply, error) })
    }
    lines.end()
  } finally {
    await items.return?.()
  }
  return undefined
}

/** Gathers what comes at once into one write, and holds nothing back while the work waits for something else. */
class LineWriter {
  readonly #raw: ServerResponse
  readonly #signal: AbortSignal
  #gathered = ''
  #later: NodeJS.Immediate | undefined

  constructor(raw: ServerResponse, signal: AbortSignal) {
    this.#raw = raw
    this.#signal = signal
  }

  /** Resolves once there is room for more. @throws if the client goes away before there is */
  async write(line: object): Promise<void> {
    this.writeLast(line)
    if (this.#gathered.length < GATHER_LENGTH) return
    this.#flush()
    if (this.#raw.writableNeedDrain) await once(this.#raw, 'drain', { signal: this.#signal })
  }

  writeLast(line: object): void {
    this.#gathered += `${JSON.stringify(line)}\n`
    this.#later ??= setImmediate(() => this.#flush())
  }

  end(): void {
    this.#flush()
    this.#raw.end()
  }

  #flush(): void {
    clearImmediate(this.#later)
    this.#later = undefined
    const text = this.#gathered
    this.#gathered = ''
    if (text !== '') this.#raw.write(text)
  }
}

/** One write of some 50 children. */
const GATHER_LENGTH = 16 * 1024
