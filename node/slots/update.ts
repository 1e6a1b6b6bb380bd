/** Change a slot: read, edit, write, and again after a conflict, until a quorum holds the change. */
import {
  equalBytes,
  IntegrityError,
  makeSlotRecord,
  NO_RECORD,
  openSlotContent,
  type RecordHash,
  type SlotContent,
  type SlotKeys,
  type SlotRecord,
  toBase32,
} from '#crypto'
import { ConflictError, type ServerFailure, UnhappyError } from '../errors.ts'
import { type Grid, summarizeFailures } from '../grid.ts'
import {
  SLOT_PAUSE_LEAST_MILLISECONDS,
  SLOT_PAUSE_MOST_MILLISECONDS,
  SLOT_UPDATE_TRIES_MAX,
} from '../limits.ts'
import { KeyedLock } from '../storage/keyed-lock.ts'
import { type Publication, publishRecord } from './publish.ts'
import { readSlot } from './quorum-read.ts'
import { placeSlot, type SlotOptions, type SlotPlace } from './replicas.ts'
import { type RetrievedSlot, retrievedOf, warningsOf } from './retrieve.ts'
import type { SlotWarning } from './warning.ts'

/**
 * What the next record is to hold; undefined: what `current.record` holds is as wanted. Of several writers who race,
 * one wins and the others are called again with what then stands. A first attempt may have reached some servers, and so
 * stand in what the second one is made from: an edit must be harmless when it is done twice.
 *
 * Whatever `current.rivals` hold may have been reported as written: what is returned must have it too.
 */
export type SlotEdit = (current: RetrievedSlot | undefined) => Promise<SlotContent | undefined>

export interface SlotUpdateOptions extends SlotOptions {
  /**
   * Start from this instead of reading: one round trip less. If it is not the newest any more, the servers say so, and
   * the edit is done again. `new`: nobody else can know the slot yet, as its seed was just made.
   */
  readonly base?: RetrievedSlot | 'new' | undefined
  /** Write although the servers know of less than was seen before, above all that was seen. */
  readonly acceptRollback?: boolean | undefined
}

export interface PublishedSlot {
  /** As it stands now; undefined if there was no record and the edit wanted none. Fit to be the next base. */
  readonly slot: RetrievedSlot | undefined
  /** False: the edit found all as wanted. */
  readonly changed: boolean
  /** Of what the change was made from. */
  readonly warnings: readonly SlotWarning[]
  /** Servers that did not take it. */
  readonly failures: readonly ServerFailure[]
}

/** Writers of one slot in one process take turns: they would only race with each other. */
const turns = new WeakMap<Grid, KeyedLock>()

/**
 * @throws UnhappyError if fewer than a quorum answered or accepted; in the latter case the change may still become
 *   visible, and repeating the edit is safe. IntegrityError if the servers know of less than was seen before on a
 *   quorum.
 *   ConflictError if others kept writing. Whatever the edit throws; the signal's reason
 */
export async function updateSlot(
  grid: Grid,
  keys: SlotKeys,
  edit: SlotEdit,
  options: SlotUpdateOptions,
): Promise<PublishedSlot> {
  const lock = turns.get(grid) ?? new KeyedLock()
  turns.set(grid, lock)
  return await lock.run(toBase32(keys.publicKey), () => new SlotUpdate(grid, keys, options).run(edit))
}

/** What an attempt starts from. */
interface Start {
  readonly current: RetrievedSlot | undefined
  readonly warnings: readonly SlotWarning[]
  readonly next: { readonly sequence: number; readonly previous: RecordHash }
}

class SlotUpdate {
  readonly #grid: Grid
  readonly #keys: SlotKeys
  readonly #options: SlotUpdateOptions
  #place: SlotPlace
  /** Our own last attempt, which lost or was left behind. */
  #attempt: SlotRecord | undefined

  constructor(grid: Grid, keys: SlotKeys, options: SlotUpdateOptions) {
    this.#grid = grid
    this.#keys = keys
    this.#options = options
    this.#place = placeSlot(grid, keys.publicKey, options)
  }

  async run(edit: SlotEdit): Promise<PublishedSlot> {
    this.#options.signal?.throwIfAborted()
    const given = this.#given()
    const first = given === undefined ? undefined : await this.#attemptFromGiven(given, edit)
    if (first !== undefined) return first
    for (let tries = 1; tries <= SLOT_UPDATE_TRIES_MAX; tries += 1) {
      this.#options.signal?.throwIfAborted()
      const startedAt = this.#grid.clock.elapsed()
      const start = await this.#read()
      const published = start === undefined ? undefined : await this.#attemptFrom(start, edit)
      if (published !== undefined) return published
      await this.#pause(tries, this.#grid.clock.elapsed() - startedAt)
    }
    throw new ConflictError(
      `others kept changing slot ${this.#place.name}: ${SLOT_UPDATE_TRIES_MAX} attempts lost; try again later`,
    )
  }

