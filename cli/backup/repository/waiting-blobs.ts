/** Blobs of a session that no pack on the grid has yet: those of a few packs. */
import type { BlobEntry, BlobId } from '#crypto'
import { textOfBytes } from './cache-keys.ts'

/** Where a blob stands before its pack is on the grid. */
export interface SpooledBlob {
  /** As it is stored. */
  read(): Promise<Uint8Array>
}

export interface WaitingBlob {
  readonly entry: BlobEntry
  /** Rejects if it could not be spooled: then it waits no longer. */
  readonly spooled: Promise<SpooledBlob>
}

export class WaitingBlobs {
  readonly #blobs = new Map<string, WaitingBlob | 'compressing'>()

  /** Whether the blob waits, or soon will. */
  has(id: BlobId): boolean {
    return this.#blobs.has(textOfBytes(id))
  }

  get(id: BlobId): WaitingBlob | undefined {
    const found = this.#blobs.get(textOfBytes(id))
    return found === 'compressing' ? undefined : found
  }

  set(id: BlobId, blob: WaitingBlob | 'compressing'): void {
    this.#blobs.set(textOfBytes(id), blob)
  }

  delete(id: BlobId): void {
    this.#blobs.delete(textOfBytes(id))
  }
}
