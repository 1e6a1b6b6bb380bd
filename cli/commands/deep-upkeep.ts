/** `--deep`: a directory and everything below it, with no more than the right to verify. */
import {
  type Capability,
  carrierOfTree,
  fileStorageIndex,
  formatCapability,
  slotStorageIndex,
  toBase32,
  toVerifyCapability,
} from '#crypto'
import type { GridFiles } from '#gateway'
import { type DeepReport, isDirectory } from '#node'
import type { CommandContext } from '../context.ts'
import { DeepTally } from '../deep-tally.ts'
import type { UpkeepArgs } from '../invocation.ts'
import type { Lookup } from '../lookup.ts'
import { printable } from '../names.ts'

interface DeepParts {
  readonly held: Capability
  readonly lookup: Lookup
  readonly context: CommandContext
}

/** @returns the exit code: 5 if something cannot be rebuilt, 7 if a verify has found something corrupt */
export async function deepUpkeep(
  files: GridFiles,
  verb: UpkeepArgs['verb'],
  { held, lookup, context }: DeepParts,
): Promise<number> {
  const { output, signal } = context
  const capability = toVerifyCapability(held)
  const startedAt = performance.now()
  const tally = new DeepTally(verb)
  for await (const report of reportsOf(files, verb)(capability, { signal })) {
    report.warnings.forEach(lookup.onWarning)
    tally.add(report, toBase32(report.storageIndex))
    const { things, unhealthy } = tally.counts
    output.activity(
      { stage: STAGES[verb], things, unhealthy },
      () => `${STAGES[verb]}  ${things} things, ${unhealthy} not healthy`,
    )
  }
  signal.throwIfAborted()
  const names = tally.noted.length === 0 ? new Map() : await namesBelow(files, held, { lookup, context })
  const milliseconds = performance.now() - startedAt
  await output.result(
    { verifyCapability: formatCapability(capability), ...tally.report(names), seconds: milliseconds / 1000 },
    tally.describe(names),
  )
  return tally.exitCode
}

const STAGES = { check: 'checking', verify: 'verifying', repair: 'repairing' } as const

function reportsOf(files: GridFiles, verb: UpkeepArgs['verb']): GridFiles['checkDeep'] {
  switch (verb) {
    case 'check':
      return files.checkDeep.bind(files)
    case 'verify':
      return files.verifyDeep.bind(files)
    case 'repair':
      return files.repairDeep.bind(files)
  }
}

/**
 * Paths by storage index, of whatever can be listed with what is held. What cannot stays without a name: it is what
 * the report is about.
 */
async function namesBelow(
  files: GridFiles,
  held: Capability,
  { lookup, context }: Omit<DeepParts, 'held'>,
): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>()
  if (held.access === 'verify' || held.kind === 'lit') return names
  names.set(indexOf(held), '.')
  if (!isDirectory(held)) return names
  const { signal } = context
  try {
    for await (const { path, child } of files.walk(held, { signal, onWarning: lookup.onWarning })) {
      if (child.capability.kind !== 'lit') names.set(indexOf(child.capability), printable(path.join('/')))
    }
  } catch {
    signal.throwIfAborted()
  }
  return names
}

function indexOf(capability: Exclude<Capability, { kind: 'lit' }>): string {
  return toBase32(storageIndexOf(capability))
}

function storageIndexOf(capability: Exclude<Capability, { kind: 'lit' }>): DeepReport['storageIndex'] {
  const weakened = toVerifyCapability(capability)
  switch (weakened.kind) {
    case 'file-verify':
      return weakened.storageIndex
    case 'slot-verify':
    case 'dir-verify':
      return slotStorageIndex(weakened.publicKey)
    case 'tree-verify':
      return fileStorageIndex(carrierOfTree(weakened).readKey.reveal())
  }
}
