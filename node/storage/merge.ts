/** The two sides of the index read together: each share with its leases. */
import { compareBytes } from '#crypto'
import { shareKey } from './index-keys.ts'
import type { Lease } from './lease.ts'
import type { ShareAddress } from './server.ts'
import type { IndexedShare, ShareIndex } from './share-index.ts'

export interface ShareWithLeases {
  readonly address: ShareAddress
  /** Undefined: leases on a share that is not in the index. */
  readonly share: IndexedShare | undefined
  readonly leases: readonly Lease[]
}

/** By address; memory for one share's leases at a time. */
export async function* alongsideLeases(index: ShareIndex): AsyncGenerator<ShareWithLeases> {
  const leases = leasesByShare(index)
  let held = await leases.next()
  for await (const share of index.allShares()) {
    while (held.done !== true && order(held.value.address, share.address) < 0) {
      yield { share: undefined, ...held.value }
      held = await leases.next()
    }
    if (held.done !== true && order(held.value.address, share.address) === 0) {
      yield { share, ...held.value }
      held = await leases.next()
    } else {
      yield { address: share.address, share, leases: [] }
    }
  }
  while (held.done !== true) {
    yield { share: undefined, ...held.value }
    held = await leases.next()
  }
}

async function* leasesByShare(
  index: ShareIndex,
): AsyncGenerator<{ readonly address: ShareAddress; readonly leases: readonly Lease[] }, undefined> {
  let address: ShareAddress | undefined
  let leases: Lease[] = []
  for await (const { address: next, account, expiresAtSeconds } of index.allLeases()) {
    if (address !== undefined && order(address, next) !== 0) {
      yield { address, leases }
      leases = []
    }
    address = next
    leases.push({ account, expiresAtSeconds })
  }
  if (address !== undefined) yield { address, leases }
  return undefined
}

function order(left: ShareAddress, right: ShareAddress): number {
  return compareBytes(shareKey(left), shareKey(right))
}
