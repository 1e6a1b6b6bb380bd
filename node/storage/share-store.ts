/**
 * The visible shares of a server: files, index, leases and sums kept in step. Slots are in slot-store.ts.
 *
 * Every change to what stands under one storage index goes through the one lock of that index. The order is always
 * file first, index second, answer last; what a crash leaves between the two is mended by rebuild.ts.
 */
import { type BulkCrypto, type StorageIndex, shortIndex, toBase32 } from '#crypto'
import { NoSpaceError, NotFoundError } from '../errors.ts'
import { DISK_FREE_AGE_MILLISECONDS } from '../limits.ts'
import type { Clock, Disk, IndexOperation, Log, PeerId } from '../platform/platform.ts'
import { KeyedLock } from './keyed-lock.ts'
import { cancelledLease, planCollection, renewedLease, wholeSeconds } from './lease.ts'
import { type OpenShare, OpenShares, openShareFile } from './open-shares.ts'
import type { StoragePaths } from './paths.ts'
import { findDamage } from './scrub.ts'
import type { LeaseChange, LeaseOutcome, LeaseRenewal, ScrubOutcome, ShareAddress } from './server.ts'
import { ShareFiles } from './share-files.ts'
import { dropLease, dropShare, putLease, putShare, putSmallShare, type ShareIndex } from './share-index.ts'
import { SlotStore } from './slot-store.ts'
import type { SpaceLedger } from './space.ts'

export interface StoreParts {
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Log
  readonly bulk: BulkCrypto
  readonly paths: StoragePaths
  readonly index: ShareIndex
  readonly space: SpaceLedger
  /** Shares of at most this many bytes stand in the index; 0: none. */
  readonly smallShareMaxBytes: number
}

/** A share that is complete and not visible yet. */
export interface CompleteShare {
  readonly account: PeerId
  /** Its bytes, if they are in memory and none went to the disk. */
  gathered(): Uint8Array | undefined
  /** Everything is durable under the incoming name. May be called twice. */
  syncAndClose(): Promise<void>
  /** It has become visible. */
  settle(): void
  /** It shall not: whatever stands of it goes. */
  drop(): Promise<void>
}

export class ShareStore implements AsyncDisposable {
  readonly parts: StoreParts
  readonly files: ShareFiles
  readonly slots: SlotStore
  readonly #openShares: OpenShares
  readonly #locks = new KeyedLock()
  #diskAskedAt = Number.NEGATIVE_INFINITY
  #isInStep = true

  constructor(parts: StoreParts) {
    this.parts = parts
    this.files = new ShareFiles(parts)
    this.slots = new SlotStore(parts)
    this.#openShares = new OpenShares(this.files)
  }

  /** False when a change failed midway: files and index may disagree then, until they are compared again. */
  get isInStep(): boolean {
    return this.#isInStep && this.slots.isInStep
  }

  /** Whole seconds since 1970, as leases count. */
  nowSeconds(): number {
    return wholeSeconds(this.parts.clock)
  }

