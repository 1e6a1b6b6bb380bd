/**
 * A pool of workers that code segments, wherever they live: worker_threads in Node, Web Workers in a page.
 *
 * Whoever hosts the workers opens them; the pool hands out jobs. Small segments are coded on the calling thread, where
 * they take less than the trip to a worker does.
 */
import { assert } from './errors.ts'
import type { EncodedSegment } from './segment.ts'
import {
  requestOf,
  type SegmentCoder,
  type SegmentJob,
  type SegmentReply,
  type SegmentRequest,
  segmentFrom,
  targetSizeBytes,
} from './segment-coder.ts'

/** Below so many bytes of blocks, 0.3 ms of work, the trip to a worker costs more than it frees. */
const LOCAL_BELOW_BYTES = 128 * 1024
/** One job at work and one that waits in the worker, so that it never waits for this thread. */
const JOBS_PER_WORKER_MAX = 2

/** One worker as the pool sees it. */
export interface SegmentWorker {
  /** Posts a request and transfers its target's buffer, unless that is shared. */
  post(request: SegmentRequest): void
  /** Whether it has work: a host may let the process end while none has. */
  setBusy(busy: boolean): void
  close(): Promise<void>
}

export interface SegmentWorkerEvents {
  readonly onReply: (reply: SegmentReply) => void
  /** The worker is gone; every request that it has not answered fails. */
  readonly onFailure: (error: Error) => void
}

export interface SegmentPoolOptions {
  /** Starts a worker; called when there is a job that no worker has time for. */
  readonly openWorker: (events: SegmentWorkerEvents) => SegmentWorker
  /** At least 1. */
  readonly workersMax: number
  /** For small segments. */
  readonly local: SegmentCoder
}

interface Task {
  readonly request: SegmentRequest
  readonly outcome: PromiseWithResolvers<EncodedSegment>
}

interface Member {
  readonly worker: SegmentWorker
  readonly tasks: Map<number, Task>
}

/** Jobs may be handed in without limit; what bounds them is that each brings its own target. */
export class SegmentPool implements SegmentCoder {
  readonly #options: SegmentPoolOptions
  readonly #members = new Set<Member>()
  readonly #waiting: Task[] = []
  #nextId = 0
  #closed = false

  constructor(options: SegmentPoolOptions) {
    assert(options.workersMax >= 1, 'a pool has a worker')
    this.#options = options
  }

  /** Workers running now. */
  get workerCount(): number {
    return this.#members.size
  }

  async code(job: SegmentJob, target: Uint8Array): Promise<EncodedSegment> {
    assert(!this.#closed, 'a closed pool codes nothing')
    if (targetSizeBytes(job) < LOCAL_BELOW_BYTES) return this.#options.local.code(job, target)
    const task = {
      request: requestOf(this.#nextId++, job, target),
      outcome: Promise.withResolvers<EncodedSegment>(),
    }
    this.#waiting.push(task)
    this.#handOut()
    return task.outcome.promise
  }

  /** Ends the workers; jobs that are not done fail. */
  async close(): Promise<void> {
    this.#closed = true
    const gone = new Error('the pool of segment workers was closed')
    for (const { outcome } of this.#waiting.splice(0)) outcome.reject(gone)
    const members = [...this.#members]
    for (const member of members) this.#drop(member, gone)
    await Promise.all(members.map(({ worker }) => worker.close()))
  }

  #handOut(): void {
    for (let task = this.#waiting[0]; task !== undefined; task = this.#waiting[0]) {
      const member = this.#freest()
      if (member === undefined) return
      this.#waiting.shift()
      member.tasks.set(task.request.id, task)
      member.worker.setBusy(true)
      member.worker.post(task.request)
    }
  }

  /** An idle worker, else a new one, else one with nothing waiting in it; undefined if all have enough. */
  #freest(): Member | undefined {
    let freest: Member | undefined
    for (const member of this.#members) {
      if (freest === undefined || member.tasks.size < freest.tasks.size) freest = member
    }
    if (freest?.tasks.size === 0) return freest
    if (this.#members.size < this.#options.workersMax) return this.#open()
    return freest !== undefined && freest.tasks.size < JOBS_PER_WORKER_MAX ? freest : undefined
  }

  #open(): Member {
    const tasks = new Map<number, Task>()
    const worker = this.#options.openWorker({
      onReply: (reply) => this.#settle(member, reply),
      onFailure: (error) => {
        this.#drop(member, error)
        this.#handOut()
      },
    })
    const member: Member = { worker, tasks }
    this.#members.add(member)
    return member
  }

  #settle(member: Member, reply: SegmentReply): void {
    const task = member.tasks.get(reply.id)
    if (task === undefined) return
    member.tasks.delete(reply.id)
    if (member.tasks.size === 0) member.worker.setBusy(false)
    try {
      task.outcome.resolve(segmentFrom(reply, task.request.encoding))
    } catch (error) {
      task.outcome.reject(error)
    }
    this.#handOut()
  }

  #drop(member: Member, error: Error): void {
    if (!this.#members.delete(member)) return
    for (const { outcome } of member.tasks.values()) outcome.reject(error)
    member.tasks.clear()
  }
}
