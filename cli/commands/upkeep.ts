/** `cairn check`, `cairn verify`, `cairn repair`: a read capability is attenuated here, before anything is sent. */
import { type FileVerifyCapability, formatCapability, requireFileVerify } from '#crypto'
import type { GridFiles, WorkProgress } from '#gateway'
import { type CheckReport, whileOpen } from '#node'
import { readCapability } from '../capability-source.ts'
import type { CommandContext } from '../context.ts'
import { describeCheck, describeRepair } from '../describe.ts'
import { EXIT_CODES, EXIT_DONE } from '../exit-code.ts'
import type { UpkeepArgs } from '../invocation.ts'

/** @returns the exit code: what was found, not whether it was asked */
export async function upkeep(args: UpkeepArgs, context: CommandContext): Promise<number> {
  const capability = requireFileVerify(await readCapability(args.capability))
  return whileOpen(await context.openFiles(), (files) => upkeepOn(files, args.verb, { capability, context }))
}

async function upkeepOn(
  files: GridFiles,
  verb: UpkeepArgs['verb'],
  { capability, context }: { readonly capability: FileVerifyCapability; readonly context: CommandContext },
): Promise<number> {
  const { output, signal } = context
  const onProgress = ({ stage, done, total }: WorkProgress): void =>
    output.progress({ done, total }, { label: stage, unit: stage === 'verifying' ? 'blocks' : 'bytes' })
  const verifyCapability = formatCapability(capability)
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

export function exitCodeOfVerify(report: Pick<CheckReport, 'isRecoverable' | 'failures'>): number {
  if (!report.isRecoverable) return EXIT_CODES.NOT_ENOUGH_SHARES
  return report.failures.some(({ code }) => code === 'INTEGRITY') ? EXIT_CODES.INTEGRITY : EXIT_DONE
}
