/** `cairn check --safety`: how safe a file is, or all files below a directory, as they lie on the servers now. */
import { whileOpen } from '#node'
import type { CommandContext } from '../context.ts'
import { durabilityLines } from '../durability-lines.ts'
import { EXIT_CODES, EXIT_DONE } from '../exit-code.ts'
import { parsePlace, requireGrid } from '../grid-path.ts'
import type { SafetyArgs } from '../invocation.ts'
import { Lookup } from '../lookup.ts'
import { findLayouts, tellSafety } from '../root-safety.ts'

/** @returns the exit code: 5 if a file cannot be read now */
export async function safety(args: SafetyArgs, context: CommandContext): Promise<number> {
  const { output, signal } = context
  return whileOpen(await context.openFiles(), async (files) => {
    const lookup = new Lookup(files, context)
    const place = requireGrid(parsePlace(args.place))
    const root = await context.roots.read(place)
    const held = place.path.length === 0 ? root : (await lookup.find(place)).capability
    const onFile = (fileCount: number): void =>
      output.activity({ stage: 'checking', files: fileCount }, () => `checking  ${fileCount} files`)
    const found = await findLayouts(files, held, { signal, onWarning: lookup.onWarning, onFile })
    const told = tellSafety(found, await files.status({ signal }))
    await output.result(told, durabilityLines(told).join('\n'))
    return told.unreadableCount === 0 ? EXIT_DONE : EXIT_CODES.NOT_ENOUGH_SHARES
  })
}
