/**
 * Standard output by its descriptor. A slow reader then holds up a thread and not the event loop, which has a grid to
 * answer; process.stdout would write synchronously.
 */
import { write } from 'node:fs'
import { promisify } from 'node:util'
import { NoSpaceError } from '#node'
import { BrokenPipe } from './exit-code.ts'

const STDOUT = 1
/** A pipe that somebody made non-blocking is tried again after so long. */
const RETRY_MILLISECONDS = 5

const writeDescriptor = promisify(write)
let last: Promise<void> = Promise.resolve()

/** Writes are kept in order. @throws BrokenPipe when the reader has gone, NoSpaceError when its disk is full */
export function writeOut(bytes: Uint8Array): Promise<void> {
  const writing = last.then(() => writeAll(bytes))
  last = writing.catch(() => undefined)
  return writing
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += (await writeDescriptor(STDOUT, bytes, done, bytes.length - done)).bytesWritten
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code === 'EPIPE') throw new BrokenPipe('nobody reads standard output')
      if (code === 'ENOSPC') throw new NoSpaceError('no space for standard output', {}, { cause: error })
      if (code !== 'EAGAIN') throw error
      await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS))
    }
  }
}
