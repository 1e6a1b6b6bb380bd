/** One run of the command: parse, carry out, and say how it ended. */
import { parseArgs } from './args.ts'
import type { Invocation } from './invocation.ts'
import { UsageError } from './usage-error.ts'
import { VERSION } from './version.ts'

const EXIT_USAGE = 2

/** @returns the exit code */
export async function main(args: readonly string[]): Promise<number> {
  let invocation: Invocation
  try {
    const parsed = parseArgs(args, VERSION)
    if (parsed.kind === 'text') {
      process.stdout.write(parsed.text)
      return 0
    }
    invocation = parsed.invocation
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(
      `cairn: ${error.message}\n  cairn --help lists the commands; cairn VERB --help has examples.\n`,
    )
    return EXIT_USAGE
  }
  const { execute } = await import('./execute.ts')
  return execute(invocation)
}
