/**
 * One name of a snapshot that is no folder, back onto this machine: what is there is looked at first, and left alone if
 * it is the same; what is made is a draft with all its metadata before it gets the name.
 */
import { createHash } from 'node:crypto'
import { type BigIntStats, lstatSync, readlinkSync } from 'node:fs'
import { type Content, equalBytes, IntegrityError, InvalidInputError, type TreeEntry } from '#crypto'
import { errnoOf } from '../../errno.ts'
import type { RepositoryReader } from '../repository/types.ts'
import { digestOf, hasBytes } from './compare-file.ts'
import { Draft, type FileDraft } from './draft.ts'
import type { LocalFolder } from './folder.ts'
import type { LocalSystem } from './local-system.ts'
import { kindOf } from './metadata.ts'
import { toByteText } from './paths.ts'
import { isSameTime, putMetadata } from './put-metadata.ts'
import type { RestoreTally } from './restore-tally.ts'
import type { TargetFolder } from './target-folder.ts'

/**
 * What becomes of a name that something has already. `changed`: what looks the same, by kind, size and time, is left
 * alone. `always`: everything is made anew. `never`: whatever is there stays.
 */
export type Overwrite = 'changed' | 'always' | 'never'

export interface RestoreEntryParts {
  readonly reader: Pick<RepositoryReader, 'readContent'>
  readonly system: LocalSystem
  readonly tally: RestoreTally
  readonly overwrite: Overwrite
  readonly verify: boolean
  readonly dryRun: boolean
  readonly numericOwners: boolean
  readonly signal: AbortSignal | undefined
}

/** Where something that was restored stands, for its other names to be linked to. */
export interface RestoredPlace {
  readonly folder: LocalFolder
  readonly name: Uint8Array
}

/**
 * @param first another name of the same file, if it was restored already
 * @returns where it stands now; undefined if it does not, in a dry run or because something else was to stay
 * @throws the system's error, or what the repository throws: then what was there is there still
 */
export async function restoreEntry(
  {
    target,
    entry,
    first,
  }: {
    readonly target: TargetFolder
    readonly entry: TreeEntry
    readonly first: RestoredPlace | undefined
  },
  parts: RestoreEntryParts,
): Promise<RestoredPlace | undefined> {
  const { tally, overwrite, dryRun } = parts
  const existing = target.existing()
  const stats = existing && statsAt(existing.at(entry.name))
  if (stats?.isDirectory() === true) throw inTheWay()
  if (stats !== undefined && overwrite === 'never') {
    tally.counts.skipped += 1
    return undefined
  }
  const place = existing && { folder: existing, name: entry.name }
  if (place !== undefined && stats !== undefined && (await isThere({ place, entry, stats, first }, parts))) {
    return leave(place, { entry, stats }, parts)
  }
  if (dryRun) {
    count(entry, first, tally)
    return undefined
  }
  const folder = target.made()
  folder.hold()
  try {
    await make(folder, { entry, first, isReplacing: stats !== undefined }, parts)
  } finally {
    folder.release()
  }
  count(entry, first, tally)
  return { folder, name: entry.name }
}

function count(entry: TreeEntry, first: RestoredPlace | undefined, tally: RestoreTally): void {
  if (first === undefined) tally.made(entry.kind, entry.content?.sizeBytes ?? 0)
  else tally.linked(entry.kind)
}

/** What is there is what is wanted. */
async function isThere(
  {
    place,
    entry,
    stats,
    first,
  }: {
    readonly place: RestoredPlace
    readonly entry: TreeEntry
    readonly stats: BigIntStats
    readonly first: RestoredPlace | undefined
  },
  parts: RestoreEntryParts,
): Promise<boolean> {
  const { reader, system, tally, overwrite, verify, signal } = parts
  if (first !== undefined) return isOneFile(stats, first)
  const path = place.folder.at(place.name)
  if (overwrite === 'always' || !looksTheSame(path, { entry, stats, system })) return false
  if (!verify || entry.content === undefined) return true
  const isEqual = await hasBytes(path, reader.readContent(entry.content, { signal }))
  if (isEqual) tally.counts.verified += 1
  return isEqual
}

/** By what the system tells without reading. */
function looksTheSame(
  path: Buffer,
  {
    entry,
    stats,
    system,
  }: { readonly entry: TreeEntry; readonly stats: BigIntStats; readonly system: LocalSystem },
): boolean {
  if (kindOf(stats) !== entry.kind) return false
  switch (entry.kind) {
    case 'file':
      return (
        Number(stats.size) === entry.content?.sizeBytes &&
        isSameTime(stats.mtimeNs, entry.modifiedAtNanoseconds, system)
      )
    case 'symlink':
      return entry.target !== undefined && equalBytes(readlinkSync(path, 'buffer'), entry.target)
    default:
      return entry.deviceNumber === undefined || entry.deviceNumber === stats.rdev
  }
}

