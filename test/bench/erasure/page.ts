/** The page's side of the bench: `runBench(cases, npmBytes, options)` over Web Workers. */
import type { Case, Result } from './cases.ts'
import type { Answer, Request } from './measure.ts'
import { type BenchThread, runCases } from './run.ts'

declare global {
  function runBench(cases: readonly Case[], options: { rounds: number; turnMs: number }): Promise<Result[]>
  function onBenchCase(test: Case, index: number): void
}

globalThis.runBench = async (cases, { rounds, turnMs }) => {
  const npmBytes = new Uint8Array(await (await fetch('/npm.wasm')).arrayBuffer())
  const threads = Array.from({ length: navigator.hardwareConcurrency }, () => benchWorker())
  return runCases(cases, {
    threads,
    npmBytes,
    rounds,
    turnMs,
    isal: undefined,
    onCase: globalThis.onBenchCase,
  })
}

function benchWorker(): BenchThread {
  const worker = new Worker('/worker.js')
  return {
    ask: (request: Request) =>
      new Promise<Answer>((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data)
        worker.onerror = (event) => reject(new Error(event.message))
        worker.postMessage(request)
      }),
  }
}
