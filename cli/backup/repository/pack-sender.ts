/**
 * Packs onto the grid and into `data/`: put, recorded in the cache, taken out of the spool, and linked several at a
 * time. Each step is safe to be the last one that a session gets to.
 */
import { type FileReadCapability, formatPackId, INDEX_ROWS_MAX, IntegrityError, type PackRow } from '#crypto'
import type { GridFiles } from '#gateway'
import type { Clock } from '#node'
import type { BlobIndex, KnownPack } from './blob-index.ts'
import { PACKS_UNLINKED_MAX } from './limits.ts'
import type { PackDirectory, PackToLink } from './pack-directory.ts'
import { patiently } from './patience.ts'
import type { ClosedPack } from './spool.ts'
import { Turns } from './turns.ts'

/** Tables of packs that are to be linked are held in memory. */
const UNLINKED_ROWS_MAX = INDEX_ROWS_MAX / 4

export interface PackSenderParts {
  readonly files: Pick<GridFiles, 'put'>
  readonly data: PackDirectory
  readonly index: BlobIndex
  /** The pack stands on the grid, and the index knows it. */
  readonly onArrived: (pack: KnownPack, rows: readonly PackRow[]) => void
  /** Of the session: nobody waits for one pack alone. */
  readonly signal: AbortSignal
  readonly clock: Pick<Clock, 'sleep'>
  readonly onWarning: (message: string) => void
}

export class PackSender {
  readonly #parts: PackSenderParts
  #unlinked: PackToLink[] = []
  readonly #linking = new Turns(1)
  #packsSent = 0
  #packBytesSent = 0

  constructor(parts: PackSenderParts) {
    this.#parts = parts
  }

  get packsSent(): number {
    return this.#packsSent
  }

  get packBytesSent(): number {
    return this.#packBytesSent
  }

  /** To be called beside itself. */
  async send(pack: ClosedPack): Promise<void> {
    const { index, onArrived } = this.#parts
    const { table } = pack
    const known = index.pack(formatPackId(table.packId))
    if (known?.state === 'linked') {
      onArrived(known, table.rows)
      await pack.remove()
      return
    }
    const capability = await this.#put(pack)
    onArrived(await index.enter(table, { capability, state: 'unlinked' }), table.rows)
    await pack.remove()
    await this.adopt({ table, capability })
  }

  /** Take on a pack that stands on the grid and is not linked yet. */
  async adopt(pack: PackToLink): Promise<void> {
    this.#unlinked.push(pack)
    const rowCount = this.#unlinked.reduce((sum, { table }) => sum + table.rows.length, 0)
    if (this.#unlinked.length >= PACKS_UNLINKED_MAX || rowCount >= UNLINKED_ROWS_MAX) await this.linkAll()
  }

  /** Whatever stands on the grid now is linked. */
  async linkAll(): Promise<void> {
    await this.#linking.run(async () => {
      const packs = this.#unlinked
      this.#unlinked = []
      try {
        const { data, signal } = this.#parts
        await this.#patiently(() => data.link(packs, { signal }))
      } catch (error) {
        this.#unlinked.unshift(...packs)
        throw error
      }
    })
  }

  async #put({ source, table }: ClosedPack): Promise<FileReadCapability> {
    const { files, signal } = this.#parts
    const put = () => files.put(source, { convergent: true, signal })
    const { capability, sentShareCount } = await this.#patiently(put)
    if (capability.kind !== 'file') throw new IntegrityError('a pack was put as something that is no file')
    if (sentShareCount > 0) {
      this.#packsSent += 1
      this.#packBytesSent += table.packSizeBytes
    }
    return capability
  }

  #patiently<Result>(work: () => Promise<Result>): Promise<Result> {
    return patiently(work, this.#parts)
  }
}