function isOneFile({ dev, ino }: BigIntStats, first: RestoredPlace): boolean {
  const stats = statsAt(first.folder.at(first.name))
  return stats !== undefined && stats.dev === dev && stats.ino === ino
}

/** It stays, with the metadata of the snapshot. */
function leave(
  place: RestoredPlace,
  to: { readonly entry: TreeEntry; readonly stats: BigIntStats },
  parts: RestoreEntryParts,
): RestoredPlace {
  const { tally, dryRun } = parts
  const { folder, name } = place
  tally.left(to.entry.kind, to.entry.content?.sizeBytes ?? 0, place)
  if (!dryRun) putMetadataAt({ path: folder.at(name), shown: () => folder.pathOf(name) }, to, parts)
  return place
}

/** @param at for a call, and, where it is asked for, as people know it */
export function putMetadataAt(
  at: { readonly path: Buffer; readonly shown: () => Uint8Array },
  to: { readonly entry: TreeEntry; readonly stats: BigIntStats },
  { system, tally, numericOwners }: Pick<RestoreEntryParts, 'system' | 'tally' | 'numericOwners'>,
): void {
  const { isOwnerKept } = putMetadata(at.path, to, {
    system,
    numericOwners,
    onAttributeProblem: (attribute, error) =>
      tally.attributeProblem(at.shown(), attributeReason(attribute, error), error),
  })
  if (!isOwnerKept) tally.counts.ownersNotKept += 1
}

/** One for all attributes of a kind that fail alike. */
function attributeReason(attribute: Uint8Array, error: unknown): string {
  const [kind] = toByteText(attribute).split('.', 1)
  return `${kind} ${errnoOf(error)}`
}

async function make(
  folder: LocalFolder,
  {
    entry,
    first,
    isReplacing,
  }: {
    readonly entry: TreeEntry
    readonly first: RestoredPlace | undefined
    readonly isReplacing: boolean
  },
  parts: RestoreEntryParts,
): Promise<void> {
  const draft = new Draft(folder)
  try {
    if (first !== undefined) {
      draft.link(first.folder.at(first.name))
    } else {
      await fill(draft, { folder, entry, isReplacing }, parts)
      const at = { path: draft.path, shown: () => folder.pathOf(entry.name) }
      putMetadataAt(at, { entry, stats: draft.stats }, parts)
    }
    draft.become(entry.name)
  } finally {
    draft[Symbol.dispose]()
  }
}

async function fill(
  draft: Draft,
  to: { readonly folder: LocalFolder; readonly entry: TreeEntry; readonly isReplacing: boolean },
  parts: RestoreEntryParts,
): Promise<void> {
  const { entry } = to
  if (entry.kind === 'symlink' && entry.target !== undefined) return draft.symlink(entry.target)
  if (entry.kind !== 'file' || entry.content === undefined) return draft.node(entry, parts.system)
  const file = draft.file()
  let digest: Buffer
  try {
    digest = await write(file, { ...to, content: entry.content }, parts)
    // After a loss of power, too, there is the old file or the new one.
    if (to.isReplacing) await file.sync()
  } finally {
    file[Symbol.dispose]()
  }
  if (!parts.verify) return
  if (!digest.equals(await digestOf(draft.path))) {
    throw new IntegrityError('what was read back is not what was written: the disk is not to be trusted')
  }
  parts.tally.counts.verified += 1
}

/** @returns SHA-256 of what was to be written; of nothing if nobody wants to verify it */
async function write(
  file: FileDraft,
  {
    folder,
    entry,
    content,
  }: {
    readonly folder: LocalFolder
    readonly entry: TreeEntry
    readonly content: Content
  },
  { reader, tally, verify, signal }: RestoreEntryParts,
): Promise<Buffer> {
  const hash = createHash('sha256')
  try {
    for await (const bytes of reader.readContent(content, { signal })) {
      signal?.throwIfAborted()
      if (entry.isSparse === true) await file.appendSparsely(bytes)
      else await file.append(bytes)
      if (verify) hash.update(bytes)
      tally.moved(bytes.length, folder, entry.name)
    }
    if (file.sizeBytes !== content.sizeBytes) {
      throw new IntegrityError(`a file of ${content.sizeBytes} bytes is wanted, found ${file.sizeBytes}`)
    }
    file.finish()
    return hash.digest()
  } catch (error) {
    tally.moved(-file.sizeBytes, folder, entry.name)
    throw error
  }
}

function statsAt(path: Buffer): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })
}

function inTheWay(): InvalidInputError {
  return new InvalidInputError('a folder has this name: move it away, or restore elsewhere')
}
