/**
 * The slots of a server: records and leases, in the index alone, and sums kept in step.
 *
 * What changes one slot goes through the lock of its public key, and record and lease into one commit. Signatures are
 * verified before the lock, so that only who holds a slot's key can make others wait for it.
 */
import {
  equalBytes,
  IntegrityError,
  InvalidInputError,
  isSigned,
  type PublicKey,
  parseSlotRecord,
  requireRecordOf,
  type SlotRecord,
  shortIndex,
  slotStorageIndex,
  toBase32,
} from '#crypto'
import type { IndexOperation, PeerId } from '../platform/platform.ts'
import { KeyedLock } from './keyed-lock.ts'
import {
  cancelledLease,
  graceLease,
  type Lease,
  planCollection,
  renewedLease,
  wholeSeconds,
} from './lease.ts'
import type { LeaseChange, LeaseOutcome, LeaseRenewal, SlotWriteOutcome } from './server.ts'
import { dropSlot, dropSlotLease, putSlot, putSlotLease } from './share-index.ts'
import type { StoreParts } from './share-store.ts'

type SlotParts = Pick<StoreParts, 'bulk' | 'clock' | 'index' | 'log' | 'space'>

/** What stands under one public key; to be looked at under its lock. */
interface HeldSlot {
  readonly publicKey: PublicKey
  readonly record: Uint8Array
  readonly leases: readonly Lease[]
}

export class SlotStore {
  readonly #parts: SlotParts
  readonly #locks = new KeyedLock()
  #isInStep = true

  constructor(parts: SlotParts) {
    this.#parts = parts
  }

  /** False when a commit failed: whether it took place is not known, so the sums may be wrong. */
  get isInStep(): boolean {
    return this.#isInStep
  }

  /** Undefined: none is held, or it cannot be read; a damaged one must not fail those that are read along. */
  async read(publicKey: PublicKey): Promise<Uint8Array | undefined> {
    try {
      return await this.#parts.index.slot(publicKey)
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error
      this.#logDamage(publicKey, error)
      return undefined
    }
  }

