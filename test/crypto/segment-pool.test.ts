import { describe, expect, test } from 'vitest'
import {
  asEncryptionKey,
  ENCODING_DEFAULT,
  type Encoding,
  InvalidInputError,
  localSegmentCoder,
  nobleBulkCrypto,
  type SegmentJob,
  SegmentPool,
  type SegmentReply,
  type SegmentRequest,
  type SegmentWorkerEvents,
  serveSegment,
  targetSizeBytes,
} from '#crypto'
import { randomBlocks, randomSource } from './erasure/support.ts'

const local = localSegmentCoder(nobleBulkCrypto)
const key = asEncryptionKey(new Uint8Array(32).fill(7))

function jobOf(
  sizeBytes: number,
  options: { sealed?: boolean; encoding?: Partial<Encoding> } = {},
): SegmentJob {
  const [content = new Uint8Array(0)] = randomBlocks(randomSource(sizeBytes), 1, sizeBytes)
  const encoding = { ...ENCODING_DEFAULT, ...options.encoding }
  return { encoding, content, seal: options.sealed ? undefined : { key, segmentIndex: 3, isLast: false } }
}

function targetOf(job: SegmentJob): Uint8Array<ArrayBuffer> {
  return new Uint8Array(targetSizeBytes(job))
}

/** Workers on this thread that take a turn of the loop for each request, and move buffers as real ones do. */
class FakeWorkers {
  readonly opened: {
    events: SegmentWorkerEvents
    busy: boolean
    requests: SegmentRequest[]
    closed: boolean
  }[] = []
  holds = false

  readonly open = (events: SegmentWorkerEvents) => {
    const worker = { events, busy: false, requests: [] as SegmentRequest[], closed: false }
    this.opened.push(worker)
    return {
      post: (request: SegmentRequest) => {
        const moved = structuredClone(request, { transfer: [request.target.buffer] })
        worker.requests.push(moved)
        if (!this.holds) this.#answer(events, moved)
      },
      setBusy: (busy: boolean) => {
        worker.busy = busy
      },
      close: async () => {
        worker.closed = true
      },
    }
  }

  async #answer(events: SegmentWorkerEvents, request: SegmentRequest): Promise<void> {
    const reply: SegmentReply = await serveSegment(nobleBulkCrypto, request)
    setImmediate(() => events.onReply(reply))
  }
}

describe('a pool of segment workers', () => {
  test.each([
    ['seals and codes', jobOf(200_000)],
    ['codes what is sealed', jobOf(200_000, { sealed: true })],
    ['codes an odd length', jobOf(123_457, { encoding: { neededShares: 5, totalShares: 9 } })],
    ['codes a small segment here', jobOf(1000)],
    ['codes an empty segment here', jobOf(0)],
  ])('%s as this thread does', async (_, job) => {
    const pool = new SegmentPool({ openWorker: new FakeWorkers().open, workersMax: 2, local })
    expect(await pool.code(job, targetOf(job))).toEqual(await local.code(job, targetOf(job)))
  })

  test('gives the buffer back, so that it can be used again', async () => {
    const pool = new SegmentPool({ openWorker: new FakeWorkers().open, workersMax: 1, local })
    const job = jobOf(300_000)
    const target = targetOf(job)
    const { blocks } = await pool.code(job, target)
    expect(target.length).toBe(0)
    expect(blocks[0]?.buffer.byteLength).toBe(targetSizeBytes(job))
  })

  test('opens workers only as there is work, up to the limit, and two jobs each', async () => {
    const workers = new FakeWorkers()
    workers.holds = true
    const pool = new SegmentPool({ openWorker: workers.open, workersMax: 2, local })
    expect(pool.workerCount).toBe(0)
    const job = jobOf(200_000)
    const results = Array.from({ length: 6 }, () => pool.code(job, targetOf(job)).catch(() => 'failed'))
    await Promise.resolve()
    expect(workers.opened.map(({ requests }) => requests.length)).toEqual([2, 2])
    expect(workers.opened.map(({ busy }) => busy)).toEqual([true, true])
    await pool.close()
    expect(workers.opened.map(({ closed }) => closed)).toEqual([true, true])
    expect(await Promise.all(results)).toEqual(new Array(6).fill('failed'))
  })

  test('fails the jobs of a worker that dies, and goes on with another', async () => {
    const workers = new FakeWorkers()
    workers.holds = true
    const pool = new SegmentPool({ openWorker: workers.open, workersMax: 1, local })
    const job = jobOf(200_000)
    const lost = pool.code(job, targetOf(job))
    const waiting = [pool.code(job, targetOf(job)), pool.code(job, targetOf(job))]
    await Promise.resolve()
    workers.holds = false
    workers.opened[0]?.events.onFailure(new Error('the thread ended'))
    await expect(lost).rejects.toThrow('the thread ended')
    await expect(waiting[0]).rejects.toThrow('the thread ended')
    expect((await waiting[1])?.blocks).toEqual((await local.code(job, targetOf(job))).blocks)
    expect(workers.opened.length).toBe(2)
  })

  test('tells of a failure inside a worker', async () => {
    const workers = new FakeWorkers()
    const pool = new SegmentPool({ openWorker: workers.open, workersMax: 1, local })
    const job = jobOf(200_000, { encoding: { segmentSizeBytes: 1024 * 1024 } })
    const broken = { ...job, encoding: { ...job.encoding, matrix: 9 } }
    await expect(pool.code(Object.assign({}, job, broken), targetOf(job))).rejects.toThrow('unknown matrix 9')
  })

  test('refuses a target that is too small', async () => {
    const pool = new SegmentPool({ openWorker: new FakeWorkers().open, workersMax: 1, local })
    const job = jobOf(200_000)
    await expect(pool.code(job, targetOf(job).subarray(1))).rejects.toThrow(InvalidInputError)
  })
})
