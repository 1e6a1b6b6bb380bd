/**
 * Packs of a host with a drop-box (FORMAT §19.2): put under random keys and binding leases, and dropped a few at a
 * time. Once a drop stands, the seed that led to it is gone from the host, and with it the way to the packs.
 */
import {
  asDropPrivateKey,
  type BlobId,
  type DropContent,
  type FileReadCapability,
  formatIndexFile,
  IntegrityError,
  nextDropSeed,
  type PackTable,
  type ReadCapability,
  Secret,
  type SlotSeed,
  sealDrop,
  slotKeys,
  slotReadCapability,
  slotWriteCapability,
} from '#crypto'
import type { GridFiles } from '#gateway'
import { type Clock, NotFoundError, type Random } from '#node'
import type { DropStateFile } from './drop-state.ts'
import { PACKS_UNDROPPED_MAX } from './limits.ts'
import { patiently } from './patience.ts'
import { sourceOf } from './small-files.ts'
import type { ClosedPack } from './spool.ts'
import { Turns } from './turns.ts'

const KEY_SIZE_BYTES = 32

export interface DropSenderParts {
  readonly files: GridFiles
  readonly stateFile: DropStateFile
  readonly random: Random
  /** Blobs of a drop that stands. */
  readonly onDropped: (ids: readonly BlobId[]) => Promise<void>
  readonly signal: AbortSignal
  readonly clock: Pick<Clock, 'sleep'>
  readonly onWarning: (message: string) => void
}

export class DropSender {
  readonly #parts: DropSenderParts
  /** Those of the state file, in its order. */
  #tables: PackTable[] = []
  readonly #turns = new Turns(1)
  #packsSent = 0
  #packBytesSent = 0

  constructor(parts: DropSenderParts) {
    this.#parts = parts
  }

  get packsSent(): number {
    return this.#packsSent
  }

  get packBytesSent(): number {
    return this.#packBytesSent
  }

  /**
   * Take on a pack that an earlier session has put and not dropped. All of them come before anything else, in the order
   * of the state file.
   */
  adopt(table: PackTable): void {
    this.#tables.push(table)
  }

  /** To be called beside itself. */
  async send(pack: ClosedPack): Promise<void> {
    const capability = fileOf(await this.#put(pack.source))
    await this.#turns.run(async () => {
      const { stateFile } = this.#parts
      await stateFile.change({ undropped: [...stateFile.state.undropped, capability] })
      this.#tables.push(pack.table)
      await pack.remove()
      this.#packsSent += 1
      this.#packBytesSent += pack.table.packSizeBytes
      if (this.#tables.length >= PACKS_UNDROPPED_MAX) await this.#drop(undefined)
    })
  }

  /** Everything that was sent is in a drop, with the snapshot if there is one. */
  async dropAll(snapshot: Uint8Array | undefined): Promise<void> {
    await this.#turns.run(async () => {
      const capability = snapshot && fileOf(await this.#put(sourceOf(snapshot)))
      if (this.#tables.length > 0 || capability !== undefined) await this.#drop(capability)
    })
  }

  async #drop(snapshot: FileReadCapability | undefined): Promise<void> {
    const { files, stateFile, random, onDropped, signal } = this.#parts
    const tables = this.#tables
    const index = tables.length === 0 ? undefined : fileOf(await this.#put(sourceOf(formatIndexFile(tables))))
    const content: DropContent = { packs: stateFile.state.undropped, index, snapshot }
    await this.#findFreeSlot()
    const { ownerKey, seed } = stateFile.state
    const place = { slotKey: slotKeys(seed.reveal()).publicKey, ownerKey }
    const value = sealDrop(content, place, asDropPrivateKey(random.bytes(KEY_SIZE_BYTES)))
    const slot = slotWriteCapability('slot', seed.reveal())
    await this.#patiently(() => files.putSlot(slot, sourceOf(value), { bindingLease: true, signal }))
    await onDropped(tables.flatMap(({ rows }) => rows.map(({ id }) => id)))
    await stateFile.change({ seed: next(seed), undropped: [] })
    this.#tables = []
  }

  /** One that is taken was taken by this host, which died before it could write down that it had. */
  async #findFreeSlot(): Promise<void> {
    const { files, stateFile, signal } = this.#parts
    for (;;) {
      const { seed } = stateFile.state
      try {
        const download = await files.get(slotReadCapability('slot-read', slotKeys(seed.reveal())), { signal })
        await download.close()
      } catch (error) {
        if (error instanceof NotFoundError) return
        throw error
      }
      await stateFile.change({ seed: next(seed) })
    }
  }

  async #put(source: ClosedPack['source']): Promise<ReadCapability> {
    const { files, signal } = this.#parts
    const put = () => files.put(source, { bindingLease: true, signal })
    return (await this.#patiently(put)).capability
  }

  #patiently<Result>(work: () => Promise<Result>): Promise<Result> {
    return patiently(work, this.#parts)
  }
}

function next(seed: Secret<SlotSeed>): Secret<SlotSeed> {
  return new Secret(nextDropSeed(seed.reveal()))
}

function fileOf(capability: ReadCapability): FileReadCapability {
  if (capability.kind !== 'file') throw new IntegrityError('a pack was put as something that is no file')
  return capability
}
