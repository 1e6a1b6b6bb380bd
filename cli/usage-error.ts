/** The command line is wrong; the message says how. In a file of its own: `--help` loads no other errors. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
