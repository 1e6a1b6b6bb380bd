/**
 * The contract of gateway/files.ts over a grid of the imagination: directories whose edits are atomic, files with
 * leases that run out, and processes that take turns and may die between what they do and hearing that it was done.
 *
 * It is as hostile as the contract allows: an edit may happen twice, with those of others in between, and a listing
 * that was not asked for firmly may be out of date.
 */

import { createHash } from 'node:crypto'
import {
  asFileRoot,
  asReadKey,
  asSlotSeed,
  type Capability,
  concat,
  type DirectoryWriteCapability,
  type FileReadCapability,
  type FileVerifyCapability,
  fileReadCapability,
  fileStorageIndex,
  LITERAL_SIZE_MAX_BYTES,
  literalCapability,
  type ReadCapability,
  type SlotWriteCapability,
  slotWriteCapability,
  toBase32,
  toReadCapability,
  toVerifyCapability,
} from '#crypto'
import type { GridFiles, PutOptions, PutOutcome } from '#gateway'
import {
  type CheckReport,
  type Clock,
  ConflictError,
  type DeepReport,
  type DirectoryChange,
  type Download,
  type NamedChild,
  NotEnoughSharesError,
  NotFoundError,
  type SlotWarning,
  type UploadSource,
} from '#node'
import type { SimRandom } from '../sim/sim-random.ts'
import { fakeFiles } from './fake-files.ts'
import type { SimProcess } from './sim-processes.ts'

const DAY = 24 * 3600 * 1000
export const LEASE_MILLISECONDS = 31 * DAY
const VERSIONS_KEPT = 6

interface SimFile {
  readonly bytes: Uint8Array
  expiresAt: number
}

interface SimVersion {
  readonly children: ReadonlyMap<string, NamedChild>
  readonly sequence: number
}

interface SimDirectory extends SimVersion {
  /** The newest last. */
  readonly before: readonly SimVersion[]
}

/** How hostile it is: shares of the cases in which it is. */
export interface SimFaults {
  readonly twice: number
  readonly stale: number
}

export class SimGrid {
  readonly faults: SimFaults
  readonly random: SimRandom
  nowMilliseconds = Date.UTC(2026, 0, 1)
  /** Of files, whenever a put stored one that was not there. */
  onStored: ((bytes: Uint8Array, storageIndexText: string) => void) | undefined
  readonly #files = new Map<string, SimFile>()
  readonly #directories = new Map<string, SimDirectory>()
  /** Values, by public key. */
  readonly slots = new Map<string, Uint8Array>()
  /** Of seeds: deriving one takes long. */
  readonly #publicKeys = new Map<string, string>()

  constructor(random: SimRandom, faults: SimFaults = { twice: 0, stale: 0 }) {
    this.random = random
    this.faults = faults
  }

  readonly clock: Clock = {
    now: () => this.nowMilliseconds,
    elapsed: () => this.nowMilliseconds,
    sleep: async () => undefined,
    deadline: () => {
      throw new Error('nobody has a deadline here')
    },
  }

  /** As the process sees it; undefined: as somebody does whom nobody holds up. */
  filesOf(process: SimProcess | undefined, secret = 'secret'): GridFiles {
    return new SimClient(this, process, secret).files
  }

  store(
    bytes: Uint8Array,
    key: Uint8Array,
  ): { readonly capability: FileReadCapability; readonly isNew: boolean } {
    const readKey = asReadKey(key)
    const root = asFileRoot(digest('root', bytes))
    const name = toBase32(fileStorageIndex(readKey))
    const standing = this.#files.get(name)
    const isNew = standing === undefined || standing.expiresAt <= this.nowMilliseconds
    if (isNew) this.onStored?.(bytes, name)
    this.#files.set(name, { bytes, expiresAt: this.nowMilliseconds + LEASE_MILLISECONDS })
    return { capability: fileReadCapability(readKey, root), isNew }
  }

  /** @throws NotEnoughSharesError if its leases have run out */
  bytesOf(capability: ReadCapability): Uint8Array {
    if (capability.kind === 'lit') return capability.content.reveal()
    const file = this.#files.get(toBase32(fileStorageIndex(capability.readKey.reveal())))
    if (file === undefined || file.expiresAt <= this.nowMilliseconds) {
      throw new NotEnoughSharesError('no server has a share of it')
    }
    return file.bytes
  }

  /** Undefined if it is not kept. */
  sizeOf(storageIndexText: string): number | undefined {
    return this.isKept(storageIndexText) ? this.#files.get(storageIndexText)?.bytes.length : undefined
  }