  /**
   * Only that a quorum takes the next record shows that the given one was still the newest. So where the edit wants no
   * next record, or fails, it is done again on what the servers hold.
   *
   * @returns undefined if there was a newer one, or may have been
   */
  async #attemptFromGiven(given: Start, edit: SlotEdit): Promise<PublishedSlot | undefined> {
    let wanted: SlotContent | undefined
    try {
      wanted = await edit(given.current)
    } catch (error) {
      if (given.current === undefined) throw error
      return undefined
    }
    return wanted === undefined ? undefined : await this.#publish(given, wanted)
  }

  /** @returns undefined after a conflict */
  async #attemptFrom(start: Start, edit: SlotEdit): Promise<PublishedSlot | undefined> {
    const { current, warnings } = start
    // A record that others have carried to a quorum has no binding lease there.
    const isOwnAttempt =
      this.#options.bindingLease !== true &&
      current?.isSettled === true &&
      this.#attempt !== undefined &&
      equalBytes(current.record.hash, this.#attempt.hash)
    // Others have carried it to a quorum: it was written after all.
    if (isOwnAttempt) return { slot: current, changed: true, warnings, failures: current.failures }
    const wanted = await edit(current)
    const isAsWanted = wanted === undefined && (current === undefined || current.isSettled)
    if (isAsWanted) return { slot: current, changed: false, warnings, failures: current?.failures ?? [] }
    // Nothing to change, but a rival may still win over the record: only a next one makes it last.
    return await this.#publish(start, wanted ?? this.#contentOf(current))
  }

  /** @returns undefined after a conflict */
  async #publish({ next, warnings }: Start, content: SlotContent): Promise<PublishedSlot | undefined> {
    const record = makeSlotRecord(this.#keys, next, content)
    this.#attempt = record
    const publication = await publishRecord(this.#grid, this.#place, record, {
      ...this.#options,
      patience: 'quorum',
    })
    if (!publication.isAccepted) {
      if (publication.refusedCount === 0) throw this.#unhappy(publication)
      return undefined
    }
    const { sequence, hash } = record
    this.#grid.slotsSeen.note(this.#keys.publicKey, { sequence, hash, settledSequence: sequence })
    const { failures } = publication
    const slot = { record, heads: [record], rivals: [], isSettled: true, warnings: [], failures }
    return { slot, changed: true, warnings, failures }
  }

  /** What the caller has given to start from. */
  #given(): Start | undefined {
    const { base } = this.#options
    if (base === undefined || this.#place.replicas.length === 0) return undefined
    if (base === 'new') {
      return { current: undefined, warnings: [], next: { sequence: 1, previous: NO_RECORD } }
    }
    const newest = this.#grid.slotsSeen.seen(this.#keys.publicKey)
    if (!base.isSettled || (newest?.sequence ?? 0) > base.record.sequence) return undefined
    const next = { sequence: base.record.sequence + 1, previous: base.record.hash }
    return { current: base, warnings: base.warnings, next }
  }

  /**
   * @returns undefined if others write so fast that there is nothing firm to start from
   * @throws UnhappyError, IntegrityError
   */
  async #read(): Promise<Start | undefined> {
    const { publicKey } = this.#keys
    const reading = await readSlot(this.#grid, publicKey, { ...this.#options, purpose: 'write' })
    const { judgement, seen, place, failures } = reading
    this.#place = place
    if (!judgement.isFrozen) {
      if (reading.isMoving) return undefined
      const count =
        judgement.answeredCount < place.size.quorum ? judgement.answeredCount : judgement.heldCount
      throw new UnhappyError(
        `${count} servers could be read, ${place.size.quorum} of ${place.size.replicas} needed to change slot ` +
          `${place.name}: nothing was written; ${summarizeFailures(failures)}`,
        { wantedCount: place.size.quorum, foundCount: count, failures },
      )
    }
    // A record that was seen, but never on a quorum, may be gone with a few servers: it was not reported as written.
    const settledSequence = seen?.settledSequence ?? 0
    if (settledSequence > judgement.sequence && this.#options.acceptRollback !== true) {
      throw new IntegrityError(
        `slot ${place.name} was at record ${settledSequence} when it was last seen, and is at ` +
          `${judgement.sequence} now: servers lost or hide what is newer. Accept the rollback to write over it`,
        { seenSequence: settledSequence, foundSequence: judgement.sequence },
      )
    }
    const warnings = warningsOf(reading)
    const current = retrievedOf(this.#grid, reading)
    const sequence = Math.max(judgement.sequence, seen?.sequence ?? 0) + 1
    const previous = current?.record.hash ?? seen?.hash ?? NO_RECORD
    return { current, warnings, next: { sequence, previous } }
  }

  #contentOf(current: RetrievedSlot | undefined): SlotContent {
    if (current === undefined) throw new Error('a slot without a record has no content')
    return openSlotContent(current.record, this.#keys.readKey.reveal())
  }

  /** By lot, so that of two writers one comes first; longer each time, and in proportion to what an attempt takes. */
  async #pause(tries: number, attemptMilliseconds: number): Promise<void> {
    const { clock, random } = this.#grid
    const base = Math.max(SLOT_PAUSE_LEAST_MILLISECONDS, attemptMilliseconds)
    const longest = Math.min(SLOT_PAUSE_MOST_MILLISECONDS, base * 2 ** (tries - 1))
    const [high = 0, low = 0] = random.bytes(2)
    await clock.sleep((longest * (high * 256 + low)) / 65_536, { signal: this.#options.signal })
  }

  #unhappy({ acceptedBy, failures }: Publication): UnhappyError {
    const { name, size } = this.#place
    return new UnhappyError(
      `${acceptedBy.length} of ${size.quorum} servers needed took the change to slot ${name}; it may still become ` +
        `visible: repeat it, or read again; ${summarizeFailures(failures)}`,
      { wantedCount: size.quorum, foundCount: acceptedBy.length, failures },
    )
  }
}
