/**
 * What this home has learned of each server: since when it is known, how often it answered when it was asked, and what
 * came of audits. Placement, repair and the estimate of durability read it.
 *
 * Uptime is a fraction of looks. A look is one question to every known server at one moment, at most one in each
 * OBSERVATION_SECONDS: asking a server more often, as a repair does, would count one bad hour many times. A look that
 * no server at all answered is none: then it is this node that is cut off.
 */
import { ByteReader, ByteWriter, decodeFields, encodeFields, InvalidInputError } from '#crypto'
import { PUBLIC_KEY_SIZE_BYTES, peerIdOfPublicKey, publicKeyOfPeerId } from '../peers/peer-id.ts'
import type { PeerId } from '../platform/platform.ts'
import { OBSERVATION_SECONDS, OBSERVATIONS_REMEMBERED_MAX, SERVER_RECORDS_MAX } from './limits.ts'

export interface ServerRecord {
  readonly serverId: PeerId
  /** Seconds since 1970 UTC, as all times here. */
  readonly firstKnownSeconds: number
  /** Looks in which it was asked, and those of them in which it answered; faded, see OBSERVATIONS_REMEMBERED_MAX. */
  readonly askedCount: number
  readonly answeredCount: number
  /** When it last answered a look or an audit; undefined if it never did. */
  readonly lastAnswerSeconds: number | undefined
  /** Blocks that it was asked for out of the blue and gave with a proof that holds. */
  readonly auditsPassed: number
  /** Blocks of shares that it had listed and then did not have. */
  readonly auditsFailed: number
  /** Blocks that it gave and that were not what the file's manifest commits to. */
  readonly wrongBytes: number
}

export type AuditOutcome = 'passed' | 'failed' | 'wrong-bytes'

/** Nothing known of it yet: undefined and not 0 or 1. */
export function uptimeOf({ askedCount, answeredCount }: ServerRecord): number | undefined {
  return askedCount === 0 ? undefined : answeredCount / askedCount
}

export class ServerRecords {
  readonly #records = new Map<PeerId, ServerRecord>()
  readonly #onChange: () => void
  #lastLook = 0

  /** @param onChange called after each change */
  constructor(onChange: () => void = () => undefined) {
    this.#onChange = onChange
  }

  /** Whether another look would count: in an hour in which there was none. @param now seconds since 1970 UTC */
  isLookDue(now: number): boolean {
    return intervalOf(now) !== this.#lastLook
  }

  get(serverId: PeerId): ServerRecord | undefined {
    return this.#records.get(serverId)
  }

