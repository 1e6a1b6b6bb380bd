/** The thread that segment-workers.ts starts: codes one segment after the other. */
import { parentPort } from 'node:worker_threads'
import { type SegmentRequest, serveSegment, transferOf } from '#crypto'
import { nativeBulkCrypto } from './bulk-crypto.ts'

// One at a time: a job is synchronous but for its promises, and the codec serves one call at a time.
let last: Promise<unknown> = Promise.resolve()
parentPort?.on('message', (request: SegmentRequest) => {
  last = last.then(async () => {
    const reply = await serveSegment(nativeBulkCrypto, request)
    parentPort?.postMessage(reply, 'target' in reply ? transferOf(reply.target) : [])
  })
})
