/** The steps of one subject, by all keepers in turn, so that what wanders on the machine wanders for both. */
import { rm } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { compareTrees } from '../../support/compare-trees.ts'
import type { Keeper, KeeperRun } from './keeper.ts'
import { medianOf, type Row, type Step, type StoredRow } from './row.ts'
import { editSubject, readOnce, type Subject, sizeOf } from './subjects.ts'

export interface MeasureOptions {
  /** For the trees, and for what is restored; an empty folder. */
  readonly folder: string
  readonly keepers: readonly Keeper[]
  readonly note: (text: string) => void
}

/** @throws if anything that is restored differs from what was backed up */
export async function measureSubject(
  subject: Subject,
  options: MeasureOptions,
): Promise<{ readonly rows: readonly Row[]; readonly stored: readonly StoredRow[] }> {
  const { folder, keepers, note } = options
  const roots = Array.from({ length: subject.rounds }, (_, round) => `${folder}/tree ${round}`)
  const rows: Row[] = []
  const stored: StoredRow[] = []
  const step = async (
    name: Step,
    work: (keeper: Keeper, root: string) => Promise<KeeperRun>,
  ): Promise<void> => {
    const runs = new Map(keepers.map((keeper) => [keeper, [] as KeeperRun[]]))
    const load = loadavg()[0] ?? Number.NaN
    for (const root of roots) {
      for (const [keeper, own] of runs) {
        const run = await work(keeper, root)
        note(`${subject.name}, ${name}, ${keeper.name}: ${run.seconds.toFixed(2)} s`)
        own.push(run)
      }
    }
    for (const [{ name: keeper }, own] of runs) {
      rows.push({ subject: subject.name, step: name, keeper, load, ...medianOf(own) })
    }
  }
  const weigh = async (after: Step): Promise<void> => {
    const sizes = await Promise.all(roots.map(sizeOf))
    const sourceFiles = sizes.reduce((sum, { files }) => sum + files, 0)
    const sourceBytes = sizes.reduce((sum, { bytes }) => sum + bytes, 0)
    for (const keeper of keepers) {
      const sizes = { sourceFiles, sourceBytes, ...(await keeper.stored()) }
      stored.push({ subject: subject.name, after, keeper: keeper.name, ...sizes })
    }
  }

  for (const [round, root] of roots.entries()) {
    await subject.make(root, round)
    readOnce(root)
  }
  await step('first', (keeper, root) => keeper.backUp(root))
  await weigh('first')
  await step('unchanged', (keeper, root) => keeper.backUp(root))
  for (const [round, root] of roots.entries()) {
    await editSubject(root, round)
    readOnce(root)
  }
  await step('1 % changed', (keeper, root) => keeper.backUp(root))
  await weigh('1 % changed')
  await step('restore', (keeper, root) => restored(keeper, root, `${folder}/restored`))
  for (const root of roots) await rm(root, { recursive: true })
  return { rows, stored }
}

/** Compared and taken away; neither is timed. */
async function restored(keeper: Keeper, root: string, target: string): Promise<KeeperRun> {
  const run = await keeper.restore(root, target)
  const { differences } = await compareTrees(root, `${target}${root}`)
  await rm(target, { recursive: true })
  const [first] = differences
  if (first !== undefined) {
    const told = `${first.kind} ${first.path}: ${first.left} | ${first.right}`
    throw new Error(`${keeper.name} restored ${differences.length} things otherwise than they were: ${told}`)
  }
  return run
}
