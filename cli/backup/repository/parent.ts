/** Which snapshot a backup is compared with. Pure. */
import type { Snapshot } from '#crypto'
import type { ParentSnapshot, UnreadableSnapshot } from './types.ts'

/** The newest of the same host and the same paths, in whatever order they were given. */
export async function newestOf(
  snapshots: AsyncIterable<Snapshot | UnreadableSnapshot>,
  host: string,
  paths: readonly string[],
): Promise<ParentSnapshot | undefined> {
  let newest: Snapshot | undefined
  for await (const snapshot of snapshots) {
    if ('error' in snapshot || snapshot.host !== host || !isSameSet(snapshot.paths, paths)) continue
    if (newest === undefined || isNewer(snapshot, newest)) newest = snapshot
  }
  if (newest === undefined) return undefined
  const { id, takenAtMilliseconds, root } = newest
  return { id, takenAtMilliseconds, root }
}

function isNewer(left: Snapshot, right: Snapshot): boolean {
  if (left.takenAtMilliseconds !== right.takenAtMilliseconds) {
    return left.takenAtMilliseconds > right.takenAtMilliseconds
  }
  return left.id > right.id
}

function isSameSet(left: readonly string[], right: readonly string[]): boolean {
  return new Set(left).symmetricDifference(new Set(right)).size === 0
}
