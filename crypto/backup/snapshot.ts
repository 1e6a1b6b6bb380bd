/** Snapshots as files (FORMAT §18.8): a canonical CBOR map, named by a hash of it. */
import { InvalidInputError } from '../errors.ts'
import { decodeFields, encodeFields, Fields } from '../fields.ts'
import { TAGS } from '../tags.ts'
import { CONTENT_SIZE_MAX_BYTES, formatContent, parseContent } from './content.ts'
import { FILE_ID_LENGTH, fileIdOf } from './file-id.ts'
import type { Snapshot, SnapshotContent, SnapshotTotals } from './types.ts'

export const SNAPSHOT_VERSION = 1
/** A list of snapshots is read whole. */
export const SNAPSHOT_MAX_BYTES = 1024 * 1024
/** Of a snapshot's text, in UTF-16 units. */
export const SNAPSHOT_HOST_MAX = 255
export const SNAPSHOT_PATH_MAX = 4096
export const SNAPSHOT_TAG_MAX = 255
export const SNAPSHOT_PATHS_MAX = 4096
export const SNAPSHOT_TAGS_MAX = 64

/** The bytes of a snapshot, which its id is of. */
export function formatSnapshot(snapshot: SnapshotContent): Uint8Array {
  checkTexts(snapshot)
  const bytes = encodeFields({
    version: SNAPSHOT_VERSION,
    time: snapshot.takenAtMilliseconds,
    host: snapshot.host,
    paths: snapshot.paths,
    tags: snapshot.tags,
    root: formatContent(snapshot.root),
    parent: snapshot.parent,
    totals: totalsFields(snapshot.totals),
  })
  checkSize(bytes)
  return bytes
}

/** @throws InvalidInputError for anything that FORMAT §18.8 does not allow */
export function parseSnapshot(bytes: Uint8Array): Snapshot {
  checkSize(bytes)
  const fields = decodeFields(bytes, 'snapshot')
  const version = fields.uint('version')
  if (version !== SNAPSHOT_VERSION) {
    throw new InvalidInputError(`snapshot version ${SNAPSHOT_VERSION} wanted, found ${version}`)
  }
  const snapshot = {
    id: snapshotId(bytes),
    takenAtMilliseconds: fields.uint('time'),
    host: fields.text('host', SNAPSHOT_HOST_MAX),
    paths: fields.list('paths', SNAPSHOT_PATHS_MAX).map(textOf),
    tags: fields.list('tags', SNAPSHOT_TAGS_MAX).map(textOf),
    root: parseContent(fields.bytesUpTo('root', CONTENT_SIZE_MAX_BYTES)),
    parent: fields.optional('parent', () => fields.text('parent', FILE_ID_LENGTH)),
    totals: readTotals(new Fields(fields.map('totals'), 'snapshot totals')),
  }
  fields.finish()
  checkTexts(snapshot)
  return snapshot
}

/** How `snapshots/` names it. */
export function snapshotId(bytes: Uint8Array): string {
  return fileIdOf(TAGS.snapshotId, bytes)
}

/** 128 bits in FILE_ID_LENGTH characters: the last has three of them. */
const SNAPSHOT_ID = /^[a-z2-7]{25}[aeimquy4]$/

function checkTexts({ takenAtMilliseconds, host, paths, tags, parent }: SnapshotContent): void {
  const wanted = (holds: boolean, rule: string) => {
    if (!holds) throw new InvalidInputError(`snapshot: ${rule}`)
  }
  const isText = (text: string, most: number) => text !== '' && text.length <= most && text.isWellFormed()
  wanted(Number.isSafeInteger(takenAtMilliseconds) && takenAtMilliseconds >= 0, 'a time after 1970 wanted')
  wanted(isText(host, SNAPSHOT_HOST_MAX), `a host is text of 1 to ${SNAPSHOT_HOST_MAX} characters`)
  wanted(paths.length <= SNAPSHOT_PATHS_MAX, `at most ${SNAPSHOT_PATHS_MAX} paths`)
  wanted(
    paths.every((path) => isText(path, SNAPSHOT_PATH_MAX)),
    `a path is text of 1 to ${SNAPSHOT_PATH_MAX} characters`,
  )
  wanted(tags.length <= SNAPSHOT_TAGS_MAX, `at most ${SNAPSHOT_TAGS_MAX} tags`)
  wanted(
    tags.every((tag) => isText(tag, SNAPSHOT_TAG_MAX)),
    `a tag is text of 1 to ${SNAPSHOT_TAG_MAX} characters`,
  )
  wanted(parent === undefined || SNAPSHOT_ID.test(parent), 'a parent is the id of a snapshot')
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new InvalidInputError('snapshot: paths and tags are text')
  return value
}

function totalsFields(totals: SnapshotTotals) {
  return {
    files: totals.files,
    folders: totals.folders,
    bytes: totals.bytes,
    new: totals.newFiles,
    changed: totals.changedFiles,
    unmodified: totals.unmodifiedFiles,
    unreadable: totals.unreadableFiles,
    added: totals.addedBytes,
    stored: totals.storedBytes,
    milliseconds: totals.milliseconds,
  }
}

function readTotals(fields: Fields): SnapshotTotals {
  const totals = {
    files: fields.uint('files'),
    folders: fields.uint('folders'),
    bytes: fields.uint('bytes'),
    newFiles: fields.uint('new'),
    changedFiles: fields.uint('changed'),
    unmodifiedFiles: fields.uint('unmodified'),
    unreadableFiles: fields.uint('unreadable'),
    addedBytes: fields.uint('added'),
    storedBytes: fields.uint('stored'),
    milliseconds: fields.uint('milliseconds'),
  }
  fields.finish()
  return totals
}

function checkSize(bytes: Uint8Array): void {
  if (bytes.length <= SNAPSHOT_MAX_BYTES) return
  throw new InvalidInputError(`snapshot: at most ${SNAPSHOT_MAX_BYTES} bytes wanted, found ${bytes.length}`)
}
