/** Builds and asks the C program beside it; ISA-L comes from Debian's libisal-dev. */
import { execFile } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Case, lostCount } from './cases.ts'

const run = promisify(execFile)

export type Isal = (
  test: Case,
  turn: { readonly threads: number; readonly turnMs: number },
) => Promise<number>

/** @returns undefined where gcc or the library is missing */
export async function buildIsal(): Promise<Isal | undefined> {
  const program = join(await mkdtemp(join(tmpdir(), 'isal-')), 'isal')
  const source = new URL('isal.c', import.meta.url).pathname
  try {
    await run('gcc', ['-O2', '-pthread', source, '-o', program, '-lisal'])
  } catch {
    return undefined
  }
  return async (test, { threads, turnMs }) => {
    const rows = test.operation === 'encode' ? test.n - test.k : lostCount(test)
    const { stdout } = await run(program, [test.k, rows, test.blockSizeBytes, threads, turnMs].map(String))
    return Number(stdout)
  }
}
