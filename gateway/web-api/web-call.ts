/** What every form of the web API works with, and how it answers. */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Capability, formatCapability } from '#crypto'
import type { Clock } from '#node'
import { LINES_TYPE } from '../routes/lines.ts'
import type { RouteParts } from '../server.ts'
import type { Arguments } from './arguments.ts'
import type { Operations } from './operations.ts'
import { destroyUnlessTaken } from './stall.ts'

export interface WebParts extends RouteParts {
  readonly clock: Clock
  readonly operations: Operations
}

export interface WebCall {
  readonly parts: WebParts
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly args: Arguments
  /** Aborts when the client goes away or the gateway stops. */
  readonly signal: AbortSignal
}

/** A capability as Tahoe's clients read it: the text alone. */
export function sendCapability(
  { reply }: Pick<WebCall, 'reply'>,
  capability: Capability,
  status = 200,
): FastifyReply {
  return sendText(reply, formatCapability(capability), status)
}

export function sendText(reply: FastifyReply, text: string, status = 200): FastifyReply {
  return reply.status(status).type('text/plain; charset=utf-8').send(text)
}

/**
 * Send text as it is made, as fast as the client reads it; one that takes nothing for a minute is given up. What fails
 * before the first piece has a status of its own; after it the answer is cut short.
 */
export async function sendPieces(
  { reply, parts }: Pick<WebCall, 'reply' | 'parts'>,
  type: string,
  pieces: AsyncIterable<string>,
): Promise<FastifyReply> {
  const iterator = pieces[Symbol.asyncIterator]()
  const first = await iterator.next()
  // Lines tell how work goes on, and wait for nothing.
  const gatherLength = type === LINES_TYPE ? 0 : GATHER_LENGTH
  async function* all(): AsyncGenerator<Buffer, void, undefined> {
    let gathered = ''
    try {
      for (let next = first; next.done !== true; next = await iterator.next()) {
        gathered += next.value
        if (gathered.length < gatherLength) continue
        const waiting = destroyUnlessTaken(parts.clock, reply.raw)
        try {
          yield Buffer.from(gathered)
        } finally {
          waiting[Symbol.dispose]()
        }
        gathered = ''
      }
      if (gathered !== '') yield Buffer.from(gathered)
    } finally {
      await iterator.return?.()
    }
  }
  return reply.type(type).send(Readable.from(all(), { objectMode: false }))
}

/** One write of some 50 children. */
const GATHER_LENGTH = 16 * 1024