  isKept(storageIndexText: string): boolean {
    return (this.#files.get(storageIndexText)?.expiresAt ?? 0) > this.nowMilliseconds
  }

  /** @returns false if there is nothing to renew */
  renew(storageIndexText: string): boolean {
    const file = this.#files.get(storageIndexText)
    if (file === undefined || file.expiresAt <= this.nowMilliseconds) return false
    file.expiresAt = this.nowMilliseconds + LEASE_MILLISECONDS
    return true
  }

  /** Servers lose every file that the judge says. @returns how many */
  loseFile(judge: (bytes: Uint8Array) => boolean): number {
    let lost = 0
    for (const [name, { bytes }] of this.#files) {
      if (judge(bytes) && this.#files.delete(name)) lost += 1
    }
    return lost
  }

  /** As nothing does on a grid that verifies what it gives: what its writers got wrong. */
  damage(judge: (bytes: Uint8Array) => boolean, change: (bytes: Uint8Array) => void): void {
    for (const { bytes } of this.#files.values()) if (judge(bytes)) change(bytes)
  }

  makeDirectory(children: readonly NamedChild[]): DirectoryWriteCapability {
    const capability = slotWriteCapability('dir', asSlotSeed(this.random.bytes(32)))
    const map = new Map(children.map((child) => [child.name, child]))
    this.#directories.set(this.keyOf(capability), { children: map, before: [], sequence: 1 })
    return capability
  }

  directory(key: string): SimDirectory {
    const directory = this.#directories.get(key)
    if (directory === undefined) throw new NotFoundError('there is no such directory')
    return directory
  }

  /** Of a directory or slot. */
  keyOf(capability: Capability): string {
    if ('publicKey' in capability) return toBase32(capability.publicKey)
    if (!('seed' in capability)) throw new Error(`a directory or slot is wanted, found ${capability.kind}`)
    const seed = toBase32(capability.seed.reveal())
    const known = this.#publicKeys.get(seed)
    if (known !== undefined) return known
    const verify = toReadCapability(capability)
    const key = 'publicKey' in verify ? toBase32(verify.publicKey) : ''
    this.#publicKeys.set(seed, key)
    return key
  }

  /** @param memory of the edit: what it wanted to be gone may be gone by its own doing */
  edit(key: string, changes: readonly DirectoryChange[], memory: Map<string, NamedChild>): void {
    const { before, ...last } = this.directory(key)
    const children = new Map(last.children)
    for (const change of changes) applyChange(children, change, memory)
    const kept = [...before, last].slice(-VERSIONS_KEPT)
    this.#directories.set(key, { children, sequence: last.sequence + 1, before: kept })
  }

  /** Everything below a capability that verifies: one storage index a file. */
  *below(capability: Capability): Generator<string, void, undefined> {
    if (capability.kind === 'file-verify') return void (yield toBase32(capability.storageIndex))
    if (capability.kind !== 'dir-verify') return
    for (const child of this.directory(this.keyOf(capability)).children.values()) {
      if (child.capability.kind !== 'lit') yield* this.below(toVerifyCapability(child.capability))
    }
  }
}

function applyChange(
  children: Map<string, NamedChild>,
  change: DirectoryChange,
  memory: Map<string, NamedChild>,
): void {
  switch (change.kind) {
    case 'set': {
      const { name, capability, metadata, ifExists } = change
      if (ifExists === 'refuse' && children.has(name)) throw new ConflictError(`${name} is there already`)
      children.set(name, { name, capability, metadata })
      break
    }
    case 'remove': {
      const child = children.get(change.name)
      if (child !== undefined) memory.set(change.name, child)
      else if (!memory.has(change.name) && change.ifMissing === 'refuse') throw new NotFoundError(change.name)
      children.delete(change.name)
      break
    }
    case 'rename': {
      const child = children.get(change.from) ?? memory.get(change.from)
      if (child === undefined) throw new NotFoundError(`no entry ${change.from}`)
      memory.set(change.from, child)
      children.delete(change.from)
      children.set(change.to, { ...child, name: change.to })
    }
  }
}

class SimClient {
  readonly #grid: SimGrid
  readonly #process: SimProcess | undefined
  readonly #secret: string
  /** What it has written or read of each directory: it notices what is older. */
  readonly #seen = new Map<string, number>()
  readonly files: GridFiles

  constructor(grid: SimGrid, process: SimProcess | undefined, secret: string) {
    this.#grid = grid
    this.#process = process
    this.#secret = secret
    this.files = fakeFiles({
      put: (source, options) => this.#put(source, options),
      check: (capability) => this.#check(capability),
      get: (capability, options) => this.#get(capability, options?.range),
      makeDirectory: async (options) => {
        await this.#turn()
        return grid.makeDirectory(options?.children ?? [])
      },
      list: (directory, options) => this.#list(directory, options?.onWarning),
      edit: (directory, changes) => this.#edit(directory, changes),
      repairDeep: (root) => this.#repairDeep(root),
      putSlot: (capability, source) => this.#putSlot(capability, source),
    })
  }

  async #turn(): Promise<void> {
    await this.#process?.turn()
  }

  async #put(source: UploadSource, { convergent }: PutOptions = {}): Promise<PutOutcome> {
    const parts: Uint8Array[] = []
    for await (const bytes of source.open()) parts.push(bytes)
    const bytes = concat(...parts)
    const numbers = { neededShares: 1, happyServers: 1, totalShares: 1 }
    const outcome = { fileSizeBytes: bytes.length, placements: [], failures: [], numbers, serverCount: 1 }
    if (bytes.length <= LITERAL_SIZE_MAX_BYTES) {
      return { ...outcome, capability: literalCapability(bytes), sentShareCount: 0 }
    }
    await this.#turn()
    const key = convergent === true ? digest(this.#secret, bytes) : this.#grid.random.bytes(32)
    const { capability, isNew } = this.#grid.store(bytes, key)
    await this.#turn()
    return { ...outcome, capability, sentShareCount: isNew ? 1 : 0 }
  }

  async #get(capability: Capability, range?: { readonly start: number; readonly end?: number | undefined }) {
    await this.#turn()
    const bytes = this.#valueOf(capability)
    const start = range?.start ?? 0
    const end = Math.min(range?.end ?? bytes.length, bytes.length)
    async function* content() {
      if (end > start) yield bytes.slice(start, end)
    }
    const download: Download = {
      fileSizeBytes: bytes.length,
      range: { start, end },
      content: content(),
      failures: () => [],
      close: async () => undefined,
    }
    return download
  }

  async #putSlot(
    capability: SlotWriteCapability | undefined,
    source: UploadSource,
  ): Promise<SlotWriteCapability> {
    const slot = capability ?? slotWriteCapability('slot', asSlotSeed(this.#grid.random.bytes(32)))
    const parts: Uint8Array[] = []
    for await (const bytes of source.open()) parts.push(bytes)
    await this.#turn()
    this.#grid.slots.set(this.#grid.keyOf(slot), concat(...parts))
    await this.#turn()
    return slot
  }

  #valueOf(capability: Capability): Uint8Array {
    if (capability.kind === 'file' || capability.kind === 'lit') return this.#grid.bytesOf(capability)
    const value = this.#grid.slots.get(this.#grid.keyOf(capability))
    if (value === undefined) throw new NotFoundError('nobody has a record of it')
    return value
  }

  async #check({ storageIndex }: FileVerifyCapability): Promise<CheckReport> {
    await this.#turn()
    const fileSizeBytes = this.#grid.sizeOf(toBase32(storageIndex))
    const isThere = fileSizeBytes !== undefined
    return {
      encoding: undefined,
      fileSizeBytes,
      placements: [],
      missing: [],
      foundCount: isThere ? 1 : 0,
      happiness: isThere ? 1 : 0,
      isRecoverable: isThere,
      isHealthy: isThere,
      failures: [],
      askedCount: 1,
    }
  }

