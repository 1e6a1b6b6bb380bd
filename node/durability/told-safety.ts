/** From what was found, layouts of files and records of servers, to what is told of them. */

import type { ShareNumbers } from '../fitting-encoding.ts'
import { failureDomainOf } from '../grid.ts'
import { planPlacement } from '../happiness.ts'
import { OBSERVATION_SECONDS } from '../keeping/limits.ts'
import type { ServerRecord } from '../keeping/server-records.ts'
import type { PeerId } from '../platform/platform.ts'
import type { KnownServer } from '../status.ts'
import { assessRoot, type GridToAssess, type RootDurability, type RootToAssess } from './assess.ts'
import {
  type Estimates,
  type EstimatesByServer,
  estimateServers,
  estimateStranger,
  type ServerHistory,
} from './estimate.ts'
import type { RepairPace } from './kept-file.ts'

/** A server with less room than this is full: a share of a file of 50 MB, at 3 of 10. */
const ROOM_LEAST_BYTES = 16 * 1024 * 1024
/** Silence shorter than two looks is none: an audit in between is an answer of one server alone. */
const SILENCE_LEAST_SECONDS = 2 * OBSERVATION_SECONDS

export interface KeptGrid {
  readonly records: readonly ServerRecord[]
  /** Who is known, and answered just now. */
  readonly servers: readonly KnownServer[]
  /** Since 1970 UTC. */
  readonly nowSeconds: number
}

/** What a status tells of safety. */
export interface ToldDurability {
  /** Of a file that is put now, with the numbers of the home; undefined: too few servers would take it. */
  readonly put: RootDurability | undefined
  /** What the home's daemon has measured of servers, which all chances go by. */
  readonly records: readonly ServerRecord[]
}

/** Placed as a put would, on servers that answer and have room. */
export function tellPut(
  numbers: ShareNumbers,
  kept: KeptGrid & { readonly pace: RepairPace },
): RootDurability | undefined {
  const { neededShares, totalShares, happyServers } = numbers
  const candidates = kept.servers.filter(takesShares).map(({ peerId, owner, site }) => ({
    serverId: peerId,
    failureDomain: failureDomainOf({ serverId: peerId, owner, site }),
  }))
  if (candidates.length < happyServers) return undefined
  const shareNumbers = Array.from({ length: totalShares }, (_, shareNumber) => shareNumber)
  const placements = planPlacement({ shareNumbers, candidates, existing: [] })
  const layouts = [{ neededShares, totalShares, placements, fileCount: 1 }]
  return tellRoot({ layouts, otherCount: 0, pace: kept.pace }, kept)
}

/** Of files that lie as they were found, on servers as they were measured. */
export function tellRoot(root: RootToAssess, kept: KeptGrid): RootDurability {
  return assessRoot(root, gridOf(root, kept))
}

function gridOf({ layouts }: RootToAssess, { records, servers, nowSeconds }: KeptGrid): GridToAssess {
  const known = new Map(servers.map((server) => [server.peerId, server]))
  const estimates = estimateServers(historiesOf(records, known), nowSeconds)
  const holders = layouts.flatMap(({ placements }) => placements.map(({ serverId }) => serverId))
  const serverIds = new Set([...known.keys(), ...holders])
  const answering = servers.filter(({ status }) => status !== undefined)
  const hasRoom = new Set(answering.filter(takesShares).map(({ peerId }) => peerId))
  return {
    estimates: withStrangers(estimates, serverIds, known),
    takers: hasRoom,
    full: new Set(answering.map(({ peerId }) => peerId).filter((peerId) => !hasRoom.has(peerId))),
  }
}

/** Looks are at all servers at once, so the latest answer of any is when all were asked last. */
function historiesOf(
  records: readonly ServerRecord[],
  known: ReadonlyMap<PeerId, KnownServer>,
): readonly ServerHistory[] {
  const lastAskedSeconds = records.reduce(
    (last, { lastAnswerSeconds }) => Math.max(last, lastAnswerSeconds ?? 0),
    0,
  )
  return records.map((record) => {
    const { serverId, firstKnownSeconds, askedCount, answeredCount, lastAnswerSeconds } = record
    const { owner = '', site = '' } = known.get(serverId) ?? {}
    const silentSeconds = lastAskedSeconds - (lastAnswerSeconds ?? 0)
    return {
      serverId,
      owner,
      site,
      firstKnownSeconds,
      askedCount,
      answeredCount,
      lastAskedSeconds: Math.max(lastAskedSeconds, firstKnownSeconds),
      lastAnsweredSeconds: silentSeconds < SILENCE_LEAST_SECONDS ? lastAskedSeconds : lastAnswerSeconds,
    }
  })
}

function takesShares({ status }: KnownServer): boolean {
  if (status === undefined) return false
  const { freeBytes, accountUsedBytes, accountQuotaBytes } = status
  const leftBytes = accountQuotaBytes === undefined ? freeBytes : accountQuotaBytes - accountUsedBytes
  return Math.min(freeBytes, leftBytes) >= ROOM_LEAST_BYTES
}

function withStrangers(
  { expected, cautious, lossesPerYear, evidence }: Estimates,
  serverIds: ReadonlySet<PeerId>,
  known: ReadonlyMap<PeerId, KnownServer>,
): Estimates {
  const complete = (estimates: EstimatesByServer, losses: number): EstimatesByServer => {
    const all = new Map(estimates)
    for (const serverId of serverIds) {
      if (all.has(serverId)) continue
      const { owner = '', site = '', isLocal = false } = known.get(serverId) ?? {}
      const stranger = estimateStranger({ serverId, owner, site }, losses)
      // Whoever repairs and reads here has the own server at hand.
      all.set(serverId, isLocal ? { ...stranger, availability: 1 } : stranger)
    }
    return all
  }
  return {
    expected: complete(expected, lossesPerYear.expected),
    cautious: complete(cautious, lossesPerYear.cautious),
    lossesPerYear,
    evidence,
  }
}