  /** Ask the disk what it has, unless it was asked a moment ago. */
  async refreshDiskFree(): Promise<void> {
    const now = this.parts.clock.elapsed()
    if (now - this.#diskAskedAt < DISK_FREE_AGE_MILLISECONDS) return
    this.#diskAskedAt = now
    this.parts.space.noteDiskFree(await this.parts.disk.freeBytes(this.parts.paths.root))
  }

  /** @throws NotFoundError if the share is not visible, or turns out to be missing or damaged */
  async withShare<T>(address: ShareAddress, work: (share: OpenShare) => Promise<T>): Promise<T> {
    if (!this.#openShares.has(address) && (await this.parts.index.share(address)) === undefined) {
      throw notFound(address)
    }
    const used = await this.#openShares.use(address, work)
    if (used.kind === 'done') return used.result
    await this.#locked(address.storageIndex, () => this.#dropUnless(address))
    throw notFound(address)
  }

  /**
   * Make a complete incoming share durable, visible and leased. If a good one is visible already, renew the lease on
   * that and drop the new copy.
   */
  async publish(
    incoming: CompleteShare,
    share: { readonly address: ShareAddress; readonly shareSizeBytes: number; readonly path: string },
    durationSeconds: number,
  ): Promise<void> {
    const { address, shareSizeBytes } = share
    const small = shareSizeBytes <= this.parts.smallShareMaxBytes ? incoming.gathered() : undefined
    // The long sync stays outside the lock; inside, it is repeated in vain.
    if (small === undefined && (await this.parts.index.share(address)) === undefined) {
      await incoming.syncAndClose()
    }
    await this.#locked(address.storageIndex, async () => {
      if (await this.#dropUnless(address)) {
        await incoming.drop()
        const outcome = await this.#renew(address, incoming.account, { durationSeconds })
        if (!outcome.ok) throw new NoSpaceError(`a lease was refused: ${outcome.reason}`)
        return
      }
      const renewal = { nowSeconds: this.nowSeconds(), durationSeconds }
      const lease = putLease(address, renewedLease(incoming.account, undefined, renewal))
      if (small === undefined) {
        await incoming.syncAndClose()
        await this.#commitFile(share, lease)
      } else {
        await this.parts.index.commit([...putSmallShare(address, small), lease])
      }
      incoming.settle()
      this.parts.space.addShare(shareSizeBytes)
      this.parts.space.charge(incoming.account, shareSizeBytes)
    })
  }

  updateLease(account: PeerId, address: ShareAddress, change: LeaseChange): Promise<LeaseOutcome> {
    return this.#locked(address.storageIndex, async (): Promise<LeaseOutcome> => {
      if (change.action === 'renew') return this.#renew(address, account, change)
      const { index, space } = this.parts
      const share = await index.share(address)
      if (share === undefined) return { ok: false, reason: 'no-such-share' }
      const current = await index.lease(address, account)
      const left = current === undefined ? undefined : cancelledLease(current, this.nowSeconds())
      if (left !== undefined) await index.commit([putLease(address, left)])
      else if (current !== undefined) {
        await index.commit([dropLease(address, account)])
        space.discharge(account, share.shareSizeBytes)
      }
      return { ok: true, expiresAtSeconds: left?.expiresAtSeconds ?? 0 }
    })
  }

  /** Drop leases that have run out, and the share if none is left. @returns bytes freed */
  collectShare(address: ShareAddress): Promise<number> {
    return this.#locked(address.storageIndex, async () => {
      const { index, space } = this.parts
      const share = await index.share(address)
      if (share === undefined) return 0
      const { shareSizeBytes, place } = share
      const plan = planCollection(await index.leasesOf(address), this.nowSeconds())
      const drops = plan.expired.map((lease) => dropLease(address, lease.account))
      if (plan.isFree) {
        await this.#openShares.forget(address)
        if (place === 'file') await this.files.remove(address)
        drops.push(...dropShare(address, place))
      }
      if (drops.length > 0) await index.commit(drops)
      for (const lease of plan.expired) space.discharge(lease.account, shareSizeBytes)
      if (!plan.isFree) return 0
      space.removeShare(shareSizeBytes)
      if (place === 'file') await this.files.removeBucketIfEmpty(address.storageIndex)
      return shareSizeBytes
    })
  }

  /** Read the stored copy whole; a bad one is put aside. @throws NotFoundError */
  async scrub(address: ShareAddress, signal: AbortSignal | undefined): Promise<ScrubOutcome> {
    const { bulk, index } = this.parts
    if ((await index.share(address)) === undefined) throw notFound(address)
    // Opened afresh: what is kept in memory of an open share is not what the disk holds now.
    const opened = await openShareFile(await this.files.open(address), address)
    if (opened.kind === 'missing') {
      await this.#locked(address.storageIndex, () => this.#dropUnless(address))
      throw notFound(address)
    }
    let problem: string | undefined
    if (opened.kind === 'damaged') problem = opened.problem
    else {
      try {
        problem = await findDamage(opened.share, { bulk, shareNumber: address.shareNumber, signal })
      } finally {
        await opened.share.file.close()
      }
    }
    if (problem === undefined) return { healthy: true }
    const found = problem
    await this.#locked(address.storageIndex, () => this.#quarantine(address, found))
    return { healthy: false, problem }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#openShares[Symbol.asyncDispose]()
  }

  #locked<T>(storageIndex: StorageIndex, work: () => Promise<T>): Promise<T> {
    return this.#locks.run(toBase32(storageIndex), async () => {
      try {
        return await work()
      } catch (error) {
        this.#isInStep = false
        throw error
      }
    })
  }

  async #renew(address: ShareAddress, account: PeerId, renewal: LeaseRenewal): Promise<LeaseOutcome> {
    const { index, space } = this.parts
    const share = await index.share(address)
    if (share === undefined) return { ok: false, reason: 'no-such-share' }
    const { shareSizeBytes } = share
    const current = await index.lease(address, account)
    const lease = renewedLease(account, current, { ...renewal, nowSeconds: this.nowSeconds() })
    if (current === undefined && !space.fitsQuota(account, shareSizeBytes)) {
      return { ok: false, reason: 'over-quota' }
    }
    // Charged before the wait, so that two renewals do not both take the last of a quota.
    if (current === undefined) space.charge(account, shareSizeBytes)
    try {
      await index.commit([putLease(address, lease)])
    } catch (error) {
      if (current === undefined) space.discharge(account, shareSizeBytes)
      throw error
    }
    return { ok: true, expiresAtSeconds: lease.expiresAtSeconds }
  }

  async #commitFile(
    share: { readonly address: ShareAddress; readonly shareSizeBytes: number; readonly path: string },
    lease: IndexOperation,
  ): Promise<void> {
    const { address, shareSizeBytes } = share
    await this.files.moveIn(share.path, address)
    try {
      await this.parts.index.commit([putShare(address, { shareSizeBytes, place: 'file' }), lease])
    } catch (error) {
      await this.parts.disk.removeFile(this.parts.paths.shareFile(address))
      throw error
    }
  }

  /**
   * Under the lock: make sure that a share in the index is on the disk too and can be opened, or take it out.
   *
   * @returns whether it is visible
   */
  async #dropUnless(address: ShareAddress): Promise<boolean> {
    if ((await this.parts.index.share(address)) === undefined) return false
    await this.#openShares.forget(address)
    const used = await this.#openShares.use(address, async () => true)
    if (used.kind === 'done') return true
    if (used.kind === 'damaged') await this.#quarantine(address, used.problem)
    else {
      this.parts.log.error('share file is missing', describe(address))
      await this.#forgetShare(address)
    }
    return false
  }

  /** Under the lock: the bytes go to corrupt/, the entry and its leases go. */
  async #quarantine(address: ShareAddress, problem: string): Promise<void> {
    await this.#openShares.forget(address)
    if ((await this.parts.index.share(address)) === undefined) return
    await this.files.putShareAside(address, problem)
    await this.#forgetShare(address)
  }

  async #forgetShare(address: ShareAddress): Promise<void> {
    const { index, space } = this.parts
    const share = await index.share(address)
    if (share === undefined) return
    const leases = await index.leasesOf(address)
    const drops = leases.map((lease) => dropLease(address, lease.account))
    await index.commit([...dropShare(address, share.place), ...drops])
    for (const lease of leases) space.discharge(lease.account, share.shareSizeBytes)
    space.removeShare(share.shareSizeBytes)
  }
}

function describe(address: ShareAddress): { readonly storageIndex: string; readonly shareNumber: number } {
  return { storageIndex: shortIndex(address.storageIndex), shareNumber: address.shareNumber }
}

function notFound(address: ShareAddress): NotFoundError {
  const { storageIndex, shareNumber } = describe(address)
  return new NotFoundError(`no share ${shareNumber} of ${storageIndex} here`)
}
