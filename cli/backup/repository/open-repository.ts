/** Making a repository, and opening one to back up, forget, prune and check. */
import {
  asContentKey,
  asDropPrivateKey,
  asSlotSeed,
  type DirectoryWriteCapability,
  type DropCapability,
  dropCapability,
  dropContentKey,
  dropPublicKey,
  formatRepositoryFile,
  nextDropSeed,
  Secret,
  slotWriteCapability,
} from '#crypto'
import type { GridFiles } from '#gateway'
import { type Clock, ClosingSteps, type NamedChild, type Random, systemClock, systemRandom } from '#node'
import { REPOSITORY_NAMES } from './layout.ts'
import { openLocalState, type SessionPlace } from './local-state.ts'
import { undoDeadPrunes } from './prune.ts'
import { GridRepository } from './repository.ts'
import { sourceOf } from './small-files.ts'
import { findPlaces, repositoryId, StoredRepository } from './stored-repository.ts'
import type { Cancel, Repository } from './types.ts'
import { WaitingBlobs } from './waiting-blobs.ts'
import { WriteSession } from './write-session.ts'

const KEY_SIZE_BYTES = 32

export interface CreateRepositoryOptions extends Cancel {
  /** Takes backups through a drop-box alone (FORMAT §19). */
  readonly dropBox?: boolean | undefined
  readonly clock?: Pick<Clock, 'now'> | undefined
  readonly random?: Random | undefined
}

export interface CreatedRepository {
  /** Whoever loses it has lost the backups. */
  readonly capability: DirectoryWriteCapability
  /** For the one host that is to back up to it, and nowhere else; good for one host, once. */
  readonly drop: DropCapability | undefined
}

/** A new repository. @throws UnhappyError, as putting a file does */
export async function createRepository(
  files: GridFiles,
  options: CreateRepositoryOptions = {},
): Promise<CreatedRepository> {
  const { clock = systemClock, random = systemRandom, signal } = options
  const box = options.dropBox === true ? newDropBox(random) : undefined
  const contentKey = box?.contentKey ?? new Secret(asContentKey(random.bytes(KEY_SIZE_BYTES)))
  const createdAtMilliseconds = clock.now()
  const { dropPrivateKey } = box ?? {}
  const bytes = formatRepositoryFile({ createdAtMilliseconds, contentKey, dropPrivateKey })
  const { capability: file } = await files.put(sourceOf(bytes), { signal })
  const data = await files.makeDirectory({ signal })
  const snapshots = await files.makeDirectory({ signal })
  const children: NamedChild[] = [
    { name: REPOSITORY_NAMES.repository, capability: file, metadata: { sizeBytes: bytes.length } },
    { name: REPOSITORY_NAMES.data, capability: data, metadata: {} },
    { name: REPOSITORY_NAMES.snapshots, capability: snapshots, metadata: {} },
  ]
  if (box !== undefined) {
    await files.putSlot(box.start, sourceOf(new Uint8Array(0)), { signal })
    children.push({ name: REPOSITORY_NAMES.drop, capability: box.start, metadata: {} })
  }
  return { capability: await files.makeDirectory({ children, signal }), drop: box?.drop }
}

/** Keys of a drop-box, and the slot before the first drop, from which the owner finds all of them. */
function newDropBox(random: Random) {
  const start = asSlotSeed(random.bytes(KEY_SIZE_BYTES))
  const dropPrivateKey = new Secret(asDropPrivateKey(random.bytes(KEY_SIZE_BYTES)))
  const first = nextDropSeed(start)
  return {
    start: slotWriteCapability('slot', start),
    drop: dropCapability(first, dropPublicKey(dropPrivateKey.reveal())),
    contentKey: new Secret(dropContentKey(first)),
    dropPrivateKey,
  }
}

export interface OpenRepositoryOptions extends Cancel {
  readonly place: SessionPlace
  /** Closes packs at so many bytes; left out: PACK_CLOSE_BYTES. */
  readonly packCloseBytes?: number | undefined
  /** Of what is out of the ordinary and can be lived with. */
  readonly onWarning?: ((message: string) => void) | undefined
}

/**
 * One session of a home at a time; sessions of other homes may run beside it, and readers of this one. What an earlier
 * session has left on its way is taken up.
 *
 * @param files stays open when the repository is closed
 * @throws NotFoundError if the directory is no repository; BusyError while another process of this home is at work on
 *   it
 */
export async function openRepository(
  files: GridFiles,
  capability: DirectoryWriteCapability,
  options: OpenRepositoryOptions,
): Promise<Repository> {
  const { place, packCloseBytes, signal, onWarning = () => undefined } = options
  const places = await findPlaces(files, capability, { signal })
  const closing = new ClosingSteps()
  const ended = new AbortController()
  try {
    const state = closing.addResource(await openLocalState(place, repositoryId(capability)))
    const waiting = new WaitingBlobs()
    const stored = closing.addResource(new StoredRepository({ files, places, state, waiting, onWarning }))
    const listing = await stored.data.refresh({ signal })
    await undoDeadPrunes({ stored, state, onWarning }, listing, { signal })
    const sessionSignal = signal === undefined ? ended.signal : AbortSignal.any([ended.signal, signal])
    const parts = { files, state, stored, waiting, packCloseBytes, signal: sessionSignal, onWarning }
    const session = closing.addResource(await WriteSession.open(parts))
    closing.add(async () => ended.abort(new DOMException('the repository was closed', 'AbortError')))
    return new GridRepository({ files, capability, places, state, stored, session, onWarning, closing })
  } catch (error) {
    await closing[Symbol.asyncDispose]()
    throw error
  }
}
