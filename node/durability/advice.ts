/**
 * What would make a root safer: each change that somebody could make is played through, and the model asked again.
 */
import { failureDomainOf } from '../grid.ts'
import type { PeerId } from '../platform/platform.ts'
import { CLAIM_LEAST, type EstimatesByServer, LOST_PROBABILITY, type ServerEstimate } from './estimate.ts'
import { type FilesCircumstances, riskOfFiles } from './files-risk.ts'
import { DAILY_REPAIR } from './kept-file.ts'
import { type FileLayout, holdingsOf, leastMarginFirst } from './layout.ts'

export type Change =
  /** Make the missing shares again, on the servers there are. */
  | { readonly kind: 'repair'; readonly shareCount: number }
  /** Once a day: nobody does now. */
  | { readonly kind: 'repair-daily' }
  /** One more server, of an owner and at a site that have none. */
  | { readonly kind: 'add-server' }
  /** These have no room: their owners lend more. */
  | { readonly kind: 'lend-more'; readonly serverIds: readonly PeerId[] }
  /** Store the files anew, one share on each server. */
  | {
      readonly kind: 'other-numbers'
      readonly neededShares: number
      readonly totalShares: number
      /** Space on all servers together, in sizes of the file, then and now. */
      readonly spaceFactor: number
      readonly spaceFactorNow: number
    }

export interface Advice {
  readonly change: Change
  /** Chance, at most, of losing a file within a year after that. */
  readonly lossInYear: number
}

export interface AdviceCircumstances extends FilesCircumstances {
  /** Servers that answer and have no room. */
  readonly full: ReadonlySet<PeerId>
}

/** A change that does not make a loss half as likely is not worth anybody's trouble. */
const WORTHWHILE_FACTOR = 2

/** Layouts that advice goes by, those with the smallest margin. */
const LAYOUTS_MAX = 4

/**
 * Judged by the files that are nearest to being lost.
 *
 * @returns best first; nothing where no change is worthwhile, or none is needed
 */
export function adviseOn(
  all: readonly FileLayout[],
  { otherCount, ...grid }: AdviceCircumstances,
): readonly Advice[] {
  const layouts = leastMarginFirst(all).slice(0, LAYOUTS_MAX)
  if (layouts.length === 0) return []
  // Each of the others is taken for like the last of these, before and after.
  const circumstances = { ...grid, otherCount: otherCount + all.length - layouts.length }
  const now = riskOfFiles(layouts, circumstances).lossInYear
  if (now <= CLAIM_LEAST) return []
  const changes = [
    repaired,
    repairedDaily,
    withOneServerMore,
    withMoreRoom,
    ...numbersToTry(layouts, circumstances),
  ]
  return changes
    .map((change) => change(layouts, circumstances))
    .filter((found) => found !== undefined)
    .map(({ change, files, given }) => ({ change, lossInYear: riskOfFiles(files, given).lossInYear }))
    .filter(({ lossInYear }) => lossInYear * WORTHWHILE_FACTOR <= now)
    .sort((left, right) => left.lossInYear - right.lossInYear)
}

interface Changed {
  readonly change: Change
  readonly files: readonly FileLayout[]
  readonly given: FilesCircumstances
}

type ChangeToTry = (layouts: readonly FileLayout[], circumstances: AdviceCircumstances) => Changed | undefined

const repaired: ChangeToTry = (layouts, circumstances) => {
  const missing = layouts.map((layout) => holdingsOf(layout).missingCount * layout.fileCount)
  const shareCount = missing.reduce((sum, count) => sum + count, 0)
  if (shareCount === 0) return undefined
  const files = layouts.map((layout) => withMissingMade(layout, circumstances.takers))
  return { change: { kind: 'repair', shareCount }, files, given: circumstances }
}

const repairedDaily: ChangeToTry = (files, circumstances) =>
  Number.isFinite(circumstances.pace.roundSeconds)
    ? undefined
    : { change: { kind: 'repair-daily' }, files, given: { ...circumstances, pace: DAILY_REPAIR } }

/** The server that would be new; no peer id looks like it. */
const NEW_SERVER = 'a new server'

const withOneServerMore: ChangeToTry = (layouts, circumstances) => {
  const { estimates, takers } = circumstances
  const typical = typicalOf(estimates)
  if (typical === undefined) return undefined
  const added = { ...typical, serverId: NEW_SERVER, owner: NEW_SERVER, site: NEW_SERVER, goneProbability: 0 }
  const given = {
    ...circumstances,
    estimates: new Map([...estimates, [NEW_SERVER, added]]),
    takers: new Set([...takers, NEW_SERVER]),
  }
  const files = layouts.map((layout) => withShareOn(layout, NEW_SERVER, given.estimates))
  return { change: { kind: 'add-server' }, files, given }
}

