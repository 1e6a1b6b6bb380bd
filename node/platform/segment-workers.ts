/** Segment workers as threads of this process: sealing, coding and hashing away from the event loop. */

import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import {
  localSegmentCoder,
  SegmentPool,
  type SegmentReply,
  type SegmentWorker,
  type SegmentWorkerEvents,
  transferOf,
} from '#crypto'
import { nativeBulkCrypto } from './bulk-crypto.ts'

/** Each brings some 20 MB of memory; beyond four, disks and network are what a put waits for. */
const SEGMENT_WORKERS_MAX = 4
/**
 * A core is left to the event loop: on two cores, one worker put a file as fast as two, and the loop's stalls were half
 * as long (test/bench/put-stalls.ts).
 */
const CORES_LEFT = 1

/**
 * A pool of at most `workersMax` threads, by default one for each core but one, up to four. A thread starts with the
 * first segment worth the trip, and idle ones do not keep the process alive. Close it to end them at once.
 */
export function openSegmentWorkers(
  workersMax: number = Math.min(SEGMENT_WORKERS_MAX, Math.max(1, availableParallelism() - CORES_LEFT)),
): SegmentPool {
  return new SegmentPool({ openWorker, workersMax, local: localSegmentCoder(nativeBulkCrypto) })
}

function openWorker(events: SegmentWorkerEvents): SegmentWorker {
  // Beside this file, with its ending: .ts in development, .js when built.
  const worker = new Worker(new URL(`./segment-worker${extname(import.meta.url)}`, import.meta.url), {
    // Coding needs little beside its blocks, which live outside this heap.
    resourceLimits: { maxOldGenerationSizeMb: 256 },
  })
  worker.on('message', (reply: SegmentReply) => events.onReply(reply))
  worker.on('error', (error) => events.onFailure(error instanceof Error ? error : new Error(String(error))))
  worker.on('exit', (code) => events.onFailure(new Error(`a segment worker ended with code ${code}`)))
  worker.unref()
  return {
    post: (request) => worker.postMessage(request, transferOf(request.target)),
    setBusy: (busy) => (busy ? worker.ref() : worker.unref()),
    close: async () => {
      await worker.terminate()
    },
  }
}
