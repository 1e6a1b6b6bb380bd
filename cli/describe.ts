/** Reports as people read them. Pure. */
import prettyBytes from 'pretty-bytes'
import {
  type CheckReport,
  type Placement,
  type RepairReport,
  type ServerFailure,
  type ShareNumbers,
  summarizeFailures,
} from '#node'
import { formatSeconds } from './progress.ts'

/** Of the labels of `cairn status`. */
const LABEL_WIDTH = 10

export function formatBytes(sizeBytes: number): string {
  return prettyBytes(sizeBytes)
}

/** `1,234`. Not by Intl, which takes 20 ms for its first number. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** `1 file`, `1,234 files`. */
export function countOf(count: number, thing: string): string {
  return `${formatCount(count)} ${thing}${count === 1 ? '' : 's'}`
}

/** `12.3 MB in 0.4 s, 31 MB/s`. */
export function formatTransfer(sizeBytes: number, milliseconds: number): string {
  const time =
    milliseconds < 9_950
      ? `${(milliseconds / 1000).toFixed(milliseconds < 1_000 ? 2 : 1)} s`
      : formatSeconds(milliseconds / 1000)
  return `${formatBytes(sizeBytes)} in ${time}, ${formatBytes((1000 * sizeBytes) / Math.max(1, milliseconds))}/s`
}

/** Lines of `cairn status` under one label. */
export function labelled(label: string, lines: readonly string[]): readonly string[] {
  return lines.map((line, place) => `${(place === 0 ? label : '').padEnd(LABEL_WIDTH)}${line}`)
}

export function formatNumbers({ neededShares, happyServers, totalShares }: ShareNumbers): string {
  return `${neededShares} of ${totalShares} shares rebuild it, at least ${happyServers} servers hold one`
}

/** `3 on 12D3Koo…, 4 on …`, one line each. */
export function placementLines(placements: readonly Placement[]): readonly string[] {
  return placements.map(
    ({ shareNumber, serverId }) => `  share ${String(shareNumber).padStart(3)}  ${serverId}`,
  )
}

export function failureLines(failures: readonly ServerFailure[]): readonly string[] {
  return failures.map(({ shareNumber, serverId, code, message }) => {
    const share = shareNumber === undefined ? '' : ` share ${shareNumber}:`
    // Messages name the server too, and again in each of its addresses; once is enough.
    const why = message.replaceAll(`/p2p/${serverId}`, '').replace(`${serverId} `, '')
    return `  ${serverId}:${share} ${why} (${code})`
  })
}

/** `4 unreachable`, and every corrupt share by name. */
export function formatFailures(failures: readonly ServerFailure[]): string {
  const corrupt = failures.filter(({ code }) => code === 'INTEGRITY')
  return [summarizeFailures(failures), ...failureLines(corrupt)].join('\n')
}

/** What a check or verify has found. */
export function describeCheck(report: CheckReport, options: { readonly verified: boolean }): string {
  const { encoding, placements, missing, failures } = report
  const lines = [verdictOf(report, options), ...placementLines(placements)]
  if (encoding !== undefined && missing.length > 0) lines.push(`missing: ${missing.join(', ')}`)
  if (failures.length > 0) lines.push('failures:', ...failureLines(failures))
  return lines.join('\n')
}

function verdictOf(report: CheckReport, { verified }: { readonly verified: boolean }): string {
  const { encoding, foundCount, fileSizeBytes, happiness, askedCount } = report
  if (encoding === undefined) return `lost: no share found; ${askedCount} servers asked`
  const { neededShares, totalShares } = encoding
  const state = report.isHealthy ? 'healthy' : report.isRecoverable ? 'degraded' : 'not recoverable'
  const kind = verified ? 'good shares' : 'shares'
  return (
    `${state}: ${foundCount} of ${totalShares} ${kind} on ${happiness} servers, ${neededShares} needed; ` +
    `${formatBytes(fileSizeBytes ?? 0)}, ${askedCount} servers asked`
  )
}

export function describeRepair(report: RepairReport): string {
  const { before, after, made, removed, failures } = report
  const was = before.isHealthy ? 'was healthy' : `had ${before.foundCount} good shares`
  const lines = [`${verdictOf(after, { verified: true })} (${was})`]
  if (removed.length > 0) lines.push('corrupt, taken away:', ...placementLines(removed))
  if (made.length > 0) lines.push('made again:', ...placementLines(made))
  if (after.missing.length > 0) lines.push(`still missing: ${after.missing.join(', ')}`)
  if (failures.length > 0) lines.push('failures:', ...failureLines(failures))
  return lines.join('\n')
}