const withMoreRoom: ChangeToTry = (layouts, circumstances) => {
  const { full, takers, estimates } = circumstances
  const serverIds = [...full].filter((serverId) => estimates.has(serverId)).sort()
  if (serverIds.length === 0) return undefined
  const given = { ...circumstances, takers: new Set([...takers, ...serverIds]) }
  const files = layouts.map((layout) =>
    serverIds
      .filter((serverId) => !holdingsOf(layout).sharesOf.has(serverId))
      .reduce((changed, serverId) => withShareOn(changed, serverId, estimates), layout),
  )
  return { change: { kind: 'lend-more', serverIds }, files, given }
}

/** Fewer needed shares of as many, or a share for each server, where files are coded and servers are enough. */
function numbersToTry(
  layouts: readonly FileLayout[],
  { estimates, takers }: AdviceCircumstances,
): readonly ChangeToTry[] {
  const coded = layouts.filter(({ neededShares }) => neededShares > 1)
  const [first] = coded
  if (first === undefined) return []
  const { neededShares, totalShares } = first
  const holders = coded.flatMap(({ placements }) => placements.map(({ serverId }) => serverId))
  const servers = [...new Set([...holders, ...takers])].filter(
    (serverId) => (estimates.get(serverId)?.goneProbability ?? 1) < LOST_PROBABILITY,
  )
  const candidates = [
    { neededShares: neededShares - 1, totalShares: Math.min(totalShares, servers.length) },
    { neededShares, totalShares: Math.min(SHARES_MAX, servers.length) },
  ].filter(
    (numbers) =>
      numbers.neededShares < numbers.totalShares &&
      numbers.totalShares - numbers.neededShares > totalShares - neededShares - 1 &&
      (numbers.neededShares !== neededShares || numbers.totalShares > totalShares),
  )
  return candidates.map((numbers) => (all, circumstances) => ({
    change: {
      kind: 'other-numbers',
      ...numbers,
      spaceFactor: numbers.totalShares / numbers.neededShares,
      spaceFactorNow: totalShares / neededShares,
    },
    files: all.map((layout) =>
      layout.neededShares === 1
        ? layout
        : {
            ...numbers,
            fileCount: layout.fileCount,
            placements: servers
              .slice(0, numbers.totalShares)
              .map((serverId, shareNumber) => ({ shareNumber, serverId })),
          },
    ),
    given: circumstances,
  }))
}

/** More shares than this cost more space than they are worth, whatever the grid has. */
const SHARES_MAX = 32

function typicalOf(estimates: EstimatesByServer): ServerEstimate | undefined {
  const byAvailability = [...estimates.values()].sort((left, right) => left.availability - right.availability)
  return byAvailability[byAvailability.length >> 1]
}

/** Missing shares on servers that have none first, then in turn on those that have few. */
function withMissingMade(layout: FileLayout, takers: ReadonlySet<PeerId>): FileLayout {
  const placements = [...layout.placements]
  const found = new Set(placements.map(({ shareNumber }) => shareNumber))
  const load = new Map([...takers].map((serverId) => [serverId, 0]))
  for (const { serverId } of placements) {
    if (load.has(serverId)) load.set(serverId, (load.get(serverId) ?? 0) + 1)
  }
  for (let shareNumber = 0; shareNumber < layout.totalShares; shareNumber += 1) {
    if (found.has(shareNumber)) continue
    const [emptiest] = [...load].sort((left, right) => left[1] - right[1])
    if (emptiest === undefined) break
    const [serverId, count] = emptiest
    load.set(serverId, count + 1)
    placements.push({ shareNumber, serverId })
  }
  return { ...layout, placements }
}

/** One more share there: one that is missing, else one from the place that has most. */
function withShareOn(layout: FileLayout, serverId: PeerId, estimates: EstimatesByServer): FileLayout {
  const { placements, totalShares } = layout
  const found = new Set(placements.map(({ shareNumber }) => shareNumber))
  for (let shareNumber = 0; shareNumber < totalShares; shareNumber += 1) {
    if (!found.has(shareNumber)) return { ...layout, placements: [...placements, { shareNumber, serverId }] }
  }
  const placeOfHolder = (holderId: PeerId): string =>
    failureDomainOf(estimates.get(holderId) ?? { serverId: holderId, owner: '', site: '' })
  const load = new Map<string, number>()
  for (const { serverId: holderId } of placements) {
    const place = placeOfHolder(holderId)
    load.set(place, (load.get(place) ?? 0) + 1)
  }
  const [fullest] = [...load].sort((left, right) => right[1] - left[1])
  const moved = placements.find((placement) => placeOfHolder(placement.serverId) === fullest?.[0])
  if (fullest === undefined || fullest[1] < 2) return layout
  return {
    ...layout,
    placements: placements.map((placement) => (placement === moved ? { ...placement, serverId } : placement)),
  }
}
