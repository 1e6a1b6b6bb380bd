/** Servers and layouts as tests need them. */
import type { EstimatesByServer, ServerEstimate } from '../../../node/durability/estimate.ts'
import type { RepairPace } from '../../../node/durability/kept-file.ts'
import type { FileLayout } from '../../../node/durability/layout.ts'

const DAY_SECONDS = 24 * 3600

export const DAILY: RepairPace = {
  roundSeconds: DAY_SECONDS,
  waitFraction: 0,
  patienceSeconds: 3 * DAY_SECONDS,
  workSeconds: DAY_SECONDS,
}

export function server(serverId: string, more: Partial<ServerEstimate> = {}): ServerEstimate {
  const usual = { owner: '', site: '', availability: 0.95, goneProbability: 0, lossesPerYear: 0.2 }
  return { serverId, ...usual, ...more }
}

export function byId(servers: readonly ServerEstimate[]): EstimatesByServer {
  return new Map(servers.map((one) => [one.serverId, one]))
}

/** Share i on the i-th server. */
export function layout(
  neededShares: number,
  serverIds: readonly string[],
  more: Partial<FileLayout> = {},
): FileLayout {
  const placements = serverIds.map((serverId, shareNumber) => ({ shareNumber, serverId }))
  return { neededShares, totalShares: placements.length, placements, fileCount: 1, ...more }
}

/** `a`, `b`, `c`… */
export function letters(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => String.fromCharCode('a'.charCodeAt(0) + index))
}
