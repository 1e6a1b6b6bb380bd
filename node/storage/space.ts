/**
 * Who uses how much, and what may still be promised. Plain arithmetic over what it is told; nothing here waits.
 *
 * A byte of an incoming share is held twice over: against the lent limit and the account from the moment it is
 * promised, and against the disk until it is written (the disk counts it itself from then on).
 */
import { assert } from '#crypto'
import { NoSpaceError } from '../errors.ts'
import type { PeerId } from '../platform/platform.ts'
import { GRACE_ACCOUNT } from './index-keys.ts'
import type { IndexTotals } from './share-index.ts'

export interface SpaceLimits {
  /** Bytes of shares and slots that the owner lends at most; undefined: as much as the disk has. */
  readonly lentBytes: number | undefined
  /** Free bytes of the disk that are left alone. */
  readonly reservedBytes: number
  /** Bytes an account may use; undefined: no limit. */
  readonly quotaBytes: (account: PeerId) => number | undefined
}

interface AccountUse {
  /** Full sizes of the visible shares and slots it has leases on. */
  chargedBytes: number
  incomingBytes: number
}

export class SpaceLedger {
  readonly #limits: SpaceLimits
  readonly #onCharged: (account: PeerId, chargedBytes: number) => void
  readonly #accounts = new Map<PeerId, AccountUse>()
  #usedBytes = 0
  #shareCount = 0
  #incomingBytes = 0
  /** Of the incoming bytes, those the disk has already. */
  #writtenBytes = 0
  #diskFreeBytes = 0

