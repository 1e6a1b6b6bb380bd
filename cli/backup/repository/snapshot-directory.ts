/**
 * The directory `snapshots/` of a repository. A snapshot is written as pending first, and gets its name when all that
 * it refers to was seen to be there: what has a name can be restored. Prune spares what is pending too.
 */
import {
  GridError,
  IntegrityError,
  parseSnapshot,
  type ReadCapability,
  SNAPSHOT_MAX_BYTES,
  type Snapshot,
} from '#crypto'
import { EDIT_CHANGES_MAX, type GridFiles, requireDirectoryWrite } from '#gateway'
import {
  type Clock,
  ConflictError,
  type DirectoryCapability,
  type DirectoryChange,
  type IndexOperation,
  mapInOrder,
  NotFoundError,
} from '#node'
import type { Cache } from './cache.ts'
import { cacheKey, nameOfKey } from './cache-keys.ts'
import { listFirmly } from './firm-list.ts'
import { formatSnapshotName, parseSnapshotName, type SnapshotName } from './layout.ts'
import { FETCHES_IN_FLIGHT_MAX } from './limits.ts'
import type { ListOptions } from './pack-directory.ts'
import { readSmallFile } from './small-files.ts'
import type { Cancel, UnreadableSnapshot } from './types.ts'

export interface ListedSnapshot extends SnapshotName {
  readonly capability: ReadCapability
  /** By the clock of whoever put it there. */
  readonly linkedAtMilliseconds: number
}

export interface SnapshotDirectoryParts {
  readonly files: GridFiles
  readonly capability: DirectoryCapability
  readonly cache: Cache
  readonly clock: Pick<Clock, 'now'>
}

export class SnapshotDirectory {
  readonly #parts: SnapshotDirectoryParts

  constructor(parts: SnapshotDirectoryParts) {
    this.#parts = parts
  }

  /** Pending ones too. */
  async list(options: ListOptions = {}): Promise<readonly ListedSnapshot[]> {
    const { files, capability } = this.#parts
    const listed: ListedSnapshot[] = []
    const children =
      options.firm === true
        ? await listFirmly(files, capability, options)
        : files.list(capability, { signal: options.signal })
    for await (const child of children) {
      const name = parseSnapshotName(child.name)
      const kind = child.capability.kind
      if (name === undefined || (kind !== 'file' && kind !== 'lit')) continue
      const linkedAtMilliseconds = child.metadata.modifiedAtMilliseconds ?? 0
      listed.push({ ...name, capability: child.capability, linkedAtMilliseconds })
    }
    return listed
  }

  /** Those that have their names. The cache is left with these and no others. */
  async *read(options: Cancel = {}): AsyncGenerator<Snapshot | UnreadableSnapshot, void, undefined> {
    const listed = (await this.list(options)).filter(({ isPending }) => !isPending)
    await this.#forgetOthers(new Set(listed.map(({ id }) => id)))
    yield* this.readListed(listed, options)
  }

  async *readListed(
    listed: Iterable<ListedSnapshot>,
    options: Cancel = {},
  ): AsyncGenerator<Snapshot | UnreadableSnapshot, void, undefined> {
    yield* mapInOrder(listed, FETCHES_IN_FLIGHT_MAX, async (one) => {
      try {
        return await this.#fetch(one, options)
      } catch (error) {
        if (error instanceof GridError) return { id: one.id, error }
        throw error
      }
    })
  }

  /** Make it known that a snapshot is coming: from now on no prune takes away for good what it refers to. */
  async announce(id: string, capability: ReadCapability, { signal }: Cancel = {}): Promise<void> {
    const { files, capability: directory, clock } = this.#parts
    const metadata = { modifiedAtMilliseconds: clock.now() }
    const name = formatSnapshotName({ id, isPending: true })
    const change = { kind: 'set', name, capability, metadata, ifExists: 'replace' } as const
    await files.edit(requireDirectoryWrite(directory), [change], { signal })
  }

  /** Give one that was announced its name. @throws ConflictError if it was given up meanwhile */
  async confirm(id: string, { signal }: Cancel = {}): Promise<void> {
    const { files, capability: directory } = this.#parts
    const from = formatSnapshotName({ id, isPending: true })
    const change = { kind: 'rename', from, to: id, ifExists: 'replace' } as const
    try {
      await files.edit(requireDirectoryWrite(directory), [change], { signal })
    } catch (cause) {
      if (!(cause instanceof NotFoundError)) throw cause
      throw new ConflictError(
        'the snapshot took so long that a prune gave it up: back up again, and little is sent',
        {},
        { cause },
      )
    }
  }

  /** Names that are gone already are passed over. */
  async remove(names: readonly SnapshotName[], { signal }: Cancel = {}): Promise<void> {
    const { files, capability } = this.#parts
    const changes = names.map((name): DirectoryChange => {
      return { kind: 'remove', name: formatSnapshotName(name), ifMissing: 'ignore' }
    })
    for (let start = 0; start < changes.length; start += EDIT_CHANGES_MAX) {
      await files.edit(requireDirectoryWrite(capability), changes.slice(start, start + EDIT_CHANGES_MAX), {
        signal,
      })
    }
  }

  /** The id is a hash of the bytes, so neither cache nor grid can give another snapshot. */
  async #fetch({ id, capability }: ListedSnapshot, options: Cancel): Promise<Snapshot> {
    const { files, cache } = this.#parts
    const key = cacheKey('snapshot', id)
    const cached = await cache.get(key)
    const limits = { ...options, sizeMaxBytes: SNAPSHOT_MAX_BYTES }
    const bytes = cached ?? (await readSmallFile(files, capability, limits))
    const snapshot = parseSnapshot(bytes)
    if (snapshot.id !== id) throw new IntegrityError(`what is linked as snapshot ${id} is another one`)
    if (cached === undefined) await cache.write([{ type: 'put', key, value: bytes }], { sync: false })
    return snapshot
  }

  async #forgetOthers(ids: ReadonlySet<string>): Promise<void> {
    const { cache } = this.#parts
    const gone: IndexOperation[] = []
    for await (const [key] of cache.entries('snapshot')) {
      if (!ids.has(new TextDecoder().decode(nameOfKey(key)))) gone.push({ type: 'del', key })
    }
    await cache.write(gone, { sync: false })
  }
}
