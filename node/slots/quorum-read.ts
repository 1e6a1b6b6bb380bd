/** One reading of a slot: ask the replicas, judge what they answer, and bring the newest record to a quorum. */
import type { PublicKey, SlotRecord } from '#crypto'
import type { ServerFailure } from '../errors.ts'
import type { Grid, GridServer } from '../grid.ts'
import {
  LEASE_DURATION_DEFAULT_SECONDS,
  SLOT_SETTLE_TRIES_MAX,
  SLOT_STRAGGLER_FACTOR,
  SLOT_STRAGGLER_MIN_MILLISECONDS,
} from '../limits.ts'
import { ServerCalls } from '../server-calls.ts'
import { type Judgement, judge } from './quorum.ts'
import {
  placeSlot,
  type RecordVerifier,
  recordVerifier,
  refusalOf,
  type SlotOptions,
  type SlotPlace,
} from './replicas.ts'
import type { SeenSlot } from './seen.ts'

/**
 * `read`: until a quorum holds the newest record, or as near to that as it gets in good time. `write`: until no other
 * record of its sequence can succeed. `check`: until every replica has answered; changes nothing.
 */
type Purpose = 'read' | 'write' | 'check'

/** What a reading has come to. */
export interface SlotReading {
  readonly place: SlotPlace
  readonly judgement: Judgement<SlotRecord>
  /** Remembered from before the reading began. */
  readonly seen: SeenSlot | undefined
  /** Replicas that hold the record that holds. */
  readonly holders: readonly GridServer[]
  /** Others wrote so fast that it was left unfinished. */
  readonly isMoving: boolean
  readonly failures: readonly ServerFailure[]
}

/** @throws the signal's reason */
export async function readSlot(
  grid: Grid,
  publicKey: PublicKey,
  options: SlotOptions & { readonly purpose: Purpose },
): Promise<SlotReading> {
  return await new QuorumRead(grid, publicKey, options).run()
}

class QuorumRead {
  readonly #grid: Grid
  readonly #options: SlotOptions & { readonly purpose: Purpose }
  readonly #place: SlotPlace
  readonly #seen: SeenSlot | undefined
  readonly #calls: ServerCalls
  /** What each replica holds that answered. */
  readonly #held = new Map<GridServer, SlotRecord | undefined>()
  readonly #elsewhere: SlotRecord[] = []
  readonly #verify: RecordVerifier
  readonly #settling = new Set<GridServer>()
  /** Sequences that were brought to a replica. */
  readonly #brought = new Map<GridServer, number[]>()
  readonly #failures: ServerFailure[] = []
  readonly #startedAt: number
  #othersAskedCount = 0
  #patienceEndsAt: number | undefined

  constructor(grid: Grid, publicKey: PublicKey, options: SlotOptions & { readonly purpose: Purpose }) {
    this.#grid = grid
    this.#options = options
    this.#place = placeSlot(grid, publicKey, options)
    this.#verify = recordVerifier(grid, publicKey)
    // Taken now: a reading that began before another one ended may find less than that one noted.
    this.#seen = grid.slotsSeen.seen(publicKey)
    this.#calls = new ServerCalls(grid, options.signal)
    this.#startedAt = grid.clock.elapsed()
  }

