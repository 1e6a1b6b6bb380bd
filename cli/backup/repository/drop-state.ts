/**
 * What a host keeps of a drop-box (FORMAT §19): the seed of the next drop and no earlier one, what names its blobs, and
 * how to find the packs that stand on the grid and are in no drop yet. A file for its owner alone, replaced as a whole.
 *
 * Whoever takes over the host has all of it, and can neither read nor change what was dropped before.
 */
import {
  asContentKey,
  asDropPublicKey,
  asSlotSeed,
  type ContentKey,
  DROP_PACKS_MAX,
  type DropCapability,
  type DropPublicKey,
  decodeFields,
  dropContentKey,
  encodeFields,
  type FileReadCapability,
  HASH_SIZE_BYTES,
  InvalidInputError,
  packCapability,
  Secret,
  type SlotSeed,
  unpackCapability,
} from '#crypto'
import { ConflictError, type Disk, NotFoundError } from '#node'

const STATE_VERSION = 1
const STATE_MAX_BYTES = 64 * 1024

export interface DropState {
  readonly contentKey: Secret<ContentKey>
  readonly ownerKey: DropPublicKey
  /** Of the slot of the next drop. */
  readonly seed: Secret<SlotSeed>
  readonly undropped: readonly FileReadCapability[]
}

export class DropStateFile {
  readonly #disk: Disk
  readonly #path: string
  #state: DropState

  private constructor(disk: Disk, path: string, state: DropState) {
    this.#disk = disk
    this.#path = path
    this.#state = state
  }

  /**
   * Begin with a capability, which is of no more use on this host when it resolves, and should be forgotten.
   *
   * @param path absolute
   * @throws ConflictError if there is a state already
   */
  static async create(disk: Disk, path: string, capability: DropCapability): Promise<DropStateFile> {
    if ((await readFile(disk, path)) !== undefined) {
      throw new ConflictError(`${path} is the state of a drop-box already: it goes on with that`)
    }
    const { seed, ownerKey } = capability
    const contentKey = new Secret(dropContentKey(seed.reveal()))
    const file = new DropStateFile(disk, path, { contentKey, ownerKey, seed, undropped: [] })
    await file.#write()
    return file
  }

  /** @throws NotFoundError if there is none; InvalidInputError if it is no such state */
  static async open(disk: Disk, path: string): Promise<DropStateFile> {
    const bytes = await readFile(disk, path)
    if (bytes === undefined) {
      throw new NotFoundError(`there is no state of a drop-box at ${path}`, {
        hint: 'It is made from the cairn:drop capability that the owner of the repository gave.',
      })
    }
    return new DropStateFile(disk, path, parseState(bytes))
  }

  get state(): DropState {
    return this.#state
  }

  /** Durable when it resolves: what was there before is gone. One change at a time. */
  async change(part: Partial<Pick<DropState, 'seed' | 'undropped'>>): Promise<void> {
    this.#state = { ...this.#state, ...part }
    await this.#write()
  }

  async #write(): Promise<void> {
    const draft = `${this.#path}.part`
    await this.#disk.removeFile(draft)
    const file = await this.#disk.createFile(draft)
    await file.append(formatState(this.#state))
    await file.sync()
    await file.close()
    await this.#disk.rename(draft, this.#path)
    await this.#disk.syncFolder(this.#path.slice(0, Math.max(1, this.#path.lastIndexOf('/'))))
  }
}

function formatState({ contentKey, ownerKey, seed, undropped }: DropState): Uint8Array {
  return encodeFields({
    version: STATE_VERSION,
    contentKey: contentKey.reveal(),
    ownerKey,
    seed: seed.reveal(),
    undropped: undropped.map(packCapability),
  })
}

function parseState(bytes: Uint8Array): DropState {
  const fields = decodeFields(bytes, 'state of a drop-box')
  const version = fields.uint('version')
  if (version !== STATE_VERSION) {
    throw new InvalidInputError(`state of a drop-box: version ${STATE_VERSION} wanted, found ${version}`)
  }
  const state = {
    contentKey: new Secret(asContentKey(fields.bytes('contentKey', HASH_SIZE_BYTES))),
    ownerKey: asDropPublicKey(fields.bytes('ownerKey', HASH_SIZE_BYTES)),
    seed: new Secret(asSlotSeed(fields.bytes('seed', HASH_SIZE_BYTES))),
    undropped: fields.list('undropped', DROP_PACKS_MAX).map(fileOf),
  }
  fields.finish()
  return state
}

function fileOf(value: unknown): FileReadCapability {
  const capability = value instanceof Uint8Array ? unpackCapability(value) : undefined
  if (capability?.kind !== 'file') throw new InvalidInputError('state of a drop-box: a pack is a file')
  return capability
}

async function readFile(disk: Disk, path: string): Promise<Uint8Array | undefined> {
  const file = await disk.openFile(path)
  if (file === undefined) return undefined
  try {
    if (file.sizeBytes > STATE_MAX_BYTES) {
      throw new InvalidInputError(`${path} is no state of a drop-box: it has ${file.sizeBytes} bytes`)
    }
    return await file.read(0, file.sizeBytes)
  } finally {
    await file.close()
  }
}
