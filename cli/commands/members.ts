/** `cairn members`: who is one, by whose invitation, and who was expelled. */
import { whileOpen } from '#node'
import type { CommandContext } from '../context.ts'
import { EXIT_DONE } from '../exit-code.ts'
import type { MembersArgs } from '../invocation.ts'
import { describeMembers } from '../member-lines.ts'

export async function members(_args: MembersArgs, context: CommandContext): Promise<number> {
  const { output, signal } = context
  const list = await whileOpen(await context.openFiles(), (files) => files.members({ signal }))
  await output.result(list, describeMembers(list))
  return EXIT_DONE
}
