/** What was seen of slots, between two runs. Several processes of one home keep it together. */
import {
  asPublicKey,
  asRecordHash,
  ByteReader,
  ByteWriter,
  decodeFields,
  encodeFields,
  HASH_SIZE_BYTES,
  InvalidInputError,
} from '#crypto'
import { ConflictError } from '../errors.ts'
import { LateSave } from '../late-save.ts'
import {
  SLOTS_SEEN_MAX,
  SLOTS_SEEN_SAVE_MILLISECONDS,
  SLOTS_SEEN_WAIT_MILLISECONDS,
  SLOTS_SEEN_WAITS_MAX,
} from '../limits.ts'
import type { Platform, WritableFile } from '../platform/platform.ts'
import { type SeenEntry, SlotsSeen } from './seen.ts'

const SEEN_FILE = 'slots-seen.cbor'
/** Public key, sequence, settled sequence, hash. */
const ENTRY_SIZE_BYTES = 2 * HASH_SIZE_BYTES + 16
const FRAME_MAX_BYTES = 64

type SeenPlatform = Pick<Platform, 'disk' | 'clock' | 'log'>

/**
 * Writes down what is newly seen a while after it was seen, and when it is closed. A crash forgets what was seen in
 * that while: then a rollback to what stood before it goes unnoticed.
 */
export class SeenFile implements AsyncDisposable {
  readonly slots: SlotsSeen
  readonly #platform: SeenPlatform
  readonly #folder: string
  readonly #late: LateSave

  private constructor(platform: SeenPlatform, folder: string) {
    this.#platform = platform
    this.#folder = folder
    this.#late = new LateSave(platform, {
      what: 'what was seen of slots',
      delayMilliseconds: SLOTS_SEEN_SAVE_MILLISECONDS,
      save: () => this.#save(),
    })
    this.slots = new SlotsSeen(() => this.#late.noteChange())
  }

  /** A file that cannot be read is passed over: a memory is a help, no truth. */
  static async open(platform: SeenPlatform, folder: string): Promise<SeenFile> {
    const file = new SeenFile(platform, folder)
    file.slots.merge(await file.#read())
    return file
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#late[Symbol.asyncDispose]()
  }

  /** Read, merge, write and rename, while the draft keeps other processes from doing the same. */
  async #save(): Promise<void> {
    const { disk } = this.#platform
    await disk.makeFolder(this.#folder)
    const draft = await this.#createDraft()
    try {
      this.slots.merge(await this.#read())
      await draft.append(formatSeen(this.slots.entries()))
      await draft.sync()
    } finally {
      await draft.close()
    }
    await disk.rename(this.#draftPath, this.#path)
    await disk.syncFolder(this.#folder)
  }

  /** Whoever finds another one's draft waits; one that stays so long was left by a crash. */
  async #createDraft(): Promise<WritableFile> {
    const { disk, clock } = this.#platform
    for (let waits = 0; ; waits += 1) {
      try {
        return await disk.createFile(this.#draftPath)
      } catch (error) {
        if (!(error instanceof ConflictError) || waits > SLOTS_SEEN_WAITS_MAX) throw error
      }
      if (waits === SLOTS_SEEN_WAITS_MAX) await disk.removeFile(this.#draftPath)
      else await clock.sleep(SLOTS_SEEN_WAIT_MILLISECONDS)
    }
  }

  async #read(): Promise<readonly SeenEntry[]> {
    const file = await this.#platform.disk.openFile(this.#path)
    if (file === undefined) return []
    try {
      if (file.sizeBytes > SLOTS_SEEN_MAX * ENTRY_SIZE_BYTES + FRAME_MAX_BYTES) return []
      return parseSeen(await file.read(0, file.sizeBytes))
    } catch (error) {
      if (error instanceof InvalidInputError) return []
      throw error
    } finally {
      await file.close()
    }
  }

  get #path(): string {
    return `${this.#folder}/${SEEN_FILE}`
  }

  get #draftPath(): string {
    return `${this.#path}.new`
  }
}

/** The one used longest ago first. */
function formatSeen(entries: readonly SeenEntry[]): Uint8Array {
  const writer = new ByteWriter(entries.length * ENTRY_SIZE_BYTES)
  for (const { publicKey, sequence, settledSequence, hash } of entries) {
    writer.bytes(publicKey).u64(sequence).u64(settledSequence).bytes(hash)
  }
  return encodeFields({ slots: writer.finish() })
}

/** @throws InvalidInputError */
function parseSeen(bytes: Uint8Array): readonly SeenEntry[] {
  const fields = decodeFields(bytes, 'what was seen of slots')
  const rows = fields.bytesUpTo('slots', SLOTS_SEEN_MAX * ENTRY_SIZE_BYTES)
  fields.finish()
  const reader = new ByteReader(rows, 'what was seen of slots')
  const entries: SeenEntry[] = []
  for (let row = 0; row < Math.ceil(rows.length / ENTRY_SIZE_BYTES); row += 1) {
    const publicKey = asPublicKey(reader.bytes(HASH_SIZE_BYTES))
    const numbers = { sequence: reader.u64(), settledSequence: reader.u64() }
    entries.push({ publicKey, ...numbers, hash: asRecordHash(reader.bytes(HASH_SIZE_BYTES)) })
  }
  reader.finish()
  return entries
}
