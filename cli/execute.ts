/** Carry out what a command line asks for: signals, output, and the exit code of whatever goes wrong. */
import type { CommandContext } from './context.ts'
import { EXIT_INTERRUPTED, exitCodeOf, Interrupted } from './exit-code.ts'
import { findHome } from './home.ts'
import type { Invocation } from './invocation.ts'
import { Output } from './output.ts'
import { Roots } from './roots.ts'
import { openFiles } from './session.ts'

/** @returns the exit code */
export async function execute(invocation: Invocation): Promise<number> {
  const output = new Output(invocation)
  const interrupted = new AbortController()
  const interrupt = (): void => {
    // Whoever asks twice does not want to wait: a crash at any line is survived, so this one is too.
    if (interrupted.signal.aborted) process.exit(EXIT_INTERRUPTED)
    interrupted.abort(new Interrupted())
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  const { signal } = interrupted
  try {
    const home = findHome(invocation.home)
    const roots = new Roots(home)
    const { acceptRollback } = invocation
    const context = { output, signal, home, roots, acceptRollback }
    return await run(invocation, { ...context, openFiles: () => openFiles(home, signal) })
  } catch (error) {
    // Whatever else fails while everything is being broken off, the cause is the interruption.
    const cause = signal.aborted ? signal.reason : error
    await output.failure(cause).catch(() => undefined)
    return exitCodeOf(cause)
  } finally {
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}

/** Each command is loaded only when it is the one. */
async function run(invocation: Invocation, context: CommandContext): Promise<number> {
  switch (invocation.verb) {
    case 'init':
      return (await import('./commands/init.ts')).init(invocation, context)
    case 'invite':
      return (await import('./commands/invite.ts')).invite(invocation, context)
    case 'join':
      return (await import('./commands/join.ts')).join(invocation, context)
    case 'members':
      return (await import('./commands/members.ts')).members(invocation, context)
    case 'expel':
      return (await import('./commands/expel.ts')).expel(invocation, context)
    case 'run':
      return (await import('./commands/run.ts')).run(invocation, context)
    case 'status':
      return (await import('./commands/status.ts')).status(invocation, context)
    case 'put':
      return (await import('./commands/put.ts')).put(invocation, context)
    case 'get':
      return (await import('./commands/get.ts')).get(invocation, context)
    case 'safety':
      return (await import('./commands/safety.ts')).safety(invocation, context)
    case 'check':
    case 'verify':
    case 'repair':
      return (await import('./commands/upkeep.ts')).upkeep(invocation, context)
    case 'mkdir':
      return (await import('./commands/mkdir.ts')).mkdir(invocation, context)
    case 'ls':
      return (await import('./commands/ls.ts')).ls(invocation, context)
    case 'cp':
      return (await import('./commands/cp.ts')).cp(invocation, context)
    case 'mv':
      return (await import('./commands/mv.ts')).mv(invocation, context)
    case 'rm':
      return (await import('./commands/rm.ts')).rm(invocation, context)
    case 'ln':
      return (await import('./commands/ln.ts')).ln(invocation, context)
    case 'share':
      return (await import('./commands/share.ts')).share(invocation, context)
    case 'alias':
      return (await import('./commands/alias.ts')).alias(invocation, context)
    case 'grid':
      return (await import('./commands/grid.ts')).grid(invocation, context)
    default:
      return (await import('./execute-backup.ts')).executeBackup(invocation, context)
  }
}
