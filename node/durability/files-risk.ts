/** The chance of losing any of many files, from what each of their layouts says. */
import type { PeerId } from '../platform/platform.ts'
import type { EstimatesByServer, ServerEstimate } from './estimate.ts'
import { NO_REPAIR, type RepairPace } from './kept-file.ts'
import { type FileLayout, type Holdings, holdingsOf, marginOf } from './layout.ts'
import { type LayoutRisk, riskOf } from './loss.ts'

/**
 * Shares of all layouts that are worked out one by one, those with the smallest margin first: 24 layouts of ten shares,
 * some 100 ms. Others are taken for like the last of them.
 */
const SHARES_MAX = 240

export interface FilesCircumstances {
  /** Of every server that holds a share or would take one. */
  readonly estimates: EstimatesByServer
  /** Servers that would take a share now: they answer, and have room. */
  readonly takers: ReadonlySet<PeerId>
  readonly pace: RepairPace
  /** Files of layouts that are not told, each with at least the margin of those that are. */
  readonly otherCount: number
}

/**
 * The chance that something happens to any of the files: at most the sum over different layouts, since files that lie
 * on the same servers go together. Without repair it is also at most that of one file that has the most shares that any
 * has on each server, and the least margin; with repair, whatever it is without.
 */
export function riskOfFiles(layouts: readonly FileLayout[], circumstances: FilesCircumstances): LayoutRisk {
  const holdings = layouts.map(holdingsOf).toSorted((left, right) => marginOf(left) - marginOf(right))
  if (holdings.length === 0) return { lossInYear: 0, lossUnrepaired: 0, unreadable: 0 }
  const risks = atMostShares(holdings).map((one) => riskWithSpares(one, circumstances))
  const others = holdings.length - risks.length + circumstances.otherCount
  const sum = (kind: keyof LayoutRisk): number =>
    risks.reduce((total, risk) => total + risk[kind], others * (risks.at(-1)?.[kind] ?? 0))
  // Of layouts that are not told it is not known which servers they are on.
  const together =
    circumstances.otherCount > 0
      ? CERTAIN
      : riskWithSpares(boundOf(holdings), { ...circumstances, pace: NO_REPAIR })
  const lossUnrepaired = Math.min(together.lossUnrepaired, sum('lossUnrepaired'))
  return {
    lossInYear: Math.min(lossUnrepaired, sum('lossInYear')),
    lossUnrepaired,
    unreadable: Math.min(together.unreadable, sum('unreadable')),
  }
}

/** One at least. */
function atMostShares(holdings: readonly Holdings[]): readonly Holdings[] {
  let shares = 0
  return holdings.filter(({ totalShares }, index) => {
    shares += totalShares
    return index === 0 || shares <= SHARES_MAX
  })
}

const CERTAIN: LayoutRisk = { lossInYear: 1, lossUnrepaired: 1, unreadable: 1 }

function riskWithSpares(holdings: Holdings, { estimates, takers, pace }: FilesCircumstances): LayoutRisk {
  const spares: ServerEstimate[] = []
  for (const serverId of takers) {
    const estimate = estimates.get(serverId)
    if (estimate !== undefined && !holdings.sharesOf.has(serverId)) spares.push(estimate)
  }
  return riskOf(holdings, { estimates, pace, spares })
}

/** As bad as each of them in every respect. */
function boundOf(holdings: readonly Holdings[]): Holdings {
  const sharesOf = new Map<PeerId, number>()
  for (const one of holdings) {
    for (const [serverId, count] of one.sharesOf) {
      sharesOf.set(serverId, Math.max(count, sharesOf.get(serverId) ?? 0))
    }
  }
  const margin = Math.max(0, Math.min(...holdings.map(marginOf)))
  const totalShares = [...sharesOf.values()].reduce((sum, count) => sum + count, 0)
  return { sharesOf, missingCount: 0, neededShares: totalShares - margin + 1, totalShares }
}