  /** @param onCharged told what an account is charged whenever that changes */
  constructor(limits: SpaceLimits, onCharged: (account: PeerId, chargedBytes: number) => void = () => {}) {
    this.#limits = limits
    this.#onCharged = onCharged
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  get shareCount(): number {
    return this.#shareCount
  }

  get incomingBytes(): number {
    return this.#incomingBytes
  }

  get accountCount(): number {
    return this.#accounts.size
  }

  /** What may still be promised to anyone; 0 or more. */
  get freeBytes(): number {
    const ofDisk =
      this.#diskFreeBytes - this.#limits.reservedBytes - (this.#incomingBytes - this.#writtenBytes)
    const { lentBytes } = this.#limits
    const ofLent = lentBytes === undefined ? ofDisk : lentBytes - this.#usedBytes - this.#incomingBytes
    return Math.max(0, Math.min(ofDisk, ofLent))
  }

  get totals(): IndexTotals {
    const chargedBytes = new Map([...this.#accounts].map(([account, use]) => [account, use.chargedBytes]))
    return { usedBytes: this.#usedBytes, shareCount: this.#shareCount, chargedBytes }
  }

  accountUse(account: PeerId): {
    readonly chargedBytes: number
    readonly incomingBytes: number
    readonly quotaBytes: number | undefined
  } {
    const use = this.#accounts.get(account) ?? { chargedBytes: 0, incomingBytes: 0 }
    return { ...use, quotaBytes: this.#quotaOf(account) }
  }

  accounts(): readonly PeerId[] {
    return [...this.#accounts.keys()]
  }

  /** What stands when the storage is opened. */
  load(totals: IndexTotals): void {
    this.#usedBytes = totals.usedBytes
    this.#shareCount = totals.shareCount
    this.#accounts.clear()
    for (const [account, chargedBytes] of totals.chargedBytes) this.charge(account, chargedBytes)
  }

  /** The disk was asked how much it has. */
  noteDiskFree(freeBytes: number): void {
    this.#diskFreeBytes = freeBytes
  }

  /** @throws NoSpaceError if the server or the account has no room for so much; nothing is changed then */
  reserve(account: PeerId, sizeBytes: number): void {
    this.requireRoom(account, { usedBytes: sizeBytes, chargedBytes: sizeBytes })
    this.#useOf(account).incomingBytes += sizeBytes
    this.#incomingBytes += sizeBytes
  }

  /** @throws NoSpaceError if the server has no room for so much more, or the account's quota has not */
  requireRoom(account: PeerId, more: { readonly usedBytes: number; readonly chargedBytes: number }): void {
    if (more.usedBytes > 0 && more.usedBytes > this.freeBytes) {
      throw new NoSpaceError(`${more.usedBytes} bytes wanted, the server has ${this.freeBytes} free`)
    }
    if (more.chargedBytes > 0 && !this.fitsQuota(account, more.chargedBytes)) {
      const { quotaBytes, chargedBytes, incomingBytes } = this.accountUse(account)
      throw new NoSpaceError(
        `${more.chargedBytes} bytes wanted, the account uses ${chargedBytes + incomingBytes} ` +
          `of the ${quotaBytes} that this server grants it`,
        {
          hint: 'Let go of something, or ask the owner of the server for more ([members.quota] in its cairn.toml).',
        },
      )
    }
  }

  fitsQuota(account: PeerId, sizeBytes: number): boolean {
    const { quotaBytes, chargedBytes, incomingBytes } = this.accountUse(account)
    return quotaBytes === undefined || chargedBytes + incomingBytes + sizeBytes <= quotaBytes
  }

  /** Some of what was reserved stands on the disk now. */
  noteWritten(sizeBytes: number): void {
    this.#writtenBytes += sizeBytes
    this.#diskFreeBytes -= sizeBytes
    assert(this.#writtenBytes <= this.#incomingBytes, 'no more is written than was reserved')
  }

  /** An incoming share is gone, whether it became visible or not. @param incoming.kept its bytes stay on the disk */
  release(
    account: PeerId,
    incoming: { readonly reservedBytes: number; readonly writtenBytes: number; readonly kept: boolean },
  ): void {
    const use = this.#useOf(account)
    use.incomingBytes -= incoming.reservedBytes
    this.#incomingBytes -= incoming.reservedBytes
    this.#writtenBytes -= incoming.writtenBytes
    if (!incoming.kept) this.#diskFreeBytes += incoming.writtenBytes
    assert(use.incomingBytes >= 0, 'an account has no less than nothing incoming')
    assert(this.#writtenBytes >= 0, 'no less than nothing is written')
    this.#forgetIfUnused(account)
  }

  addShare(sizeBytes: number): void {
    this.#usedBytes += sizeBytes
    this.#shareCount += 1
  }

  removeShare(sizeBytes: number): void {
    this.#usedBytes -= sizeBytes
    this.#shareCount -= 1
    this.#diskFreeBytes += sizeBytes
    assert(this.#usedBytes >= 0, 'no less than nothing is used')
    assert(this.#shareCount >= 0, 'no less than no share is held')
  }

  /** A slot's record came, went, or made way for one of another size; its size was or is 0 where there is none. */
  resizeSlot({ fromBytes, toBytes }: { readonly fromBytes: number; readonly toBytes: number }): void {
    this.#usedBytes += toBytes - fromBytes
    this.#diskFreeBytes -= toBytes - fromBytes
    assert(this.#usedBytes >= 0, 'no less than nothing is used')
  }

  charge(account: PeerId, sizeBytes: number): void {
    const use = this.#useOf(account)
    use.chargedBytes += sizeBytes
    this.#onCharged(account, use.chargedBytes)
  }

  discharge(account: PeerId, sizeBytes: number): void {
    const use = this.#useOf(account)
    use.chargedBytes -= sizeBytes
    assert(use.chargedBytes >= 0, 'no account is charged less than nothing')
    this.#onCharged(account, use.chargedBytes)
    this.#forgetIfUnused(account)
  }

  #quotaOf(account: PeerId): number | undefined {
    return account === GRACE_ACCOUNT ? undefined : this.#limits.quotaBytes(account)
  }

  #useOf(account: PeerId): AccountUse {
    let use = this.#accounts.get(account)
    if (use === undefined) {
      use = { chargedBytes: 0, incomingBytes: 0 }
      this.#accounts.set(account, use)
    }
    return use
  }

  #forgetIfUnused(account: PeerId): void {
    const use = this.#accounts.get(account)
    if (use?.chargedBytes === 0 && use.incomingBytes === 0) this.#accounts.delete(account)
  }
}
