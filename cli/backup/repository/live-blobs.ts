/** Which blobs snapshots need: a bit for each row of each pack that has one, and what that comes to. */
import type { KnownPack } from './blob-index.ts'
import type { BlobPlace } from './cache-keys.ts'

interface LiveRows {
  readonly bits: Uint8Array
  count: number
  storedBytes: number
}

export class LiveBlobs {
  readonly #byPack = new Map<string, LiveRows>()
  #count = 0

  /** Distinct blobs. */
  get count(): number {
    return this.#count
  }

  add(pack: KnownPack, { row, storedSizeBytes }: BlobPlace): void {
    const live = this.#byPack.get(pack.name) ?? {
      bits: new Uint8Array(Math.ceil(pack.rowCount / 8)),
      count: 0,
      storedBytes: 0,
    }
    this.#byPack.set(pack.name, live)
    const mask = 1 << (row & 7)
    const byte = live.bits[row >> 3] ?? 0
    if ((byte & mask) !== 0) return
    live.bits[row >> 3] = byte | mask
    live.count += 1
    live.storedBytes += storedSizeBytes
    this.#count += 1
  }

  has(packName: string, row: number): boolean {
    return (((this.#byPack.get(packName)?.bits[row >> 3] ?? 0) >> (row & 7)) & 1) === 1
  }

  /** Of a pack: how many of its blobs are needed, and their bytes as they are stored. */
  of(packName: string): { readonly count: number; readonly storedBytes: number } {
    return this.#byPack.get(packName) ?? { count: 0, storedBytes: 0 }
  }
}