  async run(): Promise<SlotReading> {
    this.#options.signal?.throwIfAborted()
    try {
      for (const replica of this.#place.replicas) this.#ask(replica)
      while (true) {
        const judgement = this.#judge()
        if (this.#options.purpose !== 'check') this.#settle(judgement)
        const patience = this.#patience(judgement)
        if (patience === 'done') return this.#reading(judgement)
        await this.#calls.changed(patience)
      }
    } finally {
      this.#calls.stop()
    }
  }

  #judge(): Judgement<SlotRecord> {
    return judge(this.#place.size, [...this.#held.values()], this.#elsewhere)
  }

  /** How many milliseconds to wait for more; undefined: as long as calls are in flight. */
  #patience(judgement: Judgement<SlotRecord>): 'done' | number | undefined {
    const { answeredCount, sequence, isSettled, isFrozen, canSettle } = judgement
    if (this.#calls.inFlightCount === 0) return 'done'
    if (this.#options.purpose === 'check' || answeredCount < this.#place.size.quorum) return undefined
    // What looks like a rollback may be a record that only the slow ones hold.
    if ((this.#seen?.sequence ?? 0) > sequence) return undefined
    if (isSettled) return 'done'
    if (this.#settling.size > 0) return undefined
    if (this.#options.purpose === 'write' && !isFrozen) return undefined
    if (isFrozen && !canSettle) return 'done'
    // Only stragglers are left to make a difference.
    const now = this.#grid.clock.elapsed()
    const usual = SLOT_STRAGGLER_FACTOR * (now - this.#startedAt)
    this.#patienceEndsAt ??= now + Math.max(SLOT_STRAGGLER_MIN_MILLISECONDS, usual)
    return now >= this.#patienceEndsAt ? 'done' : this.#patienceEndsAt - now
  }

  #ask(gridServer: GridServer): void {
    const isReplica = this.#place.replicas.includes(gridServer)
    this.#calls.start(gridServer, {
      what: 'reading a slot',
      make: (server, options) => server.readSlots([this.#place.publicKey], options),
      onAnswer: ([bytes]) => {
        const record = bytes === undefined ? undefined : this.#verify(bytes)
        if (isReplica) this.#held.set(gridServer, record)
        else if (record !== undefined) this.#elsewhere.push(record)
      },
      onFailure: (failure) => {
        this.#failures.push(failure)
        // Does not count for the quorum, but may know of something newer.
        const next = this.#place.others[this.#othersAskedCount]
        this.#othersAskedCount += 1
        if (next !== undefined) this.#ask(next)
      },
    })
  }

  /** Bring the record that holds to those that answered with less. It is signed: no right to write is needed. */
  #settle({ sequence, heads: [newest], isSettled, answeredCount }: Judgement<SlotRecord>): void {
    if (newest === undefined || isSettled || answeredCount < this.#place.size.quorum) return
    for (const [replica, record] of this.#held) {
      const brought = this.#brought.get(replica) ?? []
      if ((record?.sequence ?? 0) >= sequence || this.#settling.has(replica)) continue
      if (brought.includes(sequence) || brought.length >= SLOT_SETTLE_TRIES_MAX) continue
      this.#brought.set(replica, [...brought, sequence])
      this.#bring(newest, replica)
    }
  }

  #bring(record: SlotRecord, replica: GridServer): void {
    const leaseDurationSeconds = this.#options.leaseDurationSeconds ?? LEASE_DURATION_DEFAULT_SECONDS
    this.#settling.add(replica)
    this.#calls.start(replica, {
      what: 'bringing a slot record to a server',
      make: (server, options) => server.writeSlot({ record: record.bytes, leaseDurationSeconds }, options),
      onAnswer: (outcome) => {
        this.#settling.delete(replica)
        const refusal = refusalOf(outcome, record, this.#verify)
        this.#held.set(replica, refusal ?? record)
      },
      onFailure: (failure) => {
        this.#settling.delete(replica)
        this.#failures.push(failure)
      },
    })
  }

  #reading(judgement: Judgement<SlotRecord>): SlotReading {
    const [record] = judgement.heads
    const isMoving = [...this.#brought].some(
      ([replica, brought]) =>
        brought.length >= SLOT_SETTLE_TRIES_MAX &&
        (this.#held.get(replica)?.sequence ?? 0) < judgement.sequence,
    )
    return {
      place: this.#place,
      judgement,
      seen: this.#seen,
      holders: [...this.#held].filter(([, held]) => held !== undefined && held === record).map(([id]) => id),
      isMoving,
      failures: this.#failures,
    }
  }
}
