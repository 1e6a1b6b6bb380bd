/**
 * Blobs on their way out: from the spool, the cache or a pack, and verified whichever it was. Where one pack fails
 * another may do; where none is known any more, `data/` is looked at again, and what prune has let go of after that.
 */
import {
  type BlobEntry,
  type BlobId,
  type BlobIdKey,
  type BlobKind,
  GridError,
  IntegrityError,
  openBlob,
  type Secret,
} from '#crypto'
import { NotFoundError, nativeBulkCrypto } from '#node'
import type { BlobIndex, FoundBlob } from './blob-index.ts'
import type { PackReader } from './pack-reader.ts'
import type { TreeCache } from './tree-cache.ts'
import type { Cancel } from './types.ts'
import type { WaitingBlobs } from './waiting-blobs.ts'
import { decompress } from './zstd.ts'

export interface BlobGetterParts {
  readonly blobIdKey: Secret<BlobIdKey>
  readonly index: BlobIndex
  readonly packs: PackReader
  readonly trees: TreeCache
  /** Of this session. */
  readonly waiting: Pick<WaitingBlobs, 'get'>
  /** Learn what the grid has now. @returns false if that was done a moment ago */
  readonly lookAgain: (options: Cancel) => Promise<boolean>
}

export class BlobGetter {
  readonly #parts: BlobGetterParts

  constructor(parts: BlobGetterParts) {
    this.#parts = parts
  }

  /** @throws NotFoundError if no pack has it; IntegrityError if what a pack has is something else */
  async get(id: BlobId, options: Cancel = {}): Promise<Uint8Array> {
    return this.#open(id, undefined, options)
  }

  /** @throws IntegrityError too, if it is of another kind: what is meant as one thing must not be read as another */
  getKind(kind: BlobKind, id: BlobId, options: Cancel = {}): Promise<Uint8Array> {
    return this.#open(id, kind, options)
  }

  /** Plain size. Packs that do not agree on it are not believed: the blob itself is asked. @throws NotFoundError */
  async sizeOf(id: BlobId, options: Cancel = {}): Promise<number> {
    const waiting = this.#parts.waiting.get(id)
    if (waiting !== undefined) return waiting.entry.plainSizeBytes
    const [first, ...others] = await this.#findAll(id, options)
    if (first === undefined) throw notFound()
    const { plainSizeBytes } = first.place
    if (others.every(({ place }) => place.plainSizeBytes === plainSizeBytes)) return plainSizeBytes
    return (await this.get(id, options)).length
  }

  /** From one pack alone, past all caches; plain, and as it is stored there. */
  async readFrom(
    { pack, place }: FoundBlob,
    options: Cancel = {},
  ): Promise<{ readonly plain: Uint8Array; readonly stored: Uint8Array }> {
    const { offsetBytes: start, storedSizeBytes } = place
    const stored = await this.#parts.packs.read(pack, { start, end: start + storedSizeBytes }, options)
    return { plain: await this.verify(place, stored), stored }
  }

  /** As it was before it was compressed. @throws IntegrityError unless it is the blob */
  verify(entry: BlobEntry, stored: Uint8Array): Promise<Uint8Array> {
    const blobIdKey = this.#parts.blobIdKey.reveal()
    return openBlob({ blobIdKey, bulk: nativeBulkCrypto, decompress }, entry, stored)
  }

  /** @param kind undefined: whatever it is */
  async #open(id: BlobId, kind: BlobKind | undefined, options: Cancel): Promise<Uint8Array> {
    const waiting = await this.#fromSpool(id, kind)
    if (waiting !== undefined) return waiting
    const found = await this.#findAll(id, options)
    const [first] = found
    if (first === undefined) throw notFound()
    // A pack that has it as another kind has something else: the kind is in the id.
    const fitting = kind === undefined ? found : found.filter(({ place }) => place.kind === kind)
    if (fitting.length === 0) requireKind(kind, first.place)
    const keptKind = kind ?? first.place.kind
    const kept = keptKind === 'data' ? undefined : await this.#fromCache({ kind: keptKind, id })
    return kept ?? this.#fromPacks(id, fitting, options)
  }

  async #fromSpool(id: BlobId, kind: BlobKind | undefined): Promise<Uint8Array | undefined> {
    const waiting = this.#parts.waiting.get(id)
    if (waiting === undefined) return undefined
    requireKind(kind, waiting.entry)
    try {
      return await this.verify(waiting.entry, await (await waiting.spooled).read())
    } catch (error) {
      // Its pack has reached the grid meanwhile.
      if (error instanceof NotFoundError) return undefined
      throw error
    }
  }

  async #fromCache(wanted: Pick<BlobEntry, 'kind' | 'id'>): Promise<Uint8Array | undefined> {
    const cached = await this.#parts.trees.get(wanted.id)
    if (cached === undefined) return undefined
    const { stored, ...sizes } = cached
    try {
      return await this.verify({ ...wanted, ...sizes, storedSizeBytes: stored.length }, stored)
    } catch (error) {
      // A damaged cache is as good as none.
      if (error instanceof IntegrityError) return undefined
      throw error
    }
  }

  async #fromPacks(id: BlobId, found: readonly FoundBlob[], options: Cancel): Promise<Uint8Array> {
    const tried = new Set<string>()
    let candidates = found
    for (;;) {
      const read = await this.#firstGood(candidates, { ...options, tried })
      if (!(read instanceof GridError)) return read
      if (!(await this.#parts.lookAgain(options))) throw read
      candidates = (await this.#parts.index.findAll(id)).filter(({ pack }) => !tried.has(pack.name))
      if (candidates.length === 0) throw read
    }
  }

  /** @returns the error of the first that failed, if all did */
  async #firstGood(
    candidates: readonly FoundBlob[],
    options: Cancel & { readonly tried: Set<string> },
  ): Promise<Uint8Array | GridError> {
    let failure: GridError | undefined
    for (const candidate of candidates) {
      options.tried.add(candidate.pack.name)
      try {
        const { plain: bytes } = await this.readFrom(candidate, options)
        if (candidate.place.kind !== 'data') await this.#keep(candidate.place, bytes)
        return bytes
      } catch (error) {
        if (!(error instanceof GridError)) throw error
        failure ??= error
      }
    }
    return failure ?? notFound()
  }

  async #keep({ id, plainSizeBytes }: BlobEntry, bytes: Uint8Array): Promise<void> {
    // Not compressed again: what is put is, and what is read is the smaller part.
    await this.#parts.trees.keep(id, { compression: 'stored', plainSizeBytes, stored: bytes })
  }

  async #findAll(id: BlobId, options: Cancel): Promise<readonly FoundBlob[]> {
    const found = await this.#parts.index.findAll(id)
    if (found.length > 0 || !(await this.#parts.lookAgain(options))) return found
    return this.#parts.index.findAll(id)
  }
}

function requireKind(wanted: BlobKind | undefined, { kind }: Pick<BlobEntry, 'kind'>): void {
  if (wanted === undefined || wanted === kind) return
  throw new IntegrityError(`a ${wanted} blob wanted, found a ${kind} blob`)
}

function notFound(): NotFoundError {
  return new NotFoundError('no pack of the repository has a blob that a snapshot refers to', {
    hint: 'cairn check says which snapshots it hits.',
  })
}
