/** `cairn expel`: a membership ends. */
import { whileOpen } from '#node'
import type { CommandContext } from '../context.ts'
import { EXIT_DONE } from '../exit-code.ts'
import type { ExpelArgs } from '../invocation.ts'
import { describeExpulsion } from '../member-lines.ts'

export async function expel(args: ExpelArgs, context: CommandContext): Promise<number> {
  const { output, signal } = context
  const report = await whileOpen(await context.openFiles(), (files) => files.expel(args.member, { signal }))
  await output.result(report, describeExpulsion(report))
  return EXIT_DONE
}
