/** Snapshots of nothing, for what only looks at their heads. */
import type { Snapshot, SnapshotTotals } from '#crypto'

export const NO_TOTALS: SnapshotTotals = {
  files: 0,
  folders: 0,
  bytes: 0,
  newFiles: 0,
  changedFiles: 0,
  unmodifiedFiles: 0,
  unreadableFiles: 0,
  addedBytes: 0,
  storedBytes: 0,
  milliseconds: 0,
}

export function snapshotOf(id: string, takenAtMilliseconds: number, more: Partial<Snapshot> = {}): Snapshot {
  const root = { sizeBytes: 0, depth: 0, ids: [] }
  return { id, takenAtMilliseconds, host: 'h', paths: ['/p'], tags: [], root, totals: NO_TOTALS, ...more }
}
