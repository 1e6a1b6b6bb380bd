/** What leases mean, as plain decisions over them. Times are whole seconds since 1970. */
import { InvalidInputError } from '#crypto'
import { LEASE_DURATION_MAX_SECONDS } from '../limits.ts'
import type { Clock, PeerId } from '../platform/platform.ts'
import { GRACE_ACCOUNT } from './index-keys.ts'

export interface Lease {
  readonly account: PeerId
  readonly expiresAtSeconds: number
}

export function wholeSeconds(clock: Pick<Clock, 'now'>): number {
  return Math.floor(clock.now() / 1000)
}

/**
 * When a lease ends after it is renewed: a renewal never shortens it.
 *
 * @throws InvalidInputError if the duration is not a whole number from 1 to LEASE_DURATION_MAX_SECONDS
 */
export function renewedExpiry(
  current: Lease | undefined,
  renewal: { readonly nowSeconds: number; readonly durationSeconds: number },
): number {
  const { nowSeconds, durationSeconds } = renewal
  checkLeaseDuration(durationSeconds)
  return Math.max(current?.expiresAtSeconds ?? 0, nowSeconds + durationSeconds)
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
  return { account: GRACE_ACCOUNT, expiresAtSeconds: nowSeconds + durationSeconds }
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
