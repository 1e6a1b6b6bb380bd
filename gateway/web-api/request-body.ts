/** Bodies of requests, read no longer than they move. */
import { InvalidInputError } from '#crypto'
import { type Clock, type UploadSource, untilAborted } from '#node'
import { bodyOf, bytesUpTo } from '../routes/request.ts'
import { moving } from './stall.ts'
import type { WebCall } from './web-call.ts'

const WHAT = 'the body of the request'

/** The body. Its reader gets TimeoutError once it stands still for a minute. */
export function requestBody({ parts, request, reply }: WebCall): UploadSource {
  const body = bodyOf(request, reply)
  return { ...body, open: () => watched(parts.clock, body.open()) }
}

async function* watched(
  clock: Clock,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = bytes[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await moving(clock, WHAT, (signal) => untilAborted(iterator.next(), signal))
      if (next.done === true) return
      yield next.value
    }
  } finally {
    // Not waited for: what stands still would not end either.
    iterator.return?.()?.catch?.(() => undefined)
  }
}

/** For a body that is read whole: its reading ends within a minute. @throws TimeoutError */
export async function readWithin<Result>(clock: Clock, read: () => Promise<Result>): Promise<Result> {
  return await moving(clock, WHAT, (signal) => untilAborted(read(), signal))
}

/** A short body, whole. @throws InvalidInputError if it is longer */
export async function textBody(call: WebCall, sizeMaxBytes: number): Promise<string> {
  const tooLong = () =>
    new InvalidInputError(`a body of at most ${sizeMaxBytes} bytes is wanted`, {
      wanted: `at most ${sizeMaxBytes} bytes`,
      found: 'more',
      where: 'body',
    })
  const bytes = await bytesUpTo(requestBody(call).open(), sizeMaxBytes, tooLong)
  return Buffer.from(bytes).toString('utf8')
}
