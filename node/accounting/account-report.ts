/** Who uses how much of what this node lends, as its owner is told. Pure. */
import type { PeerId } from '../platform/platform.ts'
import type { AccountUse } from '../storage/storage.ts'

export interface AccountReport {
  /** Empty: shares whose leases were lost, until their keepers come round. */
  readonly account: PeerId
  /** In its certificate; undefined: none was shown, as on an open grid. */
  readonly name: string | undefined
  readonly isSelf: boolean
  readonly usedBytes: number
  /** Undefined: no limit. */
  readonly quotaBytes: number | undefined
  /** Of this server over time: a byte for a day is one. These three are undefined if it is not counted. */
  readonly byteDays: number | undefined
  readonly firstSeenSeconds: number | undefined
  readonly lastSeenSeconds: number | undefined
}

export interface AccountingReport {
  /** Those that store something, or have. */
  readonly accountCount: number
  /** The first ones by what they use, then by what they have used over time. */
  readonly accounts: readonly AccountReport[]
}

export function accountingReport(
  uses: readonly AccountUse[],
  options: {
    readonly self: PeerId
    readonly nameOf: (account: PeerId) => string | undefined
    readonly countMax: number
  },
): AccountingReport {
  const { self, nameOf, countMax } = options
  const accounts = uses
    .toSorted(
      (left, right) =>
        right.chargedBytes - left.chargedBytes || (right.time?.byteDays ?? 0) - (left.time?.byteDays ?? 0),
    )
    .slice(0, countMax)
    .map(({ account, chargedBytes, quotaBytes, time }) => ({
      account,
      name: nameOf(account),
      isSelf: account === self,
      usedBytes: chargedBytes,
      quotaBytes,
      byteDays: time?.byteDays,
      firstSeenSeconds: time?.firstSeenSeconds,
      lastSeenSeconds: time?.lastSeenSeconds,
    }))
  return { accountCount: uses.length, accounts }
}
