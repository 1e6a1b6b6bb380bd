/**
 * Runs the cases over bench threads. In each round every implementation has a short turn, so that noise on the
 * machine meets them all alike; the best round counts, since noise only slows.
 */
import { type Case, type Implementation, lostCount, type Result } from './cases.ts'
import type { Answer, Measured, Request } from './measure.ts'

/** A thread that answers requests in turn. */
export interface BenchThread {
  ask(request: Request): Promise<Answer>
}

export interface RunOptions {
  readonly threads: readonly BenchThread[]
  readonly npmBytes: Uint8Array<ArrayBuffer>
  readonly rounds: number
  readonly turnMs: number
  /** ISA-L's speed with so many threads, or undefined where it is not there. */
  readonly isal: ((test: Case, turn: { threads: number; turnMs: number }) => Promise<number>) | undefined
  readonly onCase: (test: Case, index: number) => void
}

const MEASURED: readonly Measured[] = ['cairn', 'copied', 'npm', 'copy']

export async function runCases(cases: readonly Case[], options: RunOptions): Promise<Result[]> {
  const results: Result[] = []
  const counts = [...new Set([1, options.threads.length])]
  for (const [index, test] of cases.entries()) {
    options.onCase(test, index)
    const prepare: Request = { kind: 'prepare', case: test, npmBytes: options.npmBytes }
    await Promise.all(options.threads.map((thread) => thread.ask(prepare)))
    for (const threads of counts) {
      const best = await bestOf(test, threads, options)
      for (const [implementation, mbPerSecond] of best) {
        results.push({ ...test, implementation, threads, mbPerSecond: Math.round(mbPerSecond) })
      }
    }
  }
  return results
}

async function bestOf(
  test: Case,
  threads: number,
  options: RunOptions,
): Promise<Map<Implementation, number>> {
  const best = new Map<Implementation, number>()
  const note = (implementation: Implementation, speed: number) =>
    best.set(implementation, Math.max(speed, best.get(implementation) ?? 0))
  for (let round = 0; round < options.rounds; round++) {
    for (const implementation of MEASURED) {
      // One call of the npm package can take seconds; it needs no more than two rounds.
      if (implementation === 'npm' && round > 1 && lostCount(test) * test.k * test.blockSizeBytes > 2 ** 27)
        continue
      const ask: Request = { kind: 'measure', implementation, milliseconds: options.turnMs }
      const answers = await Promise.all(options.threads.slice(0, threads).map((thread) => thread.ask(ask)))
      note(
        implementation,
        answers.reduce((sum, answer) => sum + answer.mbPerSecond, 0),
      )
    }
    if (options.isal !== undefined)
      note('isal', await options.isal(test, { threads, turnMs: options.turnMs }))
  }
  return best
}
