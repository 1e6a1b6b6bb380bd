/** Files below a root as they lie on the servers now, and how safe that is. */
import { type Capability, type FileVerifyCapability, toVerifyCapability, WeakCapabilityError } from '#crypto'
import type { GridFiles } from '#gateway'
import {
  type CheckReport,
  type FileLayout,
  isDirectory,
  LayoutTally,
  mapInOrder,
  NO_REPAIR,
  type NodeStatus,
  type RootDurability,
  type SlotWarning,
  systemClock,
  tellRoot,
} from '#node'

/** Files asked for at a time: their questions to one server travel together. */
const CHECKS_IN_FLIGHT_MAX = 16

export type FoundLayouts = ReturnType<LayoutTally['finish']>

export interface FindOptions {
  readonly signal: AbortSignal
  readonly onWarning: (warning: SlotWarning) => void
  /** Called after each file with how many there were. */
  readonly onFile: (fileCount: number) => void
}

/**
 * Ask who holds what of a file, or of every file below a directory. Servers are believed.
 *
 * @throws WeakCapabilityError if it is neither a file nor a directory that can be listed with it
 */
export async function findLayouts(
  files: GridFiles,
  held: Capability,
  options: FindOptions,
): Promise<FoundLayouts> {
  const { signal, onFile } = options
  const tally = new LayoutTally()
  let fileCount = 0
  const checks = mapInOrder(filesBelow(files, held, options), CHECKS_IN_FLIGHT_MAX, (file) =>
    files.check(file, { signal }),
  )
  for await (const report of checks) {
    tally.add(layoutOf(report))
    fileCount += 1
    onFile(fileCount)
  }
  return tally.finish()
}

/** As if nobody repaired: who does is not known here. @param status of just now */
export function tellSafety(
  found: FoundLayouts,
  { servers, durability }: Pick<NodeStatus, 'servers' | 'durability'>,
): RootDurability {
  const nowSeconds = Math.floor(systemClock.now() / 1000)
  return tellRoot({ ...found, pace: NO_REPAIR }, { records: durability.records, servers, nowSeconds })
}

async function* filesBelow(
  files: GridFiles,
  held: Capability,
  { signal, onWarning }: FindOptions,
): AsyncGenerator<FileVerifyCapability, void, undefined> {
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
  for await (const { child } of files.walk(held, { signal, onWarning })) {
    if (child.capability.kind === 'file') yield toVerifyCapability(child.capability)
  }
}

/** A file of which nobody has anything is one that lacks its only share. */
function layoutOf({ encoding, placements }: CheckReport): FileLayout {
  const { neededShares = 1, totalShares = 1 } = encoding ?? {}
  return { neededShares, totalShares, placements, fileCount: 1 }
}
