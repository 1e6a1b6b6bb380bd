/**
 * `node test/bench/segment-workers.ts`: where sealing, coding and hashing of a put should run.
 *
 * Segments of 1 MiB go through a window of four, as in a put, all ways in turn for some rounds. For each way: MB/s of
 * plaintext in its best round, and how long the event loop stood still (a timer of 1 ms, late by so much): at most, in
 * the median round, and the p99 in the same. A round with other work on the machine shows its stalls too.
 */
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import {
  asEncryptionKey,
  blockLeaf,
  ENCODING_DEFAULT,
  type Encoding,
  encodedSizeBytes,
  localSegmentCoder,
  openCodec,
  type SegmentCoder,
  sealedLeaf,
  sealSegment,
  transferOf,
} from '#crypto'
import { nativeBulkCrypto } from '../../node/platform/bulk-crypto.ts'
import { openSegmentWorkers } from '../../node/platform/segment-workers.ts'

const { values } = parseArgs({
  options: { segments: { type: 'string', default: '100' }, json: { type: 'boolean' } },
})
const SEGMENT_COUNT = Number(values.segments)
const WINDOW = 4
const ROUNDS = 7
const plaintext = new Uint8Array(randomBytes(1024 * 1024))
const key = asEncryptionKey(new Uint8Array(32))

interface Measure {
  readonly mbPerSecond: number
  readonly stallP99Ms: number
  readonly stallMaxMs: number
}

const lines: (Measure & { readonly way: string; readonly shape: string })[] = []
for (const [neededShares, totalShares] of [
  [3, 10],
  [10, 16],
  [64, 96],
] as const) {
  const encoding: Encoding = { ...ENCODING_DEFAULT, neededShares, totalShares }
  const coding = codingOnlyWorker()
  const one = openSegmentWorkers(1)
  const two = openSegmentWorkers(2)
  const ways: readonly (readonly [string, SegmentCoder])[] = [
    ['all on this thread', localSegmentCoder(nativeBulkCrypto)],
    ['coding in a worker', coding],
    ['all in one worker', one],
    ['all in two workers', two],
  ]
  const measures = new Map<string, Measure[]>(ways.map(([way]) => [way, []]))
  for (const [, coder] of ways) await pass(encoding, coder, 100)
  for (let round = 0; round < ROUNDS; round++) {
    for (const [way, coder] of ways) measures.get(way)?.push(await measure(encoding, coder))
  }
  await Promise.all([coding.close(), one.close(), two.close()])
  for (const [way, all] of measures) {
    lines.push({
      way,
      shape: `${neededShares}/${totalShares}`,
      mbPerSecond: Math.max(...all.map(({ mbPerSecond }) => mbPerSecond)),
      stallP99Ms: median(all.map(({ stallP99Ms }) => stallP99Ms)),
      stallMaxMs: median(all.map(({ stallMaxMs }) => stallMaxMs)),
    })
  }
}
if (values.json) console.log(JSON.stringify(lines))
else console.table(lines)

async function measure(encoding: Encoding, coder: SegmentCoder): Promise<Measure> {
  const stalls: number[] = []
  let before = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    stalls.push(Math.max(0, now - before - 1))
    before = now
  }, 1)
  const start = performance.now()
  await pass(encoding, coder, SEGMENT_COUNT)
  const elapsed = performance.now() - start
  stalls.push(Math.max(0, performance.now() - before - 1))
  clearInterval(timer)
  stalls.sort((a, b) => a - b)
  return {
    mbPerSecond: Math.round((SEGMENT_COUNT * plaintext.length) / elapsed / 1000),
    stallP99Ms: round1(stalls[Math.floor(stalls.length * 0.99)] ?? 0),
    stallMaxMs: round1(stalls.at(-1) ?? 0),
  }
}

/** A window of segments, each with a target that is used again. */
async function pass(encoding: Encoding, coder: SegmentCoder, count: number): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    let target = new Uint8Array(encodedSizeBytes(encoding, plaintext.length))
    while (next < count) {
      const seal = { key, segmentIndex: next++, isLast: false }
      const { blocks } = await coder.code({ encoding, content: plaintext, seal }, target)
      const buffer = blocks[0]?.buffer
      target = buffer instanceof ArrayBuffer ? new Uint8Array(buffer) : target
      // What a put does next, sending, gives the loop a turn.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await Promise.all(Array.from({ length: WINDOW }, lane))
}

/** For comparison: sealing and hashing stay here, only the parity is made elsewhere. */
function codingOnlyWorker(): SegmentCoder & { close(): Promise<void> } {
  const worker = new Worker(new URL('erasure/coding-only-worker.ts', import.meta.url))
  const pending: ((target: Uint8Array<ArrayBuffer>) => void)[] = []
  worker.on('message', (target: Uint8Array<ArrayBuffer>) => pending.shift()?.(target))
  return {
    async code({ encoding, content, seal }, target) {
      if (seal === undefined) throw new Error('the bench seals')
      const sealed = await sealSegment(nativeBulkCrypto, key, { ...seal, plaintext: content })
      target.set(sealed)
      await openCodec(encoding)
      const coded = await new Promise<Uint8Array<ArrayBuffer>>((resolve) => {
        pending.push(resolve)
        worker.postMessage({ encoding, target }, transferOf(target))
      })
      const size = target.length || coded.length / encoding.totalShares
      const blocks = Array.from({ length: encoding.totalShares }, (_, index) =>
        coded.subarray(index * size, (index + 1) * size),
      )
      return {
        blocks,
        sealedLeaf: sealedLeaf(nativeBulkCrypto.sha256(sealed)),
        blockLeaves: blocks.map((block) => blockLeaf(nativeBulkCrypto.sha256(block))),
      }
    },
    async close() {
      await worker.terminate()
    },
  }
}

function round1(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}
