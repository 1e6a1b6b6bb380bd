/** Snapshots as tables, and as JSON. Pure. */
import type { Snapshot, SnapshotTotals } from '#crypto'
import { countOf, formatBytes, formatCount } from '../describe.ts'
import { formatTime } from '../entry-lines.ts'
import { printable } from '../names.ts'
import { type SnapshotGroup, shortId } from './selection.ts'

const HEAD = ['id', 'taken', 'host', 'tags', 'files', 'size', 'paths'] as const
const RATIO_SHOWN_MAX = 10_000
/** By column: numbers stand to the right. */
const NUMBERS: ReadonlySet<number> = new Set([4, 5])

/** A head, and a line for each snapshot in the order given. @param reasons by id: why it is kept, as one column more */
export function snapshotTable(
  snapshots: readonly Snapshot[],
  reasons?: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const rows = snapshots.map((snapshot) => {
    const { id, takenAtMilliseconds, host, tags, paths, totals } = snapshot
    return [
      shortId(id),
      formatTime(takenAtMilliseconds),
      printable(host),
      printable(tags.join(',')),
      formatCount(totals.files),
      formatBytes(totals.bytes),
      printable(paths.join(', ')),
      ...(reasons === undefined ? [] : [(reasons.get(id) ?? []).join('; ')]),
    ]
  })
  const head = [...HEAD, ...(reasons === undefined ? [] : ['kept by'])]
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return NUMBERS.has(column) ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd(),
  )
}

/** In one line, above what is found in it. */
export function describeSnapshot({ id, takenAtMilliseconds, host }: Snapshot): string {
  return `snapshot ${shortId(id)} of ${formatTime(takenAtMilliseconds)}, ${printable(host)}`
}

export function snapshotJson(snapshot: Snapshot): object {
  const { id, takenAtMilliseconds, host, paths, tags, parent, totals } = snapshot
  return { id, takenAt: new Date(takenAtMilliseconds).toISOString(), host, paths, tags, parent, totals }
}

export function describeGroup({ host, paths, tags }: SnapshotGroup['key']): string {
  const parts = [
    ...(host === undefined ? [] : [`host ${printable(host)}`]),
    ...(paths === undefined ? [] : [`paths ${printable(paths.join(', '))}`]),
    ...(tags === undefined ? [] : [`tags ${printable(tags.join(',')) || 'none'}`]),
  ]
  return parts.length === 0 ? 'all snapshots' : parts.join(', ')
}

/**
 * How much smaller than all that was backed up is what had to be stored for it. Undefined where nothing was added,
 * because the ratio has no end then.
 */
export function dedupRatio({ bytes, storedBytes }: SnapshotTotals): number | undefined {
  return storedBytes === 0 ? undefined : bytes / storedBytes
}

/** What a backup came to, in a few lines. */
export function describeTotals(totals: SnapshotTotals): readonly string[] {
  const { files, folders, newFiles, changedFiles, unmodifiedFiles, unreadableFiles, bytes } = totals
  const ratio = dedupRatio(totals)
  return [
    `files     ${formatCount(newFiles)} new, ${formatCount(changedFiles)} changed, ` +
      `${formatCount(unmodifiedFiles)} unmodified` +
      (unreadableFiles > 0 ? `, ${formatCount(unreadableFiles)} NOT READ` : ''),
    `all       ${countOf(files, 'file')} in ${countOf(folders, 'folder')}, ${formatBytes(bytes)}`,
    `added     ${formatBytes(totals.addedBytes)}, ${formatBytes(totals.storedBytes)} compressed` +
      (ratio === undefined ? '' : `; dedup ratio ${ratioText(ratio)}`),
  ]
}

/** Where nearly nothing was added, the digits mean nothing. */
function ratioText(ratio: number): string {
  if (ratio >= RATIO_SHOWN_MAX) return `above ${formatCount(RATIO_SHOWN_MAX)}`
  return ratio < 100 ? ratio.toFixed(1) : formatCount(Math.round(ratio))
}
