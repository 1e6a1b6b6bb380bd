/**
 * The same worker for a page: bundle this file by itself and open it with `new Worker(url)`. It answers each
 * SegmentRequest with a SegmentReply, one segment after the other.
 */
import { portableBulkCrypto } from './bulk.ts'
import { type SegmentRequest, serveSegment, transferOf } from './segment-coder.ts'

const bulk = portableBulkCrypto()
let last: Promise<unknown> = Promise.resolve()
self.onmessage = ({ data: request }: MessageEvent<SegmentRequest>) => {
  last = last.then(async () => {
    const reply = await serveSegment(bulk, request)
    self.postMessage(reply, { transfer: 'target' in reply ? transferOf(reply.target) : [] })
  })
}
