/**
 * Leases last a month, and what a backup finds on the grid already is not sent again: so commands that change a
 * repository renew the leases of all of it once a week, and make shares again that are missing.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GridError, shortIndex, slotKeys, slotStorageIndex, toBase32, toVerifyCapability } from '#crypto'
import type { CommandContext } from '../context.ts'
import { DeepTally } from '../deep-tally.ts'
import { countOf } from '../describe.ts'
import { EXIT_DONE } from '../exit-code.ts'
import type { Home } from '../home.ts'
import { writePrivateFile } from '../private-file.ts'
import type { WritableRepository } from './open.ts'

/** A fourth of what a lease lasts: three times in a row may fail. */
const RENEW_AFTER_MILLISECONDS = 7 * 24 * 3600 * 1000

export interface Renewal {
  /** Packs, index files, snapshots and directories. */
  readonly things: number
  /** That had lost shares, and have them again. */
  readonly repaired: number
  readonly unrecoverable: number
}

/**
 * Errors of the grid are told of, and no failure: the next time will do.
 *
 * @returns undefined if this home did it less than a week ago, or could not now
 */
export async function renewIfDue(
  found: WritableRepository,
  context: CommandContext,
): Promise<Renewal | undefined> {
  const { home, output, signal } = context
  const renewedAt = Number(await readFile(fileOf(found, home), 'utf8').catch(() => ''))
  const now = Date.now()
  // A date of the future is of a clock that was wrong.
  if (renewedAt <= now && now - renewedAt < RENEW_AFTER_MILLISECONDS) return undefined
  try {
    const renewal = await renew(found, context)
    if (renewal.unrecoverable === 0) await noteRenewed(found, home)
    return renewal
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof GridError)) throw error
    output.warning(`warning: the leases of ${found.label} could not be renewed: ${error.message}`)
    return undefined
  }
}

/** All that is in the repository was leased just now. */
export async function noteRenewed(found: Pick<WritableRepository, 'capability'>, home: Home): Promise<void> {
  await mkdir(home.backupFolder, { recursive: true, mode: 0o700 })
  await writePrivateFile(fileOf(found, home), `${Date.now()}\n`)
}

async function renew(
  { files, capability, label }: WritableRepository,
  { output, signal }: CommandContext,
): Promise<Renewal> {
  const tally = new DeepTally('repair')
  for await (const report of files.repairDeep(toVerifyCapability(capability), { signal })) {
    tally.add(report, toBase32(report.storageIndex))
    const { things } = tally.counts
    output.activity({ stage: 'renewing', things }, () => `renewing leases  ${countOf(things, 'thing')}`)
  }
  signal.throwIfAborted()
  const { things, repaired, unrecoverable } = tally.counts
  const made = repaired > 0 ? `; made missing shares of ${repaired} again` : ''
  if (tally.exitCode === EXIT_DONE)
    output.note(`renewed the leases of ${label} ${countOf(things, 'thing')}${made}`)
  else {
    output.warning(
      `warning: ${unrecoverable} of ${countOf(things, 'thing')} of ${label} cannot be rebuilt from what servers have ` +
        `now${made}; cairn check tells which snapshots it hits`,
    )
  }
  return { things, repaired, unrecoverable }
}

function fileOf({ capability }: Pick<WritableRepository, 'capability'>, home: Home): string {
  const index = slotStorageIndex(slotKeys(capability.seed.reveal()).publicKey)
  return join(home.backupFolder, `renewed-${shortIndex(index)}`)
}
