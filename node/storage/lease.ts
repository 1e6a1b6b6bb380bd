/** What leases mean, as plain decisions over them. Times are whole seconds since 1970. */
import { InvalidInputError } from '#crypto'
import { LEASE_DURATION_MAX_SECONDS } from '../limits.ts'
import type { Clock, PeerId } from '../platform/platform.ts'
import { GRACE_ACCOUNT } from './index-keys.ts'
import type { LeaseRenewal } from './server.ts'

export interface Lease {
  readonly account: PeerId
  readonly expiresAtSeconds: number
  /** Until then its own account cannot cancel it either; never after it expires. 0 if it was never binding. */
  readonly boundUntilSeconds: number
}

export function wholeSeconds(clock: Pick<Clock, 'now'>): number {
  return Math.floor(clock.now() / 1000)
}

/**
 * An account's lease after it is added or renewed: that shortens neither how long it lasts nor how long it binds.
 *
 * @throws InvalidInputError if the duration is not a whole number from 1 to LEASE_DURATION_MAX_SECONDS
 */
export function renewedLease(
  account: PeerId,
  current: Lease | undefined,
  renewal: LeaseRenewal & { readonly nowSeconds: number },
): Lease {
  const { nowSeconds, durationSeconds, binding } = renewal
  checkLeaseDuration(durationSeconds)
  const endSeconds = nowSeconds + durationSeconds
  const boundSeconds = current?.boundUntilSeconds ?? 0
  return {
    account,
    expiresAtSeconds: Math.max(current?.expiresAtSeconds ?? 0, endSeconds),
    boundUntilSeconds: binding === true ? Math.max(boundSeconds, endSeconds) : boundSeconds,
  }
}

/** What a cancellation leaves: nothing, or a lease for as long as it binds. */
export function cancelledLease(current: Lease, nowSeconds: number): Lease | undefined {
  const { boundUntilSeconds } = current
  return boundUntilSeconds > nowSeconds ? { ...current, expiresAtSeconds: boundUntilSeconds } : undefined
}

export function checkLeaseDuration(durationSeconds: number): void {
  if (
    Number.isInteger(durationSeconds) &&
    durationSeconds >= 1 &&
    durationSeconds <= LEASE_DURATION_MAX_SECONDS
  ) {
    return
  }
  throw new InvalidInputError(
    `a lease lasts from 1 to ${LEASE_DURATION_MAX_SECONDS} whole seconds, found ${durationSeconds}`,
  )
}

/** A lease for a share or slot that lost all of its own, so that its owner has time to come back. */
export function graceLease(nowSeconds: number, durationSeconds: number): Lease {
  return { account: GRACE_ACCOUNT, expiresAtSeconds: nowSeconds + durationSeconds, boundUntilSeconds: 0 }
}

/** What the collector shall do about one share or slot. */
export interface CollectionPlan {
  readonly expired: readonly Lease[]
  /** No lease is left that holds it. */
  readonly isFree: boolean
}

export function planCollection(leases: readonly Lease[], nowSeconds: number): CollectionPlan {
  const expired = leases.filter((lease) => lease.expiresAtSeconds <= nowSeconds)
  return { expired, isFree: expired.length === leases.length }
}
