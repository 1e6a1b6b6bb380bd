/** Which snapshots a command means: by filters, by groups, by the beginning of an id. Pure. */
import { InvalidInputError, type Snapshot } from '#crypto'
import { NotFoundError } from '#node'
import { hasTags, newestFirst } from './policy.ts'

export interface SnapshotFilter {
  /** Any of these; empty: whichever. */
  readonly hosts: readonly string[]
  /** A list for each time it was given: any of the lists, all tags of it. An empty list: those without tags. */
  readonly tags: readonly (readonly string[])[]
  /** All of these. */
  readonly paths: readonly string[]
}

export const GROUP_KEYS = ['host', 'paths', 'tags'] as const
export type GroupKey = (typeof GROUP_KEYS)[number]

export interface SnapshotGroup {
  /** Of what it is grouped by. */
  readonly key: {
    readonly host?: string
    readonly paths?: readonly string[]
    readonly tags?: readonly string[]
  }
  /** Newest first. */
  readonly snapshots: readonly Snapshot[]
}

/** So many ids are listed where a beginning fits several. */
const AMBIGUOUS_SHOWN_MAX = 5
/** Eight characters are 40 bits: enough among any number of snapshots that a person looks at. */
export const SHORT_ID_LENGTH = 8

export function shortId(id: string): string {
  return id.slice(0, SHORT_ID_LENGTH)
}

export function hasFilter({ hosts, tags, paths }: SnapshotFilter): boolean {
  return hosts.length + tags.length + paths.length > 0
}

export function isChosen(
  snapshot: Pick<Snapshot, 'host' | 'tags' | 'paths'>,
  filter: SnapshotFilter,
): boolean {
  const { hosts, tags, paths } = filter
  if (hosts.length > 0 && !hosts.includes(snapshot.host)) return false
  if (tags.length > 0 && !tags.some((list) => hasTags(snapshot, list))) return false
  return paths.every((path) => snapshot.paths.includes(path))
}

/** In the order of their newest snapshots, newest first. The order of paths and tags does not tell groups apart. */
export function groupSnapshots(
  snapshots: readonly Snapshot[],
  keys: readonly GroupKey[],
): readonly SnapshotGroup[] {
  const groups = new Map<string, { key: SnapshotGroup['key']; snapshots: Snapshot[] }>()
  for (const snapshot of [...snapshots].sort(newestFirst)) {
    const key = {
      ...(keys.includes('host') ? { host: snapshot.host } : {}),
      ...(keys.includes('paths') ? { paths: [...new Set(snapshot.paths)].sort() } : {}),
      ...(keys.includes('tags') ? { tags: [...new Set(snapshot.tags)].sort() } : {}),
    }
    const text = JSON.stringify(key)
    const group = groups.get(text) ?? { key, snapshots: [] }
    group.snapshots.push(snapshot)
    groups.set(text, group)
  }
  return [...groups.values()]
}

/** The newest of each host and paths. Newest first. @param count of each */
export function latestOfEach(snapshots: readonly Snapshot[], count: number): readonly Snapshot[] {
  return groupSnapshots(snapshots, ['host', 'paths'])
    .flatMap((group) => group.snapshots.slice(0, count))
    .sort(newestFirst)
}

/**
 * @param text an id, its beginning, or `latest`
 * @param filter what `latest` looks among; an id is found whatever it says
 * @throws NotFoundError; InvalidInputError for a beginning that fits several
 */
export function chooseSnapshot(
  snapshots: readonly Snapshot[],
  text: string,
  filter: SnapshotFilter,
): Snapshot {
  if (text === 'latest') {
    const [latest] = snapshots.filter((snapshot) => isChosen(snapshot, filter)).sort(newestFirst)
    if (latest !== undefined) return latest
    throw new NotFoundError(
      snapshots.length === 0
        ? 'there is no snapshot yet'
        : `none of the ${snapshots.length} snapshots is meant`,
      { hint: snapshots.length === 0 ? 'cairn backup PATH makes one.' : 'cairn snapshots lists them all.' },
    )
  }
  if (text === '') throw new InvalidInputError('the id of a snapshot, its beginning, or latest wanted')
  const found = snapshots.filter(({ id }) => id.startsWith(text.toLowerCase()))
  const [only] = found
  if (only === undefined) {
    throw new NotFoundError(`no snapshot begins with ${text}`, { hint: 'cairn snapshots lists them.' })
  }
  if (found.length > 1) {
    const shown = found.slice(0, AMBIGUOUS_SHOWN_MAX).map(({ id }) => shortId(id))
    throw new InvalidInputError(
      `${found.length} snapshots begin with ${text}: ${shown.join(', ')}${found.length > shown.length ? ', …' : ''}`,
    )
  }
  return only
}
