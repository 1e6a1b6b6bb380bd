/**
 * Which servers a file lies on, and what can take its shares away.
 *
 * The losses that a server is expected to have are divided among causes: some take the whole site with it (fire, theft,
 * water, lightning), some everything of its owner (who leaves, or errs), and the rest that server alone. This is the
 * beta-factor model of failures with a common cause (Fleming 1975): however they are divided, each server is lost as
 * often as was measured.
 */
import { assert } from '#crypto'
import { failureDomainOf } from '../grid.ts'
import type { Placement } from '../happiness.ts'
import type { PeerId } from '../platform/platform.ts'
import type { EstimatesByServer, ServerEstimate } from './estimate.ts'
import type { Fault } from './faults.ts'

/**
 * Of the losses of a server, the part that takes its whole site, and the part that takes all of its owner. Together
 * 40 %: in Google's cells 37 % of failures were part of a burst of two nodes or more (Ford et al. 2010, §4).
 */
export const SITE_FRACTION = 0.2
export const OWNER_FRACTION = 0.2
/** Of the times in which a server does not answer, the part in which its site does not: power, and the line. */
export const SITE_OUTAGE_FRACTION = 0.4

/** Files that lie on the same servers in the same numbers. */
export interface FileLayout {
  /** Any so many shares rebuild it; 1 for a record of a slot, which each server holds whole. */
  readonly neededShares: number
  readonly totalShares: number
  /** Shares found. */
  readonly placements: readonly Placement[]
  readonly fileCount: number
}

/** A layout as the model sees it: how many shares each server has, and how many may go. */
export interface Holdings {
  /** Distinct shares; one that lies on several servers counts for one of them. */
  readonly sharesOf: ReadonlyMap<PeerId, number>
  /** Shares of the file that nobody holds. */
  readonly missingCount: number
  readonly neededShares: number
  readonly totalShares: number
}

/** With so many shares missing a file is lost. */
export function fatalCountOf({ neededShares, totalShares }: Holdings): number {
  return totalShares - neededShares + 1
}

/** How many more shares must go until it is; 0 or less: it is already. */
export function marginOf(holdings: Holdings): number {
  return fatalCountOf(holdings) - holdings.missingCount
}

export function holdingsOf(layout: FileLayout): Holdings {
  const { neededShares, totalShares, placements } = layout
  assert(1 <= neededShares && neededShares <= totalShares, '1 <= needed <= total')
  const sharesOf = new Map<PeerId, number>()
  const seen = new Set<number>()
  for (const { shareNumber, serverId } of placements) {
    if (seen.has(shareNumber) || shareNumber >= totalShares) continue
    seen.add(shareNumber)
    sharesOf.set(serverId, (sharesOf.get(serverId) ?? 0) + 1)
  }
  return { sharesOf, missingCount: totalShares - seen.size, neededShares, totalShares }
}

/** Layouts that differ in nothing that the model sees become one. */
export function joinEqual(layouts: readonly FileLayout[]): readonly FileLayout[] {
  const joined = new Map<string, FileLayout>()
  for (const layout of layouts) {
    const { sharesOf, neededShares, totalShares } = holdingsOf(layout)
    const key = JSON.stringify([neededShares, totalShares, [...sharesOf].sort()])
    const fileCount = layout.fileCount + (joined.get(key)?.fileCount ?? 0)
    joined.set(key, { ...layout, fileCount })
  }
  return [...joined.values()]
}

/** All servers of one owner; of one that names none, what placement takes to fail together. */
export function ownerKeyOf(server: Pick<ServerEstimate, 'serverId' | 'owner' | 'site'>): string {
  return server.owner === '' ? failureDomainOf(server) : `of ${server.owner}`
}

/** Those that can lose fewest shares first. */
export function leastMarginFirst(layouts: readonly FileLayout[]): readonly FileLayout[] {
  return layouts
    .map((layout) => ({ layout, margin: marginOf(holdingsOf(layout)) }))
    .sort((left, right) => left.margin - right.margin)
    .map(({ layout }) => layout)
}

/**
 * What can take shares for good, as a tree: owners, their sites, the servers there.
 *
 * @param sharesOf of servers that all have an estimate
 */
export function lossFaults(
  sharesOf: ReadonlyMap<PeerId, number>,
  estimates: EstimatesByServer,
): readonly Fault[] {
  return ownersOf(sharesOf, estimates).flatMap(({ isNamed, sites }) => {
    const ownerPerYear = isNamed ? OWNER_FRACTION * leastLosses(sites.flatMap(({ servers }) => servers)) : 0
    const siteFaults = sites.flatMap((site) => {
      const sitePerYear = site.isNamed ? SITE_FRACTION * leastLosses(site.servers) : 0
      const serverFaults = site.servers.map(({ serverId, lossesPerYear, goneProbability }) => ({
        perYear: Math.max(0, lossesPerYear - sitePerYear - ownerPerYear),
        startProbability: goneProbability,
        shareCount: sharesOf.get(serverId) ?? 0,
        within: [],
      }))
      return site.isNamed ? [togetherAt(sitePerYear, serverFaults)] : serverFaults
    })
    return isNamed ? [togetherAt(ownerPerYear, siteFaults)] : siteFaults
  })
}

/**
 * What keeps shares from being read at a moment drawn by lot: servers lost, and servers and sites that are off.
 *
 * A site is off for a part of the time in which its best server is, so that each server is there as often as measured.
 *
 * @param sharesOf of servers that all have an estimate
 */
export function outageFaults(
  sharesOf: ReadonlyMap<PeerId, number>,
  estimates: EstimatesByServer,
): readonly Fault[] {
  return ownersOf(sharesOf, estimates).flatMap(({ sites }) =>
    sites.map(({ isNamed, servers }) => {
      const best = Math.max(...servers.map(({ availability }) => availability))
      const siteAvailability = isNamed ? best ** SITE_OUTAGE_FRACTION : 1
      const serverFaults = servers.map(({ serverId, availability, goneProbability }) => ({
        perYear: 0,
        startProbability: 1 - (availability / siteAvailability) * (1 - goneProbability),
        shareCount: sharesOf.get(serverId) ?? 0,
        within: [],
      }))
      return { perYear: 0, startProbability: 1 - siteAvailability, shareCount: 0, within: serverFaults }
    }),
  )
}

function togetherAt(perYear: number, within: readonly Fault[]): Fault {
  return { perYear, startProbability: 0, shareCount: 0, within }
}

function leastLosses(servers: readonly ServerEstimate[]): number {
  return Math.min(...servers.map(({ lossesPerYear }) => lossesPerYear))
}

interface Site {
  /** Servers that say neither owner nor site share nothing that is known. */
  readonly isNamed: boolean
  readonly servers: readonly ServerEstimate[]
}

interface Owner {
  readonly isNamed: boolean
  readonly sites: readonly Site[]
}

function ownersOf(sharesOf: ReadonlyMap<PeerId, number>, estimates: EstimatesByServer): readonly Owner[] {
  const servers = [...sharesOf.keys()].map((serverId) => {
    const estimate = estimates.get(serverId)
    assert(estimate !== undefined, 'every server of a layout is estimated')
    return estimate
  })
  return valuesBy(servers, ownerKeyOf).map((group) => ({
    isNamed: group.some(({ owner }) => owner !== ''),
    sites: valuesBy(group, failureDomainOf).map((servers) => ({
      isNamed: servers.some(({ owner, site }) => owner !== '' || site !== ''),
      servers,
    })),
  }))
}

function valuesBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): readonly (readonly Item[])[] {
  return [...Map.groupBy(items, keyOf).values()]
}
