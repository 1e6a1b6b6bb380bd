/** What a copy does with each entry: decided from what is there on both sides. Pure. */
import { type EntryMetadata, isSameCapability } from '#crypto'
import type { NamedChild } from '#node'
import { problemOnDisk } from '../names.ts'

/** Of a file or folder of this machine. */
export interface LocalEntry {
  readonly kind: 'file' | 'folder' | 'other'
  readonly sizeBytes: number
  /** Whole; undefined before 1970. */
  readonly modifiedAtMilliseconds: number | undefined
  /** The nine bits of permission. */
  readonly mode: number
}

export type GridKind = 'file' | 'slot' | 'directory'

/** Of a name in a directory, as a copy sees it. */
export function gridKindOf({ capability }: Pick<NamedChild, 'capability'>): GridKind {
  switch (capability.kind) {
    case 'lit':
    case 'file':
      return 'file'
    case 'slot':
    case 'slot-read':
      return 'slot'
    case 'dir':
    case 'dir-read':
    case 'tree':
      return 'directory'
  }
}

export type UploadAction =
  | { readonly kind: 'send' | 'unchanged' | 'make' | 'enter' }
  /** A mutable file keeps its capabilities and gets the new content. */
  | { readonly kind: 'write'; readonly slot: Extract<NamedChild['capability'], { kind: 'slot' }> }
  | { readonly kind: 'skip' | 'refuse'; readonly why: string }

/** @param existing what has the name in the directory on the grid */
export function planUpload(
  local: LocalEntry,
  existing: NamedChild | undefined,
  options: { readonly force: boolean },
): UploadAction {
  if (local.kind === 'other') return { kind: 'skip', why: 'neither a file nor a folder' }
  const there = existing === undefined ? undefined : gridKindOf(existing)
  if (local.kind === 'folder') {
    if (existing === undefined || there === undefined) return { kind: 'make' }
    if (there !== 'directory') return { kind: 'refuse', why: 'a file has its name on the grid' }
    if (existing.capability.access === 'write') return { kind: 'enter' }
    return { kind: 'refuse', why: 'the directory of its name may not be written' }
  }
  if (existing === undefined) return { kind: 'send' }
  if (there === 'directory') return { kind: 'refuse', why: 'a directory has its name on the grid' }
  if (!options.force && isUnchanged(local, existing.metadata)) return { kind: 'unchanged' }
  if (existing.capability.kind === 'slot') return { kind: 'write', slot: existing.capability }
  if (existing.capability.kind === 'slot-read') {
    return { kind: 'refuse', why: 'the mutable file of its name may not be written' }
  }
  return { kind: 'send' }
}

export type DownloadAction =
  | { readonly kind: 'fetch' | 'unchanged' | 'make' | 'enter' }
  | { readonly kind: 'refuse'; readonly why: string }

/** @param local what has the name on this machine; a link is 'other', for it leads who knows where */
export function planDownload(
  child: NamedChild,
  local: LocalEntry | undefined,
  options: { readonly force: boolean; readonly platform: string },
): DownloadAction {
  const problem = problemOnDisk(child.name, options.platform)
  if (problem !== undefined) return { kind: 'refuse', why: problem }
  if (gridKindOf(child) === 'directory') {
    if (local === undefined) return { kind: 'make' }
    return local.kind === 'folder'
      ? { kind: 'enter' }
      : { kind: 'refuse', why: 'something that is no folder has its name here' }
  }
  if (local === undefined) return { kind: 'fetch' }
  if (local.kind === 'folder') return { kind: 'refuse', why: 'a folder has its name here' }
  if (local.kind === 'file' && !options.force && isUnchanged(local, child.metadata)) {
    return { kind: 'unchanged' }
  }
  return { kind: 'fetch' }
}

export type LinkAction =
  | { readonly kind: 'link' | 'unchanged' | 'make' | 'enter' | 'copy' }
  | { readonly kind: 'refuse'; readonly why: string }

/** Within the grid: what never changes is linked, a directory is made anew, the content of a mutable file copied. */
export function planLink(child: NamedChild, existing: NamedChild | undefined): LinkAction {
  const [from, to] = [gridKindOf(child), existing === undefined ? undefined : gridKindOf(existing)]
  const isDirectory = from === 'directory' && child.capability.kind !== 'tree'
  if (existing === undefined) return { kind: isDirectory ? 'make' : from === 'slot' ? 'copy' : 'link' }
  if (isSameCapability(child.capability, existing.capability)) return { kind: 'unchanged' }
  if (isDirectory && existing.capability.kind === 'dir') return { kind: 'enter' }
  if (from === 'directory' || to === 'directory') {
    return { kind: 'refuse', why: 'one of the two is a directory that cannot take the other' }
  }
  if (to === 'slot')
    return { kind: 'refuse', why: 'a mutable file has the name: cairn put replaces its content' }
  return { kind: from === 'slot' ? 'copy' : 'link' }
}

/** What the grid is told of a file of this machine. */
export function metadataOf(local: LocalEntry, sizeBytes: number): EntryMetadata {
  const { modifiedAtMilliseconds, mode } = local
  return { sizeBytes, modifiedAtMilliseconds, user: { mode } }
}

/** The permissions in metadata, never more than the nine bits; undefined if there are none. */
export function modeOf({ user }: EntryMetadata): number | undefined {
  const mode = user?.mode
  return typeof mode === 'number' ? mode & 0o777 : undefined
}

function isUnchanged(local: LocalEntry, metadata: EntryMetadata): boolean {
  const { sizeBytes, modifiedAtMilliseconds } = metadata
  return (
    modifiedAtMilliseconds !== undefined &&
    local.modifiedAtMilliseconds === modifiedAtMilliseconds &&
    local.sizeBytes === sizeBytes
  )
}
