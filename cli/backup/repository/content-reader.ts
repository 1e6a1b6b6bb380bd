/** Runs of bytes and trees out of blobs: in order, with a few fetched ahead of whoever reads. */
import {
  type BlobId,
  type BlobKind,
  type Content,
  contentIds,
  contentRange,
  type GetList,
  IntegrityError,
  parseTree,
  type TreeEntry,
} from '#crypto'
import { mapInOrder } from '#node'
import type { BlobGetter } from './blob-getter.ts'
import { BLOBS_AHEAD_MAX } from './limits.ts'
import type { Cancel, ReadContentOptions } from './types.ts'

export interface IdsOptions extends Cancel {
  readonly onList?: ((id: BlobId) => Promise<void>) | undefined
}

export class ContentReader {
  readonly #blobs: Pick<BlobGetter, 'getKind' | 'sizeOf'>

  constructor(blobs: Pick<BlobGetter, 'getKind' | 'sizeOf'>) {
    this.#blobs = blobs
  }

  readContent(content: Content, { range, ...options }: ReadContentOptions = {}): AsyncIterable<Uint8Array> {
    if (range === undefined) return this.#readWhole('data', content, options)
    const end = Math.min(range.end ?? content.sizeBytes, content.sizeBytes)
    return this.#readRange(content, { start: Math.min(range.start, end), end }, options)
  }

  readTree(content: Content, options: Cancel = {}): AsyncGenerator<TreeEntry, void, undefined> {
    return parseTree(this.#readWhole('tree', content, options))
  }

  /**
   * Of all blobs of the content that hold its bytes.
   *
   * @param options `onList`: told of each list before it is read
   */
  ids(content: Content, options: IdsOptions = {}): AsyncGenerator<BlobId, void, undefined> {
    const { onList } = options
    const getList = this.#getList(options)
    if (onList === undefined) return contentIds(content, getList)
    return contentIds(content, async (id) => {
      await onList(id)
      return getList(id)
    })
  }

  async *#readWhole(kind: BlobKind, content: Content, options: Cancel): AsyncGenerator<Uint8Array> {
    let sizeBytes = 0
    const blobs = mapInOrder(this.ids(content, options), BLOBS_AHEAD_MAX, (id) =>
      this.#blobs.getKind(kind, id, options),
    )
    for await (const bytes of blobs) {
      sizeBytes += bytes.length
      yield bytes
      options.signal?.throwIfAborted()
    }
    if (sizeBytes !== content.sizeBytes) {
      throw new IntegrityError(`a content of ${content.sizeBytes} bytes has blobs of ${sizeBytes} bytes`)
    }
  }

  async *#readRange(
    content: Content,
    range: { readonly start: number; readonly end: number },
    options: Cancel,
  ): AsyncGenerator<Uint8Array> {
    const sizeOf = (id: BlobId) => this.#blobs.sizeOf(id, options)
    const parts = contentRange(content, range, { getList: this.#getList(options), sizeOf })
    const blobs = mapInOrder(parts, BLOBS_AHEAD_MAX, async ({ id, start, end }) => {
      const bytes = await this.#blobs.getKind('data', id, options)
      return bytes.subarray(start, end)
    })
    for await (const bytes of blobs) {
      yield bytes
      options.signal?.throwIfAborted()
    }
  }

  #getList(options: Cancel): GetList {
    return (id) => this.#blobs.getKind('list', id, options)
  }
}
