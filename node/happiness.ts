/**
 * Placement as a pure matching problem.
 *
 * Happiness is the size of a maximum matching between servers and shares: how many distinct servers hold distinct
 * shares, so that any k of those servers rebuild the file (Tahoe-LAFS, "servers of happiness").
 */
import type { PeerId } from './platform/platform.ts'

/** A share and a server that holds it, or would. */
export interface Placement {
  readonly shareNumber: number
  readonly serverId: PeerId
}

/** Placements and nothing else of what is handed in, by share number. */
export function inShareOrder(placements: readonly Placement[]): readonly Placement[] {
  return placements
    .map(({ shareNumber, serverId }) => ({ shareNumber, serverId }))
    .sort((left, right) => left.shareNumber - right.shareNumber)
}

/** Size of a maximum matching, by augmenting paths: O(shares x placements). */
export function happiness(placements: Iterable<Placement>): number {
  return matchShares(placements).size
}

/** A maximum matching: each share's own server, for as many shares as can have one to themselves. */
export function matchShares(placements: Iterable<Placement>): ReadonlyMap<number, PeerId> {
  const serversOf = new Map<number, PeerId[]>()
  for (const { shareNumber, serverId } of placements) {
    const servers = serversOf.get(shareNumber)
    if (servers === undefined) serversOf.set(shareNumber, [serverId])
    else servers.push(serverId)
  }
  const shareOf = new Map<PeerId, number>()
  const claim = (shareNumber: number, asked: Set<PeerId>): boolean => {
    for (const serverId of serversOf.get(shareNumber) ?? []) {
      if (asked.has(serverId)) continue
      asked.add(serverId)
      const holder = shareOf.get(serverId)
      if (holder === undefined || claim(holder, asked)) {
        shareOf.set(serverId, shareNumber)
        return true
      }
    }
    return false
  }
  for (const shareNumber of serversOf.keys()) claim(shareNumber, new Set())
  return new Map([...shareOf].map(([serverId, shareNumber]) => [shareNumber, serverId]))
}

/** A server that would take shares, as placement sees it. */
export interface Candidate {
  readonly serverId: PeerId
  /** Servers of one domain fail together: one owner at one site. */
  readonly failureDomain: string
}

/**
 * Choose a server for each share that needs one.
 *
 * The candidates are taken in ring order; a server that holds nothing of the file yet goes before one that does, and
 * among those a failure domain with fewer shares goes first. With as many servers as shares each gets one, which is
 * as happy as can be.
 *
 * @param candidates in ring order; without those known to be full or lost
 * @param existing where shares of the file are already
 * @returns one placement for each share; none if there is no candidate
 */
export function planPlacement(plan: {
  readonly shareNumbers: readonly number[]
  readonly candidates: readonly Candidate[]
  readonly existing: readonly Placement[]
}): readonly Placement[] {
  const domainOf = new Map(plan.candidates.map(({ serverId, failureDomain }) => [serverId, failureDomain]))
  const serverLoad = new Map<PeerId, number>()
  const domainLoad = new Map<string, number>()
  const count = (serverId: PeerId): void => {
    const domain = domainOf.get(serverId)
    serverLoad.set(serverId, (serverLoad.get(serverId) ?? 0) + 1)
    if (domain !== undefined) domainLoad.set(domain, (domainLoad.get(domain) ?? 0) + 1)
  }
  for (const { serverId } of plan.existing) count(serverId)
  const load = ({ serverId, failureDomain }: Candidate): readonly [number, number] => [
    serverLoad.get(serverId) ?? 0,
    domainLoad.get(failureDomain) ?? 0,
  ]
  const placements: Placement[] = []
  for (const shareNumber of plan.shareNumbers) {
    let best: Candidate | undefined
    for (const candidate of plan.candidates) {
      if (best === undefined || isLess(load(candidate), load(best))) best = candidate
    }
    if (best === undefined) return []
    placements.push({ shareNumber, serverId: best.serverId })
    count(best.serverId)
  }
  return placements
}

function isLess(left: readonly [number, number], right: readonly [number, number]): boolean {
  return left[0] < right[0] || (left[0] === right[0] && left[1] < right[1])
}
