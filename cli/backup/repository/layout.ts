/** The names in the directories of a repository (FORMAT §18): one reader and one writer for each. Pure. */

/** What the directory of a repository holds. */
export const REPOSITORY_NAMES = Object.freeze({
  repository: 'repository',
  data: 'data',
  snapshots: 'snapshots',
  drop: 'drop',
} as const)

/** 16 bytes in base32. */
const ID = /^[a-z2-7]{26}$/

export type DataName =
  /** `<pack>.pack` */
  | { readonly kind: 'pack'; readonly id: string }
  /** `<index>.index` */
  | { readonly kind: 'index'; readonly id: string }
  /** `<pack>-<prune>.freeing`: taken out by a prune that has not ended. */
  | { readonly kind: 'freeing'; readonly id: string; readonly pruneId: string }
  /** `<record>.freed` */
  | { readonly kind: 'freed'; readonly id: string }

export function formatDataName(name: DataName): string {
  return name.kind === 'freeing' ? `${name.id}-${name.pruneId}.freeing` : `${name.id}.${name.kind}`
}

/** Undefined for a name that means nothing here: it is left alone. */
export function parseDataName(text: string): DataName | undefined {
  const dot = text.indexOf('.')
  const kind = text.slice(dot + 1)
  const [id = '', pruneId, ...rest] = text.slice(0, Math.max(0, dot)).split('-')
  if (!ID.test(id) || rest.length > 0) return undefined
  switch (kind) {
    case 'pack':
    case 'index':
    case 'freed':
      return pruneId === undefined ? { kind, id } : undefined
    case 'freeing':
      return pruneId !== undefined && ID.test(pruneId) ? { kind, id, pruneId } : undefined
    default:
      return undefined
  }
}

/** A snapshot is `pending` until all that it refers to was seen to be there; only then it counts as made. */
export interface SnapshotName {
  readonly id: string
  readonly isPending: boolean
}

const PENDING = '.pending'

export function formatSnapshotName({ id, isPending }: SnapshotName): string {
  return isPending ? id + PENDING : id
}

export function parseSnapshotName(text: string): SnapshotName | undefined {
  const isPending = text.endsWith(PENDING)
  const id = isPending ? text.slice(0, -PENDING.length) : text
  return ID.test(id) ? { id, isPending } : undefined
}
