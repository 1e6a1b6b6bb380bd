/** `cairn check --safety`: how safe a file is, or all files below a directory, as they lie on the servers now. */
import { type FileVerifyCapability, toVerifyCapability, WeakCapabilityError } from '#crypto'
import type { GridFiles } from '#gateway'
import {
  type CheckReport,
  type FileLayout,
  isDirectory,
  LayoutTally,
  mapInOrder,
  NO_REPAIR,
  systemClock,
  tellRoot,
  whileOpen,
} from '#node'
import type { CommandContext } from '../context.ts'
import { durabilityLines } from '../durability-lines.ts'
import { EXIT_CODES, EXIT_DONE } from '../exit-code.ts'
import { parsePlace, requireGrid } from '../grid-path.ts'
import type { SafetyArgs } from '../invocation.ts'
import { Lookup } from '../lookup.ts'

/** Files asked for at a time: their questions to one server travel together. */
const CHECKS_IN_FLIGHT_MAX = 16

/** @returns the exit code: 5 if a file cannot be read now */
export async function safety(args: SafetyArgs, context: CommandContext): Promise<number> {
  const { output, signal } = context
  return whileOpen(await context.openFiles(), async (files) => {
    const tally = new LayoutTally()
    let fileCount = 0
    const checks = mapInOrder(filesOf(files, args, context), CHECKS_IN_FLIGHT_MAX, (file) =>
      files.check(file, { signal }),
    )
    for await (const report of checks) {
      tally.add(layoutOf(report))
      fileCount += 1
      output.activity({ stage: 'checking', files: fileCount }, () => `checking  ${fileCount} files`)
    }
    const { servers, durability } = await files.status({ signal })
    const root = { ...tally.finish(), pace: NO_REPAIR }
    const nowSeconds = Math.floor(systemClock.now() / 1000)
    const told = tellRoot(root, { records: durability.records, servers, nowSeconds })
    await output.result(told, durabilityLines(told).join('\n'))
    return told.unreadableCount === 0 ? EXIT_DONE : EXIT_CODES.NOT_ENOUGH_SHARES
  })
}

async function* filesOf(
  files: GridFiles,
  args: SafetyArgs,
  context: CommandContext,
): AsyncGenerator<FileVerifyCapability, void, undefined> {
  const lookup = new Lookup(files, context)
  const place = requireGrid(parsePlace(args.place))
  const root = await context.roots.read(place)
  const held = place.path.length === 0 ? root : (await lookup.find(place)).capability
  if (!isDirectory(held)) {
    const weakened = toVerifyCapability(held)
    if (weakened.kind === 'file-verify') return yield weakened
    throw new WeakCapabilityError(
      `a file wanted, or a directory that can be listed, found ${weakened.kind}`,
      {
        hint: 'A directory shows its files only to whoever may read it.',
      },
    )
  }
  for await (const { child } of files.walk(held, { signal: context.signal, onWarning: lookup.onWarning })) {
    if (child.capability.kind === 'file') yield toVerifyCapability(child.capability)
  }
}

/** A file of which nobody has anything is one that lacks its only share. */
function layoutOf({ encoding, placements }: CheckReport): FileLayout {
  const { neededShares = 1, totalShares = 1 } = encoding ?? {}
  return { neededShares, totalShares, placements, fileCount: 1 }
}
