/** Runs of bytes and trees into blobs, cut under the key of the repository. */
import {
  type BlobKind,
  ContentBuilder,
  ContentCutter,
  type CutKey,
  cutContent,
  DATA_CUT_SIZES,
  formatTree,
  type Secret,
  TREE_CUT_SIZES,
  type TreeEntry,
} from '#crypto'
import { mapInOrder } from '#node'
import { BLOBS_IN_FLIGHT_MAX } from './limits.ts'
import type { BlobStore, PutBlobOptions, PutContent } from './types.ts'

const CUT_SIZES = Object.freeze({ data: DATA_CUT_SIZES, tree: TREE_CUT_SIZES })
type CutKind = keyof typeof CUT_SIZES

export class ContentWriter {
  readonly #blobs: Pick<BlobStore, 'put'>
  readonly #cutKey: Secret<CutKey>
  /** Not in use: making one takes longer than cutting a small file. As many as contents were ever put at a time. */
  readonly #cutters: Record<CutKind, ContentCutter[]> = { data: [], tree: [] }

  constructor(blobs: Pick<BlobStore, 'put'>, cutKey: Secret<CutKey>) {
    this.#blobs = blobs
    this.#cutKey = cutKey
  }

  putContent(source: AsyncIterable<Uint8Array>, options: PutBlobOptions = {}): Promise<PutContent> {
    return this.#put('data', source, options)
  }

  putTree(
    entries: Iterable<TreeEntry> | AsyncIterable<TreeEntry>,
    options: PutBlobOptions = {},
  ): Promise<PutContent> {
    return this.#put('tree', formatTree(entries), options)
  }

  async #put(kind: CutKind, source: AsyncIterable<Uint8Array>, options: PutBlobOptions): Promise<PutContent> {
    let addedBytes = 0
    let storedBytes = 0
    const putBlob = async (blobKind: BlobKind, bytes: Uint8Array) => {
      const blob = await this.#blobs.put(blobKind, bytes, options)
      if (blob.isNew) {
        addedBytes += bytes.length
        storedBytes += blob.storedBytes
      }
      return { id: blob.id, sizeBytes: bytes.length }
    }
    const builder = new ContentBuilder(async (list) => (await putBlob('list', list)).id)
    const cutter = this.#cutters[kind].pop() ?? new ContentCutter(this.#cutKey.reveal(), CUT_SIZES[kind])
    try {
      const cut = cutContent(cutter, source)
      const items = mapInOrder(cut, BLOBS_IN_FLIGHT_MAX, (bytes) => putBlob(kind, bytes))
      for await (const item of items) await builder.add(item)
    } finally {
      this.#cutters[kind].push(cutter)
    }
    return { content: await builder.finish(), addedBytes, storedBytes }
  }
}
