/**
 * Runs of bytes as blobs, and the lists that stand for long ones (FORMAT §18.6).
 *
 * A content of few blobs names them itself. One of more names a single `list`, which has the ids of blobs, or of lists
 * one level below, each with the size of what is behind it, so that a reader of a range finds it without the rest.
 *
 * | offset in a content | size | field |
 * |---|---|---|
 * | 0 | 8 | size of all its bytes |
 * | 8 | 1 | depth: 0 if the ids are those of its blobs, else the level of its list |
 * | 9 | 1 | number of ids |
 * | 10 | 32 an id | ids |
 *
 * | offset in a list | size | field |
 * |---|---|---|
 * | 0 | 1 | level: 1 above blobs, else 1 more than the lists in it |
 * | 1 | 40 an item | size of what is behind it (u64), its id (32) |
 */
import { ByteReader, ByteWriter } from '../bytes.ts'
import { assert, InvalidInputError } from '../errors.ts'
import { asBlobId, type BlobId, HASH_SIZE_BYTES } from '../hash.ts'
import { BLOB_SIZE_MAX_BYTES } from './blob.ts'
import type { Content } from './types.ts'

/** Named by the content itself. A folder of many files has many contents, so they are kept short. */
export const CONTENT_IDS_MAX = 32
/** With lists of some 5,000 items, three levels are more than any file has; the rest is room. */
export const CONTENT_DEPTH_MAX = 4
/** 640 KiB: what a reader holds for each level. */
export const LIST_ITEMS_MAX = 16_384
const CONTENT_HEAD_SIZE_BYTES = 10
export const CONTENT_SIZE_MAX_BYTES = CONTENT_HEAD_SIZE_BYTES + CONTENT_IDS_MAX * HASH_SIZE_BYTES
const LIST_HEAD_SIZE_BYTES = 1
const ITEM_SIZE_BYTES = 8 + HASH_SIZE_BYTES

export const EMPTY_CONTENT: Content = Object.freeze({ sizeBytes: 0, depth: 0, ids: Object.freeze([]) })

export interface ListItem {
  readonly id: BlobId
  /** Of the bytes of the content behind it; at least 1. */
  readonly sizeBytes: number
}

/** Of the content as it stands in entries and snapshots. */
export function contentSizeOf({ ids }: Content): number {
  return CONTENT_HEAD_SIZE_BYTES + ids.length * HASH_SIZE_BYTES
}

/** @throws InvalidInputError for what readContent refuses */
export function writeContent(writer: ByteWriter, content: Content): void {
  checkContent(content)
  writer.u64(content.sizeBytes).u8(content.depth).u8(content.ids.length)
  for (const id of content.ids) writer.bytes(id)
}

/** @throws InvalidInputError for anything that FORMAT §18.6 does not allow */
export function readContent(reader: ByteReader): Content {
  const sizeBytes = reader.u64()
  const depth = reader.u8()
  const idCount = reader.u8()
  if (idCount > CONTENT_IDS_MAX) throw new InvalidInputError(`content: at most ${CONTENT_IDS_MAX} ids`)
  const ids: BlobId[] = []
  for (let index = 0; index < idCount; index += 1) ids.push(asBlobId(reader.bytes(HASH_SIZE_BYTES)))
  const content = { sizeBytes, depth, ids }
  checkContent(content)
  return content
}

/** A content by itself, as bytes. */
export function formatContent(content: Content): Uint8Array {
  const writer = new ByteWriter(contentSizeOf(content))
  writeContent(writer, content)
  return writer.finish()
}

/** @throws InvalidInputError if the bytes are not one content and nothing after it */
export function parseContent(bytes: Uint8Array): Content {
  const reader = new ByteReader(bytes, 'content')
  const content = readContent(reader)
  reader.finish()
  return content
}

function checkContent({ sizeBytes, depth, ids }: Content): void {
  if (depth > CONTENT_DEPTH_MAX)
    throw new InvalidInputError(`content: at most ${CONTENT_DEPTH_MAX} levels of lists`)
  if (ids.length > CONTENT_IDS_MAX) throw new InvalidInputError(`content: at most ${CONTENT_IDS_MAX} ids`)
  if (depth > 0 && ids.length !== 1) throw new InvalidInputError('content: one list stands at its top')
  const mostBytes = depth > 0 ? Number.MAX_SAFE_INTEGER : ids.length * BLOB_SIZE_MAX_BYTES
  if (sizeBytes < ids.length || sizeBytes > mostBytes) {
    throw new InvalidInputError(`content: ${sizeBytes} bytes do not fit ${ids.length} blobs`)
  }
}

/**
 * The content of a `list` blob.
 *
 * @param level 1 to CONTENT_DEPTH_MAX
 * @param items 1 to LIST_ITEMS_MAX
 */
export function formatList(level: number, items: readonly ListItem[]): Uint8Array {
  assert(level >= 1 && level <= CONTENT_DEPTH_MAX, 'a list has a level')
  assert(items.length >= 1 && items.length <= LIST_ITEMS_MAX, 'a list has items, and not too many')
  const writer = new ByteWriter(LIST_HEAD_SIZE_BYTES + items.length * ITEM_SIZE_BYTES).u8(level)
  for (const { id, sizeBytes } of items) writer.u64(sizeBytes).bytes(id)
  return writer.finish()
}

/**
 * @param expected what refers to the list: its level, and how many bytes are behind it in all
 * @throws InvalidInputError if it is no such list
 */
export function parseList(
  bytes: Uint8Array,
  expected: { readonly level: number; readonly sizeBytes: number },
): readonly ListItem[] {
  const reader = new ByteReader(bytes, 'list')
  const level = reader.u8()
  if (level !== expected.level) {
    throw new InvalidInputError(`list: one of level ${expected.level} wanted, found level ${level}`)
  }
  const itemCount = reader.remainingBytes / ITEM_SIZE_BYTES
  if (!Number.isInteger(itemCount) || itemCount < 1 || itemCount > LIST_ITEMS_MAX) {
    throw new InvalidInputError(`list: 1 to ${LIST_ITEMS_MAX} items wanted, found ${bytes.length} bytes`)
  }
  const mostBytes = level === 1 ? BLOB_SIZE_MAX_BYTES : Number.MAX_SAFE_INTEGER
  const items: ListItem[] = []
  let total = 0
  for (let index = 0; index < itemCount; index += 1) {
    const sizeBytes = reader.u64()
    if (sizeBytes < 1 || sizeBytes > mostBytes) {
      throw new InvalidInputError(`list: an item of ${sizeBytes} bytes does not stand at level ${level}`)
    }
    total += sizeBytes
    items.push({ sizeBytes, id: asBlobId(reader.bytes(HASH_SIZE_BYTES)) })
  }
  if (total !== expected.sizeBytes) {
    throw new InvalidInputError(`list: ${expected.sizeBytes} bytes wanted in all, found ${total}`)
  }
  return items
}
