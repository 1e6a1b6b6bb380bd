/** `cairn run`: the daemon of a home, until Ctrl-C or SIGTERM; a second one ends it at once (cli/execute.ts). */
import { once } from 'node:events'
import { whileOpen } from '#node'
import { shareCompiledCode } from '../code-cache.ts'
import type { CommandContext } from '../context.ts'
import { Daemon } from '../daemon.ts'
import { EXIT_DONE } from '../exit-code.ts'
import type { CommonArgs, RunArgs } from '../invocation.ts'

export async function run(args: RunArgs, context: CommandContext): Promise<number> {
  if (args.installService) return (await import('./install-service.ts')).installService(args, context)
  const { home, output, signal } = context
  const stopped = new AbortController()
  // Whoever started us holds the other end; when that process is gone, however it went, the pipe ends.
  if (args.stopWithStdin) {
    process.stdin.resume()
    process.stdin.once('close', () => stopped.abort())
    process.stdin.once('end', () => stopped.abort())
  }
  const stop = AbortSignal.any([signal, stopped.signal])
  try {
    return await whileOpen(await Daemon.open(home, stop), async (daemon) => {
      const { peerId, addresses, port, metricsPort } = daemon
      await output.result(
        {
          ready: true,
          home: home.folder,
          peerId,
          addresses,
          gatewayPort: port,
          metricsPort,
          pid: process.pid,
        },
        `ready: ${peerId} on ${addresses.join(', ') || 'no address'}`,
      )
      shareCompiledCode()
      if (!stop.aborted) await once(stop, 'abort')
      await daemon.drain()
      return EXIT_DONE
    })
  } catch (error) {
    // Told to stop before it was ready.
    if (stop.aborted && error === stop.reason) return EXIT_DONE
    throw error
  }
}

/** After a home was made, with --run. */
export function goOn(args: CommonArgs, context: CommandContext): Promise<number> {
  const service = { installService: false, serviceUser: undefined, print: false }
  return run({ ...args, verb: 'run', stopWithStdin: false, ...service }, context)
}
