/**
 * `npm run bench:erasure`: the erasure code against the npm package, ISA-L and a plain copy, in one run.
 *
 * `-- --json` prints one JSON array and nothing else to stdout; `-- --only 3/10` takes one shape; `-- --page` runs the
 * same in headless Chromium, where there is no ISA-L. The table goes to stdout, and that of all shapes, with a chart, to
 * test/bench/results.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { npmOracleBytes } from '../crypto/erasure/open-npm-oracle.ts'
import { allCases, type Case, type Result } from './erasure/cases.ts'
import { runInChromium } from './erasure/chromium.ts'
import { buildIsal } from './erasure/isal.ts'
import type { Answer, Request } from './erasure/measure.ts'
import { chartOf, tableOf } from './erasure/report.ts'
import { type BenchThread, runCases } from './erasure/run.ts'

const ROUNDS = 5
const TURN_MS = 50

const { values } = parseArgs({
  options: { json: { type: 'boolean' }, page: { type: 'boolean' }, only: { type: 'string' } },
})
const cases = allCases().filter(({ k, n }) => values.only === undefined || values.only === `${k}/${n}`)
const onCase = ({ k, n, blockSizeBytes, operation }: Case, index: number) =>
  console.error(`${index + 1} of ${cases.length}: ${k}/${n}, ${blockSizeBytes} bytes, ${operation}`)

const results = values.page === true ? await inChromium() : await inNode()
if (values.json === true) {
  // `copied` is for the table: the array keeps to the names that stand for one implementation each.
  console.log(JSON.stringify(results.filter(({ implementation }) => implementation !== 'copied')))
} else await report(results)

async function inNode(): Promise<Result[]> {
  const isal = await buildIsal()
  if (isal === undefined) console.error('no ISA-L here (gcc and libisal-dev wanted): measured without it')
  const workers = Array.from({ length: availableParallelism() }, () => benchWorker())
  const npmBytes = await npmOracleBytes()
  try {
    return await runCases(cases, {
      threads: workers,
      npmBytes,
      rounds: ROUNDS,
      turnMs: TURN_MS,
      isal,
      onCase,
    })
  } finally {
    for (const worker of workers) await worker.close()
  }
}

function inChromium(): Promise<Result[]> {
  return runInChromium(cases, { rounds: ROUNDS, turnMs: TURN_MS, onCase })
}

function benchWorker(): BenchThread & { close(): Promise<unknown> } {
  const worker = new Worker(new URL('erasure/worker-node.ts', import.meta.url))
  return {
    ask: (request: Request) =>
      new Promise<Answer>((resolve, reject) => {
        worker.once('error', reject)
        worker.once('message', (answer) => {
          worker.off('error', reject)
          resolve(answer)
        })
        worker.postMessage(request)
      }),
    close: () => worker.terminate(),
  }
}

async function report(all: readonly Result[]): Promise<void> {
  const where = values.page === true ? 'Chromium' : `Node ${process.versions.node}`
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} cores, ${where}`
  const text = `MB/s of input (k blocks a call), best of ${ROUNDS} rounds; ${machine}
cairn: blocks in its memory; copied: blocks elsewhere, copied in and out; npm: @subspace/reed-solomon-erasure.wasm

${tableOf(all)}
`
  console.log(text)
  if (values.only !== undefined) return
  const folder = new URL('results/', import.meta.url)
  await mkdir(folder, { recursive: true })
  const name = values.page === true ? 'erasure-chromium' : 'erasure'
  await writeFile(new URL(`${name}.txt`, folder), text)
  await writeFile(new URL(`${name}.svg`, folder), chartOf(all, `Erasure code, one thread; ${machine}`))
}
