/**
 * The one event that would lose data: the fewest places that, gone together for good, take too many shares of a file.
 *
 * One server first, then all servers of one owner at one site, then all of one owner. If none of them is enough, the
 * fewest sites at once. Sites share no server, so for one layout those with the most shares are the fewest, exactly.
 */
import { failureDomainOf } from '../grid.ts'
import type { PeerId } from '../platform/platform.ts'
import type { EstimatesByServer } from './estimate.ts'
import { type FileLayout, holdingsOf, marginOf, ownerKeyOf } from './layout.ts'

export interface LostPlace {
  readonly kind: 'server' | 'site' | 'owner'
  /** Empty: not said. */
  readonly owner: string
  readonly site: string
  /** Those that hold shares, in order. */
  readonly serverIds: readonly PeerId[]
}

export interface WeakestEvent {
  /** All at once; at least one. */
  readonly places: readonly LostPlace[]
  /** Files that it would lose. */
  readonly lostFileCount: number
}

interface Place extends LostPlace {
  readonly servers: ReadonlySet<PeerId>
}

/**
 * Of events of equally few places, the one that loses most files.
 *
 * @param layouts those that are lost already count in no event
 * @param estimates of servers that are not in it nothing is known, not even an owner
 * @returns undefined if there is nothing left to lose
 */
export function weakestEvent(
  layouts: readonly FileLayout[],
  estimates: EstimatesByServer,
): WeakestEvent | undefined {
  const files = layouts
    .map((layout) => {
      const holdings = holdingsOf(layout)
      return { sharesOf: holdings.sharesOf, margin: marginOf(holdings), fileCount: layout.fileCount }
    })
    .filter(({ margin }) => margin > 0)
  if (files.length === 0) return undefined
  const lostBy = (places: readonly Place[]): number =>
    files
      .filter((file) => sharesIn(file.sharesOf, places) >= file.margin)
      .reduce((sum, file) => sum + file.fileCount, 0)
  const serverIds = [...new Set(files.flatMap(({ sharesOf }) => [...sharesOf.keys()]))].sort()
  const sites = placesOf(serverIds, estimates, 'site')
  for (const single of [
    placesOf(serverIds, estimates, 'server'),
    sites,
    placesOf(serverIds, estimates, 'owner'),
  ]) {
    const event = worstOf(
      single.map((place) => [place]),
      lostBy,
    )
    if (event !== undefined) return event
  }
  const candidates = files.map(({ sharesOf, margin }) => fewestSites(sites, sharesOf, margin))
  const fewest = Math.min(...candidates.map((places) => places.length))
  return worstOf(
    candidates.filter((places) => places.length === fewest),
    lostBy,
  )
}

function sharesIn(sharesOf: ReadonlyMap<PeerId, number>, places: readonly Place[]): number {
  let sum = 0
  for (const [serverId, count] of sharesOf)
    if (places.some(({ servers }) => servers.has(serverId))) sum += count
  return sum
}

function fewestSites(
  sites: readonly Place[],
  sharesOf: ReadonlyMap<PeerId, number>,
  margin: number,
): readonly Place[] {
  const byShares = sites.toSorted((left, right) => sharesIn(sharesOf, [right]) - sharesIn(sharesOf, [left]))
  const chosen: Place[] = []
  for (const site of byShares) {
    if (sharesIn(sharesOf, chosen) >= margin) break
    chosen.push(site)
  }
  return chosen
}

function worstOf(
  events: readonly (readonly Place[])[],
  lostBy: (places: readonly Place[]) => number,
): WeakestEvent | undefined {
  let worst: WeakestEvent | undefined
  for (const places of events) {
    const lostFileCount = lostBy(places)
    if (lostFileCount > (worst?.lostFileCount ?? 0)) worst = { places: places.map(plain), lostFileCount }
  }
  return worst
}

function plain({ kind, owner, site, serverIds }: Place): LostPlace {
  return { kind, owner, site, serverIds }
}

/** Servers grouped; one that names no owner, or no site, is a place of its own in that sense. */
function placesOf(
  serverIds: readonly PeerId[],
  estimates: EstimatesByServer,
  kind: LostPlace['kind'],
): readonly Place[] {
  const keyOf = (serverId: PeerId): string => {
    const { owner = '', site = '' } = estimates.get(serverId) ?? {}
    const server = { serverId, owner, site }
    if (kind === 'server') return serverId
    return kind === 'site' ? failureDomainOf(server) : ownerKeyOf(server)
  }
  return [...Map.groupBy(serverIds, keyOf).values()].map((grouped) => {
    const [first = ''] = grouped
    const { owner = '', site = '' } = estimates.get(first) ?? {}
    const isNamed = owner !== '' || site !== ''
    return {
      kind: isNamed ? kind : 'server',
      owner,
      site: kind === 'owner' ? '' : site,
      serverIds: grouped,
      servers: new Set(grouped),
    }
  })
}
