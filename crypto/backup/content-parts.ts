/** Finding the blobs of a content, through its lists (FORMAT §18.6). */
import { assert, IntegrityError } from '../errors.ts'
import type { BlobId } from '../hash.ts'
import { parseList } from './content.ts'
import type { Content } from './types.ts'

/** Reads a `list` blob, verified. */
export type GetList = (id: BlobId) => Promise<Uint8Array>

/** What a content refers to: a blob of it at level 0, a list above. */
interface Node {
  readonly id: BlobId
  readonly level: number
  /** Known of all but the blobs that a content names itself. */
  readonly sizeBytes: number | undefined
  readonly startBytes: number
}

/**
 * The ids of all blobs of a content, in order; those of its lists go to `getList`. Holds a list for each level.
 *
 * @throws InvalidInputError if a list is none, or has another size than what refers to it says
 */
export async function* contentIds(
  content: Content,
  getList: GetList,
): AsyncGenerator<BlobId, void, undefined> {
  for await (const { id } of walk(content, getList, () => true)) yield id
}

/** A blob of a content of which some bytes are wanted. */
export interface ContentPart {
  readonly id: BlobId
  /** Of the blob: the wanted bytes are those from start up to, not including, end. */
  readonly start: number
  readonly end: number
}

export interface RangeReader {
  readonly getList: GetList
  /** Plain size of a blob of the content, as the table of its pack has it. Asked where the content is of few blobs. */
  sizeOf(id: BlobId): number | Promise<number>
}

/**
 * The blobs that have the bytes of a content from start up to, not including, end. Reads no list that has none of them.
 *
 * @param range within the content
 * @throws InvalidInputError as contentIds does; IntegrityError if its blobs end before the range does
 */
export async function* contentRange(
  content: Content,
  range: { readonly start: number; readonly end: number },
  { getList, sizeOf }: RangeReader,
): AsyncGenerator<ContentPart, void, undefined> {
  assert(
    range.start >= 0 && range.start <= range.end && range.end <= content.sizeBytes,
    'a range lies within',
  )
  if (range.start === range.end) return
  let startBytes = 0
  const touches = (from: number, sizeBytes: number) => from < range.end && from + sizeBytes > range.start
  for await (const node of walk(content, getList, touches)) {
    if (node.sizeBytes !== undefined) startBytes = node.startBytes
    const sizeBytes = node.sizeBytes ?? (await sizeOf(node.id))
    if (touches(startBytes, sizeBytes)) {
      const start = Math.max(0, range.start - startBytes)
      yield { id: node.id, start, end: Math.min(sizeBytes, range.end - startBytes) }
    }
    startBytes += sizeBytes
    if (startBytes >= range.end) return
  }
  throw new IntegrityError(`a content of ${content.sizeBytes} bytes has blobs of ${startBytes} bytes`)
}

/** The blobs of a content in order, without those behind lists that are not wanted. */
async function* walk(
  { ids, depth, sizeBytes }: Content,
  getList: GetList,
  isWanted: (startBytes: number, sizeBytes: number) => boolean,
): AsyncGenerator<Node, void, undefined> {
  const stack: Node[] = ids
    .map((id) => ({ id, level: depth, sizeBytes: depth > 0 ? sizeBytes : undefined, startBytes: 0 }))
    .reverse()
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.level === 0 || node.sizeBytes === undefined) {
      yield node
      continue
    }
    const items = parseList(await getList(node.id), { level: node.level, sizeBytes: node.sizeBytes })
    let startBytes = node.startBytes + node.sizeBytes
    for (const item of items.toReversed()) {
      startBytes -= item.sizeBytes
      if (isWanted(startBytes, item.sizeBytes)) stack.push({ ...item, level: node.level - 1, startBytes })
    }
  }
}
