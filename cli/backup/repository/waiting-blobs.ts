/** Blobs of a session that no pack on the grid has yet: those of a few packs. */
import type { BlobEntry, BlobId } from '#crypto'

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
    return this.#blobs.has(nameOf(id))
  }

  get(id: BlobId): WaitingBlob | undefined {
    const found = this.#blobs.get(nameOf(id))
    return found === 'compressing' ? undefined : found
  }

  set(id: BlobId, blob: WaitingBlob | 'compressing'): void {
    this.#blobs.set(nameOf(id), blob)
  }

  delete(id: BlobId): void {
    this.#blobs.delete(nameOf(id))
  }
}

/** Short, and quick to make. */
function nameOf(id: BlobId): string {
  return Buffer.from(id.buffer, id.byteOffset, id.length).toString('latin1')
}