  all(): readonly ServerRecord[] {
    return [...this.#records.values()]
  }

  /**
   * One look at all known servers but the own one.
   *
   * @param answers whether each has answered
   * @param now seconds since 1970 UTC
   * @returns whether it counts: it is the first of its interval, and at least one has answered
   */
  noteLook(answers: ReadonlyMap<PeerId, boolean>, now: number): boolean {
    if (!this.isLookDue(now) || ![...answers.values()].includes(true)) return false
    this.#lastLook = intervalOf(now)
    for (const [serverId, hasAnswered] of answers) {
      const record = this.#records.get(serverId) ?? newRecord(serverId, now)
      this.#records.set(serverId, {
        ...record,
        ...counted(record, hasAnswered),
        lastAnswerSeconds: hasAnswered ? now : record.lastAnswerSeconds,
      })
    }
    this.#forgetMost()
    this.#onChange()
    return true
  }

  /** @param now seconds since 1970 UTC */
  noteAudit(serverId: PeerId, outcome: AuditOutcome, now: number): void {
    const record = this.#records.get(serverId) ?? newRecord(serverId, now)
    this.#records.set(serverId, {
      ...record,
      lastAnswerSeconds: now,
      auditsPassed: record.auditsPassed + (outcome === 'passed' ? 1 : 0),
      auditsFailed: record.auditsFailed + (outcome === 'failed' ? 1 : 0),
      wrongBytes: record.wrongBytes + (outcome === 'wrong-bytes' ? 1 : 0),
    })
    this.#forgetMost()
    this.#onChange()
  }

  /** All of it, for the file. The result belongs to the caller. */
  format(): Uint8Array {
    const rows = new ByteWriter(this.#records.size * ROW_SIZE_BYTES)
    for (const record of this.#records.values()) {
      rows.bytes(publicKeyOfPeerId(record.serverId))
      rows.u64(record.firstKnownSeconds).u64(record.lastAnswerSeconds ?? 0)
      rows.u32(record.askedCount).u32(record.answeredCount)
      rows.u64(record.auditsPassed).u64(record.auditsFailed).u64(record.wrongBytes)
    }
    return encodeFields({ version: FILE_VERSION, lastLook: this.#lastLook, servers: rows.finish() })
  }

  /**
   * Take in what `format` made: in the place of everything that is known here.
   *
   * @throws InvalidInputError, and then nothing is changed
   */
  restore(bytes: Uint8Array): void {
    const fields = decodeFields(bytes, WHAT)
    const version = fields.uint('version')
    if (version !== FILE_VERSION) {
      throw new InvalidInputError(`${WHAT}: version ${FILE_VERSION} wanted, found ${version}`)
    }
    const lastLook = fields.uint('lastLook')
    const rows = fields.bytesUpTo('servers', SERVER_RECORDS_MAX * ROW_SIZE_BYTES)
    fields.finish()
    const reader = new ByteReader(rows, WHAT)
    const records: ServerRecord[] = []
    while (reader.remainingBytes > 0) records.push(readRow(reader))
    if (new Set(records.map(({ serverId }) => serverId)).size < records.length) {
      throw new InvalidInputError(`${WHAT}: a server stands twice`)
    }
    this.#records.clear()
    for (const record of records) this.#records.set(record.serverId, record)
    this.#lastLook = lastLook
  }

  /** Those that answered longest ago, or never, go first. */
  #forgetMost(): void {
    if (this.#records.size <= SERVER_RECORDS_MAX) return
    const lastSeen = (record: ServerRecord) => record.lastAnswerSeconds ?? record.firstKnownSeconds
    const byAge = this.all().toSorted((left, right) => lastSeen(left) - lastSeen(right))
    for (const { serverId } of byAge.slice(0, this.#records.size - SERVER_RECORDS_MAX)) {
      this.#records.delete(serverId)
    }
  }
}

const WHAT = 'records of servers'
const FILE_VERSION = 1
/** Public key, five numbers of 8 bytes, two of 4. */
const ROW_SIZE_BYTES = PUBLIC_KEY_SIZE_BYTES + 5 * 8 + 2 * 4
/** Of the file. */
export const SERVER_RECORDS_FILE_MAX_BYTES = SERVER_RECORDS_MAX * ROW_SIZE_BYTES + 64

function intervalOf(now: number): number {
  return Math.floor(now / OBSERVATION_SECONDS)
}

function newRecord(serverId: PeerId, now: number): ServerRecord {
  const counts = { askedCount: 0, answeredCount: 0, auditsPassed: 0, auditsFailed: 0, wrongBytes: 0 }
  return { serverId, firstKnownSeconds: now, lastAnswerSeconds: undefined, ...counts }
}

function counted(
  { askedCount, answeredCount }: ServerRecord,
  hasAnswered: boolean,
): Pick<ServerRecord, 'askedCount' | 'answeredCount'> {
  const isFull = askedCount >= OBSERVATIONS_REMEMBERED_MAX
  const kept = (count: number) => (isFull ? Math.round(count / 2) : count)
  return { askedCount: kept(askedCount) + 1, answeredCount: kept(answeredCount) + (hasAnswered ? 1 : 0) }
}

function readRow(reader: ByteReader): ServerRecord {
  const serverId = peerIdOfPublicKey(reader.bytes(PUBLIC_KEY_SIZE_BYTES))
  const firstKnownSeconds = reader.u64()
  const lastAnswer = reader.u64()
  const askedCount = reader.u32()
  const answeredCount = reader.u32()
  if (answeredCount > askedCount || askedCount > OBSERVATIONS_REMEMBERED_MAX) {
    throw new InvalidInputError(`${WHAT}: ${answeredCount} answers of ${askedCount} cannot be`)
  }
  const auditsPassed = reader.u64()
  const auditsFailed = reader.u64()
  const wrongBytes = reader.u64()
  return {
    serverId,
    firstKnownSeconds,
    lastAnswerSeconds: lastAnswer === 0 ? undefined : lastAnswer,
    ...{ askedCount, answeredCount, auditsPassed, auditsFailed, wrongBytes },
  }
}
