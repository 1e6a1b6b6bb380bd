/** What check, verify and repair have found, in the shapes that Tahoe's clients know (WEB-API.md §9). */
import { toBase32 } from '#crypto'
import type { CheckReport, DeepReport, ServerFailure } from '#node'

export interface CheckResults {
  readonly 'storage-index': string
  readonly summary: string
  readonly results: Readonly<Record<string, unknown>>
}

/** Of what needs no server. */
export const LITERAL_RESULTS: CheckResults = Object.freeze({
  'storage-index': '',
  summary: 'Healthy: the capability holds the content itself',
  results: Object.freeze({ healthy: true, recoverable: true }),
})

export function resultsOfFile(storageIndex: string, report: CheckReport): CheckResults {
  const { encoding, placements, isHealthy, isRecoverable, failures, happiness, foundCount } = report
  const servers = [...new Set(placements.map(({ serverId }) => serverId))]
  const sharemap: Record<string, string[]> = {}
  for (const { shareNumber, serverId } of placements) {
    sharemap[shareNumber] = [...(sharemap[shareNumber] ?? []), serverId]
  }
  return {
    'storage-index': storageIndex,
    summary: summaryOf({ isHealthy, isRecoverable, foundCount, wantedCount: encoding?.totalShares ?? 0 }),
    results: {
      healthy: isHealthy,
      recoverable: isRecoverable,
      'count-happiness': happiness,
      'count-shares-good': foundCount,
      'count-shares-needed': encoding?.neededShares ?? null,
      'count-shares-expected': encoding?.totalShares ?? null,
      'count-good-share-hosts': servers.length,
      'count-wrong-shares': 0,
      'count-recoverable-versions': isRecoverable ? 1 : 0,
      'count-unrecoverable-versions': isRecoverable ? 0 : 1,
      ...corruptSharesOf(failures),
      'servers-responding': servers,
      sharemap,
      failures,
    },
  }
}

export function resultsOfReport(report: DeepReport): CheckResults {
  const { storageIndex, isHealthy, isRecoverable, foundCount, wantedCount, failures, warnings } = report
  return {
    'storage-index': toBase32(storageIndex),
    summary: summaryOf(report),
    results: {
      healthy: isHealthy,
      recoverable: isRecoverable,
      'count-shares-good': foundCount,
      'count-shares-expected': wantedCount,
      ...corruptSharesOf(failures),
      failures,
      warnings,
    },
  }
}

/** Before and after a repair. */
export function repairResults(
  before: CheckResults,
  outcome: { readonly after: CheckResults; readonly isHealthy: boolean; readonly wasHealthy: boolean },
) {
  const wasAttempted = !outcome.wasHealthy
  return {
    'storage-index': before['storage-index'],
    'repair-attempted': wasAttempted,
    'repair-successful': wasAttempted && outcome.isHealthy,
    'pre-repair-results': before,
    'post-repair-results': outcome.after,
  }
}

function corruptSharesOf(failures: readonly ServerFailure[]) {
  const corrupt = failures.filter(({ code }) => code === 'INTEGRITY')
  return {
    'count-corrupt-shares': corrupt.length,
    'list-corrupt-shares': corrupt.map(({ serverId, shareNumber }) => [serverId, shareNumber ?? null]),
  }
}

function summaryOf({
  isHealthy,
  isRecoverable,
  foundCount,
  wantedCount,
}: Pick<DeepReport, 'isHealthy' | 'isRecoverable' | 'foundCount' | 'wantedCount'>): string {
  const state = isHealthy ? 'Healthy' : isRecoverable ? 'Not healthy' : 'Not recoverable'
  return `${state}: found ${foundCount} of ${wantedCount}`
}