  /**
   * A record fit to be written, in a buffer of its own.
   *
   * @throws InvalidInputError if it is no record; IntegrityError if its signature does not fit
   */
  verified(bytes: Uint8Array): SlotRecord {
    const record = parseSlotRecord(bytes)
    if (!isSigned(record, this.#parts.bulk)) {
      throw new IntegrityError('the signature of a slot record does not fit')
    }
    return parseSlotRecord(bytes.slice())
  }

  /** @param record `verified` @throws NoSpaceError */
  write(account: PeerId, record: SlotRecord, durationSeconds: number): Promise<SlotWriteOutcome> {
    const { publicKey } = record
    return this.#locks.run(toBase32(publicKey), async (): Promise<SlotWriteOutcome> => {
      const held = await this.#held(publicKey)
      const isRepeated = held !== undefined && equalBytes(held.record, record.bytes)
      if (held !== undefined && !isRepeated && this.#standsInTheWay(held, record)) {
        return { accepted: false, held: held.record }
      }
      const current = held?.leases.find((lease) => lease.account === account)
      const fromBytes = held?.record.length ?? 0
      const toBytes = record.bytes.length
      const chargedBytes = current === undefined ? toBytes : toBytes - fromBytes
      this.#parts.space.requireRoom(account, { usedBytes: toBytes - fromBytes, chargedBytes })
      const lease = putSlotLease(publicKey, this.#renewed(account, current, { durationSeconds }))
      const operations = isRepeated ? [lease] : [putSlot(publicKey, record.bytes), lease]
      const after = current === undefined ? [...(held?.leases ?? []), { account }] : (held?.leases ?? [])
      await this.#change(operations, {
        from: { sizeBytes: fromBytes, leases: held?.leases ?? [] },
        to: { sizeBytes: toBytes, leases: after },
      })
      return { accepted: true }
    })
  }

  updateLease(account: PeerId, publicKey: PublicKey, change: LeaseChange): Promise<LeaseOutcome> {
    return this.#locks.run(toBase32(publicKey), async (): Promise<LeaseOutcome> => {
      const held = await this.#held(publicKey)
      if (held === undefined) return { ok: false, reason: 'no-such-share' }
      const current = held.leases.find((lease) => lease.account === account)
      if (change.action === 'renew') return this.#renew(held, account, change)
      const left = current === undefined ? undefined : await this.#cancel(held, current)
      return { ok: true, expiresAtSeconds: left?.expiresAtSeconds ?? 0 }
    })
  }

  /** Drop leases that have run out, and the record if none is left. @returns bytes freed */
  collect(publicKey: PublicKey): Promise<number> {
    return this.#locks.run(toBase32(publicKey), async () => {
      const held = await this.#held(publicKey)
      if (held === undefined) return 0
      const plan = planCollection(held.leases, wholeSeconds(this.#parts.clock))
      const drops = plan.expired.map((lease) => dropSlotLease(publicKey, lease.account))
      const kept = held.leases.filter((lease) => !plan.expired.includes(lease))
      const sizeBytes = held.record.length
      await this.#change(plan.isFree ? [dropSlot(publicKey), ...drops] : drops, {
        from: { sizeBytes, leases: held.leases },
        to: { sizeBytes: plan.isFree ? 0 : sizeBytes, leases: kept },
      })
      return plan.isFree ? sizeBytes : 0
    })
  }

  async #held(publicKey: PublicKey): Promise<HeldSlot | undefined> {
    const { index } = this.#parts
    const record = await index.slot(publicKey)
    if (record === undefined) return undefined
    return { publicKey, record, leases: await index.slotLeasesOf(publicKey) }
  }

  /** What has rotted on the disk does not: a repair puts the good record in its place. */
  #standsInTheWay(held: HeldSlot, record: SlotRecord): boolean {
    try {
      if (parseSlotRecord(held.record).sequence < record.sequence) return false
      requireRecordOf(held.publicKey, held.record, this.#parts.bulk)
      return true
    } catch (error) {
      if (!(error instanceof IntegrityError) && !(error instanceof InvalidInputError)) throw error
      this.#logDamage(held.publicKey, error)
      return false
    }
  }

  #logDamage(publicKey: PublicKey, error: unknown): void {
    const storageIndex = shortIndex(slotStorageIndex(publicKey))
    this.#parts.log.error('the record of a slot is damaged', { storageIndex, error })
  }

  #renewed(account: PeerId, current: Lease | undefined, renewal: LeaseRenewal): Lease {
    return renewedLease(account, current, { ...renewal, nowSeconds: wholeSeconds(this.#parts.clock) })
  }

  async #renew(held: HeldSlot, account: PeerId, renewal: LeaseRenewal): Promise<LeaseOutcome> {
    const { publicKey, leases } = held
    const sizeBytes = held.record.length
    const current = leases.find((lease) => lease.account === account)
    if (current === undefined && !this.#parts.space.fitsQuota(account, sizeBytes)) {
      return { ok: false, reason: 'over-quota' }
    }
    const lease = this.#renewed(account, current, renewal)
    await this.#change([putSlotLease(publicKey, lease)], {
      from: { sizeBytes, leases },
      to: { sizeBytes, leases: current === undefined ? [...leases, lease] : leases },
    })
    return { ok: true, expiresAtSeconds: lease.expiresAtSeconds }
  }

  /** The collector goes by leases: the last one leaves one behind that has run out. @returns what is left of it */
  async #cancel(held: HeldSlot, current: Lease): Promise<Lease | undefined> {
    const { publicKey, leases } = held
    const sizeBytes = held.record.length
    const left = cancelledLease(current, wholeSeconds(this.#parts.clock))
    if (left !== undefined) {
      const sum = { sizeBytes, leases }
      await this.#change([putSlotLease(publicKey, left)], { from: sum, to: sum })
      return left
    }
    const kept = leases.filter((lease) => lease !== current)
    const mark = kept.length === 0 ? [graceLease(0, 0)] : []
    const puts = mark.map((lease) => putSlotLease(publicKey, lease))
    await this.#change([dropSlotLease(publicKey, current.account), ...puts], {
      from: { sizeBytes, leases },
      to: { sizeBytes, leases: [...kept, ...mark] },
    })
    return undefined
  }

  /** Commit, with the sums changed before the wait, so that two writes do not both take the last of a quota. */
  async #change(operations: readonly IndexOperation[], sums: Change): Promise<void> {
    this.#account(sums)
    try {
      await this.#parts.index.commit(operations)
    } catch (error) {
      this.#isInStep = false
      this.#account({ from: sums.to, to: sums.from })
      throw error
    }
  }

  #account({ from, to }: Change): void {
    const { space } = this.#parts
    space.resizeSlot({ fromBytes: from.sizeBytes, toBytes: to.sizeBytes })
    for (const { account } of to.leases) space.charge(account, to.sizeBytes)
    for (const { account } of from.leases) space.discharge(account, from.sizeBytes)
  }
}

interface SlotSum {
  readonly sizeBytes: number
  readonly leases: readonly Pick<Lease, 'account'>[]
}

interface Change {
  readonly from: SlotSum
  readonly to: SlotSum
}
