/** `cairn grid`: a whole grid on this machine, in the foreground. */
import { once } from 'node:events'
import { whileOpen } from '#node'
import type { CommandContext } from '../context.ts'
import { EXIT_DONE } from '../exit-code.ts'
import type { GridArgs } from '../invocation.ts'
import { LocalGrid } from '../local-grid.ts'
import { waitForServers } from '../session.ts'

export async function grid(args: GridArgs, { output, signal }: CommandContext): Promise<number> {
  const startedAt = performance.now()
  return whileOpen(await LocalGrid.open(args.dir, args), async (local) => {
    if (signal.aborted) return EXIT_DONE
    await waitForServers(local.client, local.servers.length, signal)
    const servers = local.servers.map(({ pid, peerId, dir, addresses }) => ({ pid, peerId, dir, addresses }))
    const client = local.client.folder
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    await output.result(
      { client, servers },
      [
        ...servers.map(({ pid, peerId, dir }) => `${dir}  ${peerId}  process ${pid}`),
        `${servers.length} servers are ready after ${seconds} s. In another terminal:`,
        `  cairn put FILE --home ${client}`,
        'Ctrl-C stops them; the data stays.',
      ].join('\n'),
    )
    local.watch(({ dir, peerId }, how) => output.warning(`the server in ${dir} (${peerId}) ended: ${how}`))
    if (!signal.aborted) await once(signal, 'abort')
    output.note('stopping')
    return EXIT_DONE
  })
}
