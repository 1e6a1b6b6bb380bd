/** `cairn check`, `cairn verify`, `cairn repair`: a read capability is attenuated here, before anything is sent. */
import {
  type Capability,
  carrierOfTree,
  type FileVerifyCapability,
  formatCapability,
  toBase32,
  toVerifyCapability,
} from '#crypto'
import type { GridFiles, SlotUpkeepCapability, WorkProgress } from '#gateway'
import { type CheckReport, type DeepReport, whileOpen } from '#node'
import type { CommandContext } from '../context.ts'
import { describeCheck, describeRepair } from '../describe.ts'
import { EXIT_CODES, EXIT_DONE } from '../exit-code.ts'
import { parsePlace, requireGrid } from '../grid-path.ts'
import type { UpkeepArgs } from '../invocation.ts'
import { Lookup } from '../lookup.ts'
import { deepUpkeep } from './deep-upkeep.ts'

/** @returns the exit code: what was found, not whether it was asked */
export async function upkeep(args: UpkeepArgs, context: CommandContext): Promise<number> {
  const place = requireGrid(parsePlace(args.place))
  const root = await context.roots.read(place)
  // A literal is refused before the grid is asked.
  if (place.path.length === 0) toVerifyCapability(root)
  return whileOpen(await context.openFiles(), async (files) => {
    const lookup = new Lookup(files, context)
    const held = place.path.length === 0 ? root : (await lookup.find(place)).capability
    if (args.deep) return deepUpkeep(files, args.verb, { held, lookup, context })
    const weakened = toVerifyCapability(held)
    switch (weakened.kind) {
      case 'slot-verify':
      case 'dir-verify':
        return upkeepOfSlot(files, args.verb, { capability: weakened, context })
      case 'tree-verify':
        return upkeepOfFile(files, args.verb, {
          capability: toVerifyCapability(carrierOfTree(weakened)),
          shown: weakened,
          context,
        })
      case 'file-verify':
        return upkeepOfFile(files, args.verb, { capability: weakened, shown: weakened, context })
    }
  })
}

async function upkeepOfFile(
  files: GridFiles,
  verb: UpkeepArgs['verb'],
  parts: {
    readonly capability: FileVerifyCapability
    readonly shown: Capability
    readonly context: CommandContext
  },
): Promise<number> {
  const { capability, context } = parts
  const { output, signal } = context
  const onProgress = ({ stage, done, total }: WorkProgress): void =>
    output.progress({ done, total }, { label: stage, unit: stage === 'verifying' ? 'blocks' : 'bytes' })
  const verifyCapability = formatCapability(parts.shown)
  switch (verb) {
    case 'check': {
      const report = await files.check(capability, { signal })
      await output.result({ verifyCapability, ...report }, describeCheck(report, { verified: false }))
      return report.isRecoverable ? EXIT_DONE : EXIT_CODES.NOT_ENOUGH_SHARES
    }
    case 'verify': {
      const report = await files.verify(capability, { signal, onProgress })
      await output.result({ verifyCapability, ...report }, describeCheck(report, { verified: true }))
      return exitCodeOfVerify(report)
    }
    case 'repair': {
      const report = await files.repair(capability, { signal, onProgress })
      await output.result({ verifyCapability, ...report }, describeRepair(report))
      return EXIT_DONE
    }
  }
}

/** A record is read whole by a check already, so a verify is the same. */
async function upkeepOfSlot(
  files: GridFiles,
  verb: UpkeepArgs['verb'],
  parts: { readonly capability: SlotUpkeepCapability; readonly context: CommandContext },
): Promise<number> {
  const { capability, context } = parts
  const { output, signal } = context
  const report = await (verb === 'repair'
    ? files.repairSlot(capability, { signal })
    : files.checkSlot(capability, { signal }))
  for (const { kind, message } of report.warnings) output.warning(`warning (${kind}): ${message}`)
  const { foundCount, wantedCount, madeCount } = report
  const made = verb === 'repair' ? `; ${madeCount} made` : ''
  const text = `${stateOf(report)}: ${foundCount} of ${wantedCount} servers hold the newest record${made}`
  const verifyCapability = formatCapability(capability)
  await output.result({ verifyCapability, ...report, storageIndex: toBase32(report.storageIndex) }, text)
  output.note('--deep looks at what it points to as well')
  return report.isRecoverable ? EXIT_DONE : EXIT_CODES.NOT_ENOUGH_SHARES
}

function stateOf(report: Pick<DeepReport, 'isHealthy' | 'isRecoverable'>): string {
  return report.isHealthy ? 'healthy' : report.isRecoverable ? 'degraded' : 'not recoverable'
}

export function exitCodeOfVerify(report: Pick<CheckReport, 'isRecoverable' | 'failures'>): number {
  if (!report.isRecoverable) return EXIT_CODES.NOT_ENOUGH_SHARES
  return report.failures.some(({ code }) => code === 'INTEGRITY') ? EXIT_CODES.INTEGRITY : EXIT_DONE
}
