/**
 * `npm run bench:cut`: how fast contents are cut on one thread, beside SHA-256 of the same bytes.
 *
 * By the time of the processor, and the best of many rounds: other work on the machine slows both.
 */
import { createHash, randomFillSync } from 'node:crypto'
import { asCutKey, ContentCutter, cutContent, cutPlainly, DATA_CUT_SIZES } from '#crypto'
import { machine } from './machine.ts'
import { quantile } from './timing.ts'

const ROUNDS = 40
const MEBIBYTE = 1024 * 1024

const content = randomFillSync(new Uint8Array(16 * MEBIBYTE))
const flat = new Uint8Array(content.length)
const cutKey = asCutKey(randomFillSync(new Uint8Array(32)))
const cutter = new ContentCutter(cutKey)

function cut(bytes: Uint8Array, bufferBytes: number): void {
  for (let at = 0; at < bytes.length; at += bufferBytes) {
    let rest = bytes.subarray(at, at + bufferBytes)
    for (let end = cutter.next(rest); end !== undefined; end = cutter.next(rest)) rest = rest.subarray(end)
  }
  cutter.restart()
}

function* buffers(bytes: Uint8Array, bufferBytes: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += bufferBytes) yield bytes.subarray(at, at + bufferBytes)
}

const works: readonly {
  readonly name: string
  readonly bytes: Uint8Array
  readonly rounds: number
  readonly run: (bytes: Uint8Array) => unknown
}[] = [
  { name: 'buffers of 1 MiB', bytes: content, rounds: ROUNDS, run: (bytes) => cut(bytes, MEBIBYTE) },
  { name: 'buffers of 64 KiB', bytes: content, rounds: ROUNDS, run: (bytes) => cut(bytes, MEBIBYTE / 16) },
  { name: 'zeros', bytes: flat, rounds: ROUNDS, run: (bytes) => cut(bytes, MEBIBYTE) },
  {
    name: 'cutContent, blobs in buffers of their own',
    bytes: content,
    rounds: ROUNDS,
    run: async (bytes) => {
      for await (const _ of cutContent(cutter, buffers(bytes, MEBIBYTE)));
    },
  },
  {
    name: 'cutPlainly',
    bytes: content.subarray(0, 2 * MEBIBYTE),
    rounds: 3,
    run: (bytes) => cutPlainly(cutKey, bytes, DATA_CUT_SIZES),
  },
  {
    name: 'SHA-256, native',
    bytes: content,
    rounds: ROUNDS,
    run: (bytes) => createHash('sha256').update(bytes).digest(),
  },
]

const rates = works.map((): number[] => [])
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [index, { bytes, rounds, run }] of works.entries()) {
    if (round >= rounds) continue
    const before = process.cpuUsage()
    await run(bytes)
    const { user, system } = process.cpuUsage(before)
    rates[index]?.push(bytes.length / (user + system))
  }
}
console.log(`MB/s of content, one thread: best, and median of ${ROUNDS} rounds; ${machine()}\n`)
for (const [index, { name }] of works.entries()) {
  const found = rates[index] ?? []
  const best = Math.max(...found).toFixed(0)
  console.log(`${best.padStart(6)} ${quantile(found, 0.5).toFixed(0).padStart(6)}  ${name}`)
}
