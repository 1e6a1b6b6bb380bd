/** Restoring, for whoever has `dir-read`. */
import type { Content, Snapshot, TreeEntry } from '#crypto'
import type { GridFiles } from '#gateway'
import { ClosingSteps } from '#node'
import { openReadingState, type SessionPlace } from './local-state.ts'
import { findPlaces, type RepositoryCapability, repositoryId, StoredRepository } from './stored-repository.ts'
import type { Cancel, ReadContentOptions, RepositoryReader, UnreadableSnapshot } from './types.ts'
import { WaitingBlobs } from './waiting-blobs.ts'

export interface OpenReaderOptions extends Cancel {
  /** Left out: what is known of the repository is held in memory, some 200 bytes a blob, and learned each time. */
  readonly place?: SessionPlace | undefined
  /** Of what is out of the ordinary and can be lived with. */
  readonly onWarning?: ((message: string) => void) | undefined
}

/**
 * May run beside a session that writes, and beside others.
 *
 * @param files stays open when the reader is closed
 * @throws NotFoundError if the directory is no repository
 */
export async function openReader(
  files: GridFiles,
  capability: RepositoryCapability,
  { place, signal, onWarning = () => undefined }: OpenReaderOptions = {},
): Promise<RepositoryReader> {
  const places = await findPlaces(files, capability, { signal })
  const closing = new ClosingSteps()
  try {
    const state = closing.addResource(await openReadingState(place, repositoryId(capability)))
    const stored = new StoredRepository({ files, places, state, waiting: new WaitingBlobs(), onWarning })
    closing.addResource(stored)
    await stored.data.refresh({ signal })
    return new StoredReader(capability, stored, closing)
  } catch (error) {
    await closing[Symbol.asyncDispose]()
    throw error
  }
}

class StoredReader implements RepositoryReader {
  readonly capability: RepositoryCapability
  readonly #stored: StoredRepository
  readonly #closing: AsyncDisposable

  constructor(capability: RepositoryCapability, stored: StoredRepository, closing: AsyncDisposable) {
    this.capability = capability
    this.#stored = stored
    this.#closing = closing
  }

  get blobs() {
    return this.#stored.blobs
  }

  snapshots(options?: Cancel): AsyncIterable<Snapshot | UnreadableSnapshot> {
    return this.#stored.snapshots.read(options)
  }

  readContent(content: Content, options?: ReadContentOptions): AsyncIterable<Uint8Array> {
    return this.#stored.contents.readContent(content, options)
  }

  readTree(content: Content, options?: Cancel): AsyncIterable<TreeEntry> {
    return this.#stored.contents.readTree(content, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closing[Symbol.asyncDispose]()
  }
}
