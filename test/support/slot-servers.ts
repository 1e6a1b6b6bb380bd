/**
 * Servers of slot records in a few lines, each with its own way of going wrong, and delays by lot between them and
 * their clients: for interleavings that real storages would take too long to go through.
 */
import { parseSlotRecord } from '#crypto'
import {
  type CallOptions,
  type Grid,
  type GridServer,
  nativeBulkCrypto,
  SlotsSeen,
  type SlotWrite,
  type SlotWriteOutcome,
  silentLog,
  UnreachableError,
} from '#node'
import { SimClock } from '../sim/sim-clock.ts'
import { SimRandom } from '../sim/sim-random.ts'
import { FakeStorage } from './fake-storage.ts'

export const SLOT_FAULTS = [
  /** Shows any record it ever held; accepts all and keeps what is newest. */
  'rolls back',
  /** Accepts and forgets. */
  'forgets',
  /** Shows any record of the highest sequence it ever saw; accepts all. */
  'two-faced',
  'shows garbage',
  /** Refuses every write with something that it holds or once held. */
  'refuses',
  /** Answers after up to a minute. */
  'lags',
  /** Fails every call. */
  'down',
  /** Never answers. */
  'silent',
  /** Is honest, and then never answers again. */
  'vanishes',
] as const
export type SlotFault = (typeof SLOT_FAULTS)[number]

const DELAY_MAX_MILLISECONDS = 40
const LAG_MAX_MILLISECONDS = 60_000
const VANISHES_WITHIN_MILLISECONDS = 400

export class SlotServers {
  readonly clock = new SimClock()
  readonly servers: readonly VirtualServer[]
  readonly #random: SimRandom

  constructor(count: number, options: { readonly seed: number; readonly faults?: readonly SlotFault[] }) {
    this.#random = new SimRandom(options.seed)
    this.servers = Array.from(
      { length: count },
      (_, number) =>
        new VirtualServer(`server-${number}`, {
          clock: this.clock,
          random: this.#random.fork(),
          fault: options.faults?.[number],
        }),
    )
  }

  /** A client with a memory of its own. */
  client(): Grid {
    const ring = this.servers.map((server) => server.asGridServer())
    return {
      clock: this.clock,
      random: this.#random.fork(),
      log: silentLog,
      bulk: nativeBulkCrypto,
      ring: () => ring,
      slotsSeen: new SlotsSeen(),
    }
  }
}

export class VirtualServer {
  fault: SlotFault | undefined
  held: Uint8Array | undefined
  /** All that it ever accepted or was shown. */
  readonly known: Uint8Array[] = []
  readonly #id: string
  readonly #clock: SimClock
  readonly #random: SimRandom
  readonly #vanishesAt: number

  constructor(
    id: string,
    parts: {
      readonly clock: SimClock
      readonly random: SimRandom
      readonly fault: SlotFault | undefined
    },
  ) {
    this.#id = id
    this.#clock = parts.clock
    this.#random = parts.random
    this.fault = parts.fault
    this.#vanishesAt = parts.random.fraction() * VANISHES_WITHIN_MILLISECONDS
  }

  asGridServer(): GridServer {
    const rest = new FakeStorage().forAccount(this.#id)
    const server = {
      ...rest,
      readSlots: (keys: readonly Uint8Array[], options?: CallOptions) =>
        this.#call(() => keys.map(() => this.#shown()), options),
      writeSlot: (write: SlotWrite, options?: CallOptions) =>
        this.#call(() => this.#write(write.record.slice()), options),
    }
    return { serverId: this.#id, failureDomain: this.#id, server }
  }

  /** The call and its answer each take a while; what the server does happens at one moment. */
  async #call<Answer>(act: () => Answer, options: CallOptions | undefined): Promise<Answer> {
    const { signal } = options ?? {}
    if (this.fault === 'down') throw new UnreachableError('the server is down')
    // Who lets go of a call that is on its way does not call it back.
    const done = this.#clock.sleep(this.#delay()).then(async () => {
      if (this.fault === 'silent') await new Promise(() => undefined)
      if (this.fault === 'vanishes' && this.#clock.elapsed() > this.#vanishesAt) {
        await new Promise(() => undefined)
      }
      const answer = act()
      await this.#clock.sleep(this.#delay())
      return answer
    })
    const aborted = Promise.withResolvers<never>()
    signal?.addEventListener('abort', () => aborted.reject(signal.reason), { once: true })
    return await Promise.race([done, aborted.promise])
  }

  #delay(): number {
    // Often hardly any, so that some calls overtake whole rounds of others.
    const most = this.fault === 'lags' ? LAG_MAX_MILLISECONDS : DELAY_MAX_MILLISECONDS
    return this.#random.below(3) === 0 ? this.#random.fraction() : this.#random.fraction() * most
  }

  #shown(): Uint8Array | undefined {
    switch (this.fault) {
      case 'rolls back':
      case 'refuses':
        return this.#random.below(4) === 0 ? undefined : this.#anyOf(this.known)
      case 'two-faced':
        return this.#anyOf(newestOf(this.known))
      case 'forgets':
        return undefined
      case 'shows garbage':
        return this.#random.below(2) === 0 ? this.#random.bytes(200) : damaged(this.#anyOf(this.known))
      default:
        return this.held
    }
  }

  #write(record: Uint8Array): SlotWriteOutcome {
    this.known.push(record)
    if (this.fault === 'refuses') return { accepted: false, held: this.#anyOf(this.known) ?? record }
    if (this.fault === 'shows garbage') return { accepted: false, held: this.#random.bytes(200) }
    if (this.fault === 'forgets' || this.fault === 'two-faced') return { accepted: true }
    const held = this.held === undefined ? 0 : parseSlotRecord(this.held).sequence
    const isSame = this.held !== undefined && Buffer.compare(this.held, record) === 0
    if (this.held !== undefined && !isSame && parseSlotRecord(record).sequence <= held) {
      return this.fault === 'rolls back' ? { accepted: true } : { accepted: false, held: this.held }
    }
    this.held = record
    return { accepted: true }
  }

  #anyOf(records: readonly Uint8Array[]): Uint8Array | undefined {
    return records[this.#random.below(records.length)]
  }
}

function newestOf(records: readonly Uint8Array[]): readonly Uint8Array[] {
  const newest = Math.max(0, ...records.map((record) => parseSlotRecord(record).sequence))
  return records.filter((record) => parseSlotRecord(record).sequence === newest)
}

function damaged(record: Uint8Array | undefined): Uint8Array | undefined {
  const copy = record?.slice()
  if (copy !== undefined) copy[copy.length - 10] = (copy[copy.length - 10] ?? 0) ^ 1
  return copy
}
