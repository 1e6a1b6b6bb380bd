/** One command, run to its end, with what it took of the machine. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

const MEASURED_RUN = fileURLToPath(new URL('measured_run.py', import.meta.url))

const report = z.strictObject({
  exitCode: z.int(),
  seconds: z.number(),
  /** Of all its threads and of all its children. */
  cpuSeconds: z.number(),
  /** Of the largest process among them. */
  peakRssBytes: z.int(),
})
export type MeasuredRun = Omit<z.output<typeof report>, 'exitCode'> & { readonly stdout: string }

export interface Command {
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** A file that may be written and is removed again. */
  readonly reportFile: string
}

/** @throws if it ends with anything but 0 */
export async function measuredRun({ args, env, reportFile }: Command): Promise<MeasuredRun> {
  await flushDisks()
  const child = spawn('python3', [MEASURED_RUN, reportFile, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  const { exitCode, ...measured } = report.parse(JSON.parse(await readFile(reportFile, 'utf8')))
  await rm(reportFile)
  if (exitCode !== 0)
    throw new Error(`${args.slice(0, 3).join(' ')} ended with ${exitCode}: ${stderr.slice(-2000)}`)
  return { ...measured, stdout }
}

/** What an earlier run left to be written is not the next one's to wait for. */
async function flushDisks(): Promise<void> {
  await once(spawn('sync', { stdio: 'ignore' }), 'close')
}
