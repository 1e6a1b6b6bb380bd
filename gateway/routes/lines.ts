/** Answers that come as lines of JSON: progress, or one thing after the other. */
import { once } from 'node:events'
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
  const { raw } = reply
  const writeLine = async (line: object): Promise<void> => {
    if (!raw.write(`${JSON.stringify(line)}\n`)) await once(raw, 'drain', { signal })
  }
  try {
    let next = await items.next()
    reply.hijack()
    raw.writeHead(200, LINES_HEADERS)
    try {
      for (; ; next = await items.next()) {
        for (const warning of warnings.splice(0)) await writeLine({ warning })
        if (next.done === true) break
        await writeLine({ item: work.messageOf(next.value) })
      }
      raw.write('{"end":true}\n')
    } catch (error) {
      raw.write(`${JSON.stringify({ error: parts.failureBodyOf(reply, error) })}\n`)
    }
    raw.end()
  } finally {
    await items.return?.()
  }
  return undefined
}
