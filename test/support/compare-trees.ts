/** The comparison of two trees, compare_trees.py, which shares no code with what it judges. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

const COMPARE = fileURLToPath(new URL('compare_trees.py', import.meta.url))
const ODD = fileURLToPath(new URL('odd_tree.py', import.meta.url))

const difference = z.strictObject({
  kind: z.string(),
  path: z.string(),
  left: z.json(),
  right: z.json(),
})
export type Difference = z.output<typeof difference>
const counts = z.strictObject({
  entries: z.int(),
  bytes: z.int(),
  types: z.record(z.string(), z.int()),
})
const comparison = z.strictObject({ left: counts, right: counts, differences: z.array(difference) })
export type Comparison = z.output<typeof comparison>

/** @param ignore kinds of differences that do not count @throws if the trees cannot be compared */
export async function compareTrees(
  left: string,
  right: string,
  ignore: readonly string[] = [],
): Promise<Comparison> {
  const { code, stdout, stderr } = await python([COMPARE, '--json', '--ignore', ignore.join(), left, right])
  const isTold = code === 0 || code === 1
  if (!isTold) throw new Error(`two trees to compare wanted, found exit code ${code}: ${stderr}`)
  const found = comparison.parse(JSON.parse(stdout))
  if ((code === 0) !== (found.differences.length === 0)) {
    throw new Error(`exit code ${code} and ${found.differences.length} differences do not go together`)
  }
  return found
}

/** What is odd on a disk: see odd_tree.py. @returns how many of each kind */
export async function makeOddTree(root: string): Promise<Readonly<Record<string, number>>> {
  const { code, stdout, stderr } = await python([ODD, root])
  if (code !== 0) throw new Error(`an odd tree wanted, found exit code ${code}: ${stderr}`)
  return z.record(z.string(), z.int()).parse(JSON.parse(stdout))
}

/** Run to the end. */
export async function python(
  args: readonly string[],
): Promise<{ readonly code: unknown; readonly stdout: string; readonly stderr: string }> {
  const child = spawn('python3', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  return { code, stdout, stderr }
}
