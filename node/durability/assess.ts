/**
 * How safe the files of a root are, in one report: the chance of losing any within a year, the event that would, and
 * what would make it better.
 */
import { failureDomainOf } from '../grid.ts'
import type { PeerId } from '../platform/platform.ts'
import { type Advice, adviseOn } from './advice.ts'
import type { Estimates, EstimatesByServer, Evidence } from './estimate.ts'
import { riskOfFiles } from './files-risk.ts'
import type { RepairPace } from './kept-file.ts'
import { type FileLayout, holdingsOf, joinEqual, marginOf } from './layout.ts'
import type { LayoutRisk } from './loss.ts'
import { type WeakestEvent, weakestEvent } from './weakest.ts'

/** Records of fewer days say too little: what is usual then counts for nearly everything. */
export const MEASURED_DAYS_LEAST = 14

export interface GridToAssess {
  /** Of every server that holds a share or could. */
  readonly estimates: Estimates
  /** Servers that would take a share now: they answer, and have room. */
  readonly takers: ReadonlySet<PeerId>
  /** Servers that answer and have no room. */
  readonly full: ReadonlySet<PeerId>
}

export interface RootToAssess {
  /** What the keeper found of its files; a file that no share was found of has no placements. */
  readonly layouts: readonly FileLayout[]
  /** Files of further layouts, which have no less to spare than those. */
  readonly otherCount: number
  readonly pace: RepairPace
}

/** A probability by the means of what was measured, and by its cautious end, which is wrong in one case of twenty. */
export interface Chance {
  readonly expected: number
  readonly atMost: number
}

export interface WorstFiles {
  readonly foundShares: number
  readonly neededShares: number
  readonly totalShares: number
  readonly serverCount: number
  /** Owners' sites, and servers that name neither. */
  readonly siteCount: number
  /** Files that have as few spare shares as these. */
  readonly fileCount: number
}

export interface RootDurability {
  readonly fileCount: number
  /** Of them, those of which fewer than k shares were found. */
  readonly unreadableCount: number
  /** Those that can lose fewest shares; undefined if there is no file. */
  readonly worst: WorstFiles | undefined
  /** Of losing any of the others for good within a year. */
  readonly lossInYear: Chance
  readonly lossUnrepaired: Chance
  /** Of not being able to read some of them at a moment drawn by lot. */
  readonly unreadable: Chance
  /** Somebody makes missing shares again; false: lossInYear is lossUnrepaired. */
  readonly isRepaired: boolean
  readonly evidence: Evidence
  /** False: the chances are what is usual, and little more. */
  readonly isMeasured: boolean
  /** Undefined: nothing is left to lose, or there is no file. */
  readonly weakest: WeakestEvent | undefined
  /** Best first. */
  readonly advice: readonly Advice[]
}

export function assessRoot(root: RootToAssess, grid: GridToAssess): RootDurability {
  const layouts = joinEqual(root.layouts)
  const readable = layouts.filter((layout) => marginOf(holdingsOf(layout)) > 0)
  const { expected, cautious, evidence } = grid.estimates
  const { otherCount, pace } = root
  const circumstances = { takers: grid.takers, pace, otherCount }
  const likely = riskOfFiles(readable, { ...circumstances, estimates: expected })
  const bad = riskOfFiles(readable, { ...circumstances, estimates: cautious })
  const chance = (kind: keyof LayoutRisk): Chance => ({ expected: likely[kind], atMost: bad[kind] })
  return {
    fileCount: countFiles(layouts) + otherCount,
    unreadableCount: countFiles(layouts) - countFiles(readable),
    worst: worstOf(layouts, expected),
    lossInYear: chance('lossInYear'),
    lossUnrepaired: chance('lossUnrepaired'),
    unreadable: chance('unreadable'),
    isRepaired: Number.isFinite(pace.roundSeconds),
    evidence,
    isMeasured: evidence.days >= MEASURED_DAYS_LEAST,
    weakest: weakestEvent(readable, expected),
    advice: adviseOn(readable, { ...circumstances, estimates: cautious, full: grid.full }),
  }
}

function countFiles(layouts: readonly FileLayout[]): number {
  return layouts.reduce((sum, { fileCount }) => sum + fileCount, 0)
}

function worstOf(layouts: readonly FileLayout[], estimates: EstimatesByServer): WorstFiles | undefined {
  const least = Math.min(...layouts.map((layout) => marginOf(holdingsOf(layout))))
  const worst = layouts.filter((layout) => marginOf(holdingsOf(layout)) === least)
  const [first] = worst
  if (first === undefined) return undefined
  const { sharesOf, missingCount, neededShares, totalShares } = holdingsOf(first)
  const sites = new Set(
    [...sharesOf.keys()].map((serverId) => {
      const { owner = '', site = '' } = estimates.get(serverId) ?? {}
      return failureDomainOf({ serverId, owner, site })
    }),
  )
  return {
    foundShares: totalShares - missingCount,
    ...{ neededShares, totalShares },
    serverCount: sharesOf.size,
    siteCount: sites.size,
    fileCount: countFiles(worst),
  }
}
