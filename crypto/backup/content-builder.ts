/**
 * Making a content of blobs as they come (FORMAT §18.6).
 *
 * Lists are cut after ids that end in zeros. Ids are pseudorandom, so an inserted blob makes one list of each level new
 * and leaves the others.
 */
import { assert } from '../errors.ts'
import type { BlobId } from '../hash.ts'
import {
  CONTENT_DEPTH_MAX,
  CONTENT_IDS_MAX,
  EMPTY_CONTENT,
  formatList,
  LIST_ITEMS_MAX,
  type ListItem,
} from './content.ts'
import type { Content } from './types.ts'

/** A list has at least so many items, unless it is the last of its level. */
export const LIST_ITEMS_LEAST = 1024
/** After that it ends with the first id whose last 12 bits are zero: 5,000 items on average. */
const LIST_END_BITS = 12

/** Puts the content of a `list` blob. */
export type PutList = (bytes: Uint8Array) => Promise<BlobId>

/** Takes the blobs of one content in order. Holds at most LIST_ITEMS_MAX items a level. */
export class ContentBuilder {
  readonly #put: PutList
  /** Items waiting for their list, by level: at 0 blobs, at 1 lists of those, … */
  readonly #waiting: ListItem[][] = [[]]
  #sizeBytes = 0

  constructor(put: PutList) {
    this.#put = put
  }

  /** Not while another call is on its way. */
  async add(item: ListItem): Promise<void> {
    this.#sizeBytes += item.sizeBytes
    let level = 0
    let next: ListItem | undefined = item
    while (next !== undefined) {
      const waiting = this.#at(level)
      waiting.push(next)
      next = endsList(waiting) ? await this.#close(level) : undefined
      level += 1
    }
  }

  /** The content of all that was added. Nothing can be added after it. */
  async finish(): Promise<Content> {
    const [blobs = []] = this.#waiting
    if (this.#sizeBytes === 0) return EMPTY_CONTENT
    if (this.#waiting.length === 1 && blobs.length <= CONTENT_IDS_MAX) {
      return { sizeBytes: this.#sizeBytes, depth: 0, ids: blobs.map(({ id }) => id) }
    }
    for (let level = 0; ; level += 1) {
      const waiting = this.#at(level)
      const isTop = level === this.#waiting.length - 1
      const [only] = waiting
      if (isTop && level > 0 && waiting.length === 1 && only !== undefined) {
        return { sizeBytes: this.#sizeBytes, depth: level, ids: [only.id] }
      }
      if (waiting.length > 0) this.#at(level + 1).push(await this.#close(level))
    }
  }

  #at(level: number): ListItem[] {
    assert(level <= CONTENT_DEPTH_MAX, 'a content has no more levels than allowed')
    const waiting = this.#waiting[level] ?? []
    if (level === this.#waiting.length) this.#waiting.push(waiting)
    return waiting
  }

  /** Make a list of what waits at a level. */
  async #close(level: number): Promise<ListItem> {
    const items = this.#at(level)
    this.#waiting[level] = []
    const sizeBytes = items.reduce((sum, item) => sum + item.sizeBytes, 0)
    return { id: await this.#put(formatList(level + 1, items)), sizeBytes }
  }
}

function endsList(items: readonly ListItem[]): boolean {
  if (items.length < LIST_ITEMS_LEAST) return false
  if (items.length === LIST_ITEMS_MAX) return true
  const id = items.at(-1)?.id
  if (id === undefined) return false
  const end = ((id[30] ?? 0) << 8) | (id[31] ?? 0)
  return (end & (2 ** LIST_END_BITS - 1)) === 0
}