  async *#list(
    capability: Capability,
    onWarning: ((warning: SlotWarning) => void) | undefined,
  ): AsyncGenerator<NamedChild, void, undefined> {
    await this.#turn()
    const key = this.#grid.keyOf(capability)
    const { children, sequence, before } = this.#grid.directory(key)
    const { random, faults } = this.#grid
    const isStale = this.#process !== undefined && random.fraction() < faults.stale
    const old = before.filter((version) => version.sequence >= (this.#seen.get(key) ?? 0))
    const seen = isStale ? old[random.below(old.length)] : undefined
    if (seen !== undefined) onWarning?.({ kind: 'partial', message: 'few servers answer' })
    this.#seen.set(key, seen?.sequence ?? sequence)
    for (const child of [...(seen?.children ?? children).values()].sort(byName)) {
      yield capability.kind === 'dir' ? child : { ...child, capability: toReadCapability(child.capability) }
    }
  }

  async #edit(capability: DirectoryWriteCapability, changes: readonly DirectoryChange[]) {
    const key = this.#grid.keyOf(capability)
    const memory = new Map<string, NamedChild>()
    const { random, faults } = this.#grid
    await this.#turn()
    if (random.fraction() < faults.twice) {
      this.#grid.edit(key, changes, memory)
      await this.#turn()
    }
    this.#grid.edit(key, changes, memory)
    this.#seen.set(key, this.#grid.directory(key).sequence)
    await this.#turn()
    return { changed: changes.length > 0, sequence: this.#grid.directory(key).sequence, warnings: [] }
  }

  async *#repairDeep(root: Capability): AsyncGenerator<DeepReport, void, undefined> {
    await this.#turn()
    for (const name of [...this.#grid.below(root)]) {
      const isThere = this.#grid.renew(name)
      yield {
        kind: 'file',
        storageIndex: fileStorageIndex(asReadKey(new Uint8Array(32))),
        foundCount: isThere ? 1 : 0,
        wantedCount: isThere ? 1 : 0,
        isHealthy: isThere,
        isRecoverable: isThere,
        madeCount: 0,
        failures: [],
        warnings: [],
      }
    }
  }
}

function byName({ name: left }: NamedChild, { name: right }: NamedChild): number {
  return left < right ? -1 : 1
}

function digest(purpose: string, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(`${purpose}\0`).update(bytes).digest())
}
