/**
 * Requests and replies of `slot-read` and `slot-write` (PROTOCOL §5.9, §5.10): records of slots, many in one message,
 * each decided alone. Records stand in payloads, one after the other.
 */
import {
  asPublicKey,
  concat,
  type FieldRecord,
  type Fields,
  GridError,
  HASH_SIZE_BYTES,
  InvalidInputError,
  type PublicKey,
  SLOT_RECORD_MAX_BYTES,
} from '#crypto'
import { LEASE_DURATION_MAX_SECONDS, SLOT_READS_MAX, WIRE_SLOT_WRITES_MAX } from '../limits.ts'
import type { Log, PeerId } from '../platform/platform.ts'
import type { CallOptions, SlotWrite, SlotWriteOutcome, StorageServer } from '../storage/server.ts'
import type { BatchOutcome } from './batcher.ts'
import { formatMessage, type Message, type OutgoingMessage } from './message.ts'
import { errorFields, errorOfFields } from './wire-error.ts'

type Records = readonly (Uint8Array | undefined)[]

/** @throws InvalidInputError */
export function readSlotKeys(fields: Fields): readonly PublicKey[] {
  return fields.list('keys', SLOT_READS_MAX).map((key) => {
    if (key instanceof Uint8Array && key.length === HASH_SIZE_BYTES) return asPublicKey(key)
    throw new InvalidInputError(`slot-read: a key has ${HASH_SIZE_BYTES} bytes`)
  })
}

/** No record has no bytes. */
export function slotsReply(records: Records): OutgoingMessage {
  return formatMessage({ sizes: records.map((record) => record?.length ?? 0) }, joined(records))
}

/** The records are buffers of their own, so that one does not keep the whole reply. */
export function readSlotsReply({ header, payload }: Message, keyCount: number): Records {
  const sizes = header.list('sizes', keyCount)
  if (sizes.length !== keyCount) throw new InvalidInputError(`slot-read: ${keyCount} sizes wanted`)
  const records = new RecordCutter(payload)
  const found = sizes.map((size) => (size === 0 ? undefined : records.next(size).slice()))
  records.finish()
  return found
}

export function slotWriteFields(writes: readonly SlotWrite[]): readonly FieldRecord[] {
  return writes.map(({ record, leaseDurationSeconds }) => ({
    size: record.length,
    lease: leaseDurationSeconds,
  }))
}

export function slotWritePayload(writes: readonly SlotWrite[]): Uint8Array {
  return joined(writes.map(({ record }) => record))
}

/** The records are views of the payload. @throws InvalidInputError */
export function readSlotWrites(fields: Fields, payload: Uint8Array): readonly SlotWrite[] {
  const records = new RecordCutter(payload)
  const writes = fields.records('records', WIRE_SLOT_WRITES_MAX).map((each): SlotWrite => {
    const record = records.next(each.positive('size', SLOT_RECORD_MAX_BYTES))
    const leaseDurationSeconds = each.positive('lease', LEASE_DURATION_MAX_SECONDS)
    each.finish()
    return { record, leaseDurationSeconds }
  })
  records.finish()
  return writes
}

/** Write them all at once, so that one synced commit can hold many; each succeeds or fails for itself. */
export async function writeSlots(
  server: StorageServer,
  writes: readonly SlotWrite[],
  options: CallOptions & { readonly log: Log },
): Promise<OutgoingMessage> {
  const { signal, log } = options
  const held: Uint8Array[] = []
  const settled = await Promise.allSettled(writes.map((write) => server.writeSlot(write, { signal })))
  const outcomes = settled.map((outcome): FieldRecord => {
    if (outcome.status === 'rejected') {
      const { reason } = outcome
      if (!(reason instanceof GridError))
        log.error('a record was refused for no known reason', { error: reason })
      return errorFields(reason)
    }
    if (outcome.value.accepted) return {}
    held.push(outcome.value.held)
    return { held: outcome.value.held.length }
  })
  return formatMessage({ outcomes }, joined(held))
}

export function readSlotOutcomes(
  { header, payload }: Message,
  expected: { readonly writeCount: number; readonly serverId: PeerId },
): readonly BatchOutcome<SlotWriteOutcome>[] {
  const { writeCount, serverId } = expected
  const outcomes = header.records('outcomes', writeCount)
  if (outcomes.length !== writeCount) throw new InvalidInputError(`slot-write: ${writeCount} outcomes wanted`)
  const records = new RecordCutter(payload)
  const results = outcomes.map((outcome): BatchOutcome<SlotWriteOutcome> => {
    if (outcome.has('error')) return { ok: false, error: errorOfFields(outcome, serverId) }
    if (!outcome.has('held')) return { ok: true, result: { accepted: true } }
    const held = records.next(outcome.positive('held', SLOT_RECORD_MAX_BYTES)).slice()
    return { ok: true, result: { accepted: false, held } }
  })
  records.finish()
  return results
}

/** Takes records from a payload, one after the other. */
class RecordCutter {
  readonly #payload: Uint8Array
  #offset = 0

  constructor(payload: Uint8Array) {
    this.#payload = payload
  }

  next(size: unknown): Uint8Array {
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 1 || size > SLOT_RECORD_MAX_BYTES) {
      throw new InvalidInputError(`a record has 1 to ${SLOT_RECORD_MAX_BYTES} bytes`)
    }
    const end = this.#offset + size
    if (end > this.#payload.length) throw new InvalidInputError('the payload ends inside a record')
    const record = this.#payload.subarray(this.#offset, end)
    this.#offset = end
    return record
  }

  finish(): void {
    if (this.#offset === this.#payload.length) return
    throw new InvalidInputError(`records of ${this.#offset} bytes announced, found ${this.#payload.length}`)
  }
}

function joined(records: Records): Uint8Array {
  const there = records.filter((record) => record !== undefined)
  const [only] = there
  return only !== undefined && there.length === 1 ? only : concat(...there)
}
