/**
 * A repository as it stands on the grid: what its directory leads to, read and put together with what a home knows.
 * Sessions of both kinds, those that read and those that write, are made of it.
 */
import {
  type DirectoryReadCapability,
  type DirectoryWriteCapability,
  FREED_RECORD_MAX_BYTES,
  GridError,
  parseFreedRecord,
  parseRepositoryFile,
  REPOSITORY_FILE_MAX_BYTES,
  type RepositoryFile,
  type RepositoryKeys,
  repositoryKeys,
  type SlotReadCapability,
  type SlotWriteCapability,
  shortIndex,
  slotKeys,
  slotStorageIndex,
} from '#crypto'
import type { GridFiles } from '#gateway'
import { type DirectoryCapability, isDirectory, type NamedChild, NotFoundError } from '#node'
import { BlobGetter } from './blob-getter.ts'
import { ContentReader } from './content-reader.ts'
import { REPOSITORY_NAMES } from './layout.ts'
import { LOOK_AGAIN_MILLISECONDS } from './limits.ts'
import type { LocalState, RepositoryId } from './local-state.ts'
import { type LearnedListing, type ListOptions, PackDirectory } from './pack-directory.ts'
import { PackReader } from './pack-reader.ts'
import { readSmallFile } from './small-files.ts'
import { SnapshotDirectory } from './snapshot-directory.ts'
import type { Cancel } from './types.ts'
import type { WaitingBlobs } from './waiting-blobs.ts'

export type RepositoryCapability = DirectoryWriteCapability | DirectoryReadCapability

/** What the directory of a repository leads to. */
export interface RepositoryPlaces {
  readonly file: RepositoryFile
  readonly data: DirectoryCapability
  readonly snapshots: DirectoryCapability
  /** Of a repository with a drop-box. */
  readonly drop: SlotWriteCapability | SlotReadCapability | undefined
}

/** @throws NotFoundError if it is no repository */
export async function findPlaces(
  files: GridFiles,
  capability: RepositoryCapability,
  { signal }: Cancel,
): Promise<RepositoryPlaces> {
  const children = new Map<string, NamedChild['capability']>()
  for await (const child of files.list(capability, { signal })) children.set(child.name, child.capability)
  const file = children.get(REPOSITORY_NAMES.repository)
  const data = children.get(REPOSITORY_NAMES.data)
  const snapshots = children.get(REPOSITORY_NAMES.snapshots)
  const drop = children.get(REPOSITORY_NAMES.drop)
  const isFile = file?.kind === 'file' || file?.kind === 'lit'
  if (
    !isFile ||
    data === undefined ||
    snapshots === undefined ||
    !isDirectory(data) ||
    !isDirectory(snapshots)
  ) {
    throw new NotFoundError('the directory is no repository of backups: it lacks what one has', {
      hint: 'cairn backup PATH makes one; --repository NAME: --create another one.',
    })
  }
  const bytes = await readSmallFile(files, file, { signal, sizeMaxBytes: REPOSITORY_FILE_MAX_BYTES })
  const isDrop = drop?.kind === 'slot' || drop?.kind === 'slot-read'
  return { file: parseRepositoryFile(bytes), data, snapshots, drop: isDrop ? drop : undefined }
}

/** By the slot that the directory is in. */
export function repositoryId(capability: RepositoryCapability): RepositoryId {
  const owner =
    capability.kind === 'dir' ? slotKeys(capability.seed.reveal()).publicKey : capability.publicKey
  return { name: shortIndex(slotStorageIndex(owner)), owner }
}

export interface StoredParts {
  readonly files: GridFiles
  readonly places: RepositoryPlaces
  readonly state: LocalState
  /** Blobs of the session that are not on the grid yet. */
  readonly waiting: Pick<WaitingBlobs, 'get'>
  readonly onWarning: (message: string) => void
}

export class StoredRepository implements AsyncDisposable {
  readonly keys: RepositoryKeys
  readonly data: PackDirectory
  readonly snapshots: SnapshotDirectory
  readonly blobs: BlobGetter
  readonly contents: ContentReader
  readonly #parts: StoredParts
  readonly #packs: PackReader
  #lookedAgainAt: number | undefined

  constructor(parts: StoredParts) {
    const { files, places, state, waiting, onWarning } = parts
    const { cache, index, clock, trees } = state
    this.#parts = parts
    this.keys = repositoryKeys(places.file.contentKey.reveal())
    this.data = new PackDirectory({ files, capability: places.data, cache, index, clock, onWarning })
    this.snapshots = new SnapshotDirectory({ files, capability: places.snapshots, cache, clock })
    this.#packs = new PackReader(files)
    this.blobs = new BlobGetter({
      blobIdKey: this.keys.blobIdKey,
      index,
      packs: this.#packs,
      trees,
      waiting,
      lookAgain: (options) => this.lookAgain(options),
    })
    this.contents = new ContentReader(this.blobs)
  }

  /**
   * A blob that is missed may be in a pack that others have put, or in one that a prune has let go of.
   *
   * @returns false if that was looked for a moment ago
   */
  async lookAgain(options: ListOptions): Promise<boolean> {
    const now = this.#parts.state.clock.elapsed()
    const last = this.#lookedAgainAt
    if (last !== undefined && now - last < LOOK_AGAIN_MILLISECONDS) return false
    this.#lookedAgainAt = now
    await this.#learnFreed(await this.data.refresh(options), options)
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#packs[Symbol.asyncDispose]()
  }

  async #learnFreed({ freed }: LearnedListing, { signal }: Cancel): Promise<void> {
    const { files, state, onWarning } = this.#parts
    for (const [id, { capability }] of freed) {
      try {
        const limits = { signal, sizeMaxBytes: FREED_RECORD_MAX_BYTES }
        const { packs } = parseFreedRecord(await readSmallFile(files, capability, limits))
        for (const { file, ...table } of packs) {
          await state.index.enterUnknown(table, { capability: file, state: 'freed' })
        }
      } catch (error) {
        if (!(error instanceof GridError)) throw error
        onWarning(`record ${id} of what was let go cannot be read (${error.message})`)
      }
    }
  }
}
