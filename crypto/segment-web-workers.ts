/** Segment workers in a page: Web Workers that run segment-worker.ts. */
import { portableBulkCrypto } from './bulk.ts'
import { localSegmentCoder, type SegmentReply, transferOf } from './segment-coder.ts'
import { SegmentPool, type SegmentWorker, type SegmentWorkerEvents } from './segment-pool.ts'

/** A phone has more cores than it has memory and battery for. */
const WEB_WORKERS_MAX = 4

/**
 * A pool of Web Workers, by default one for each core up to four; close it to end them.
 *
 * @param workerUrl where segment-worker.ts, bundled by itself as a classic script, is served
 */
export function openWebSegmentWorkers(
  workerUrl: string | URL,
  workersMax: number = Math.min(WEB_WORKERS_MAX, navigator.hardwareConcurrency),
): SegmentPool {
  return new SegmentPool({
    openWorker: (events) => openWorker(workerUrl, events),
    workersMax,
    local: localSegmentCoder(portableBulkCrypto()),
  })
}

function openWorker(workerUrl: string | URL, events: SegmentWorkerEvents): SegmentWorker {
  const worker = new Worker(workerUrl)
  worker.onmessage = ({ data }: MessageEvent<SegmentReply>) => events.onReply(data)
  worker.onerror = (event) => {
    worker.terminate()
    events.onFailure(new Error(`a segment worker failed: ${event.message}`))
  }
  return {
    post: (request) => worker.postMessage(request, transferOf(request.target)),
    setBusy: () => {},
    close: async () => worker.terminate(),
  }
}
