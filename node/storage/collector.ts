/** Going through all shares and freeing what no lease holds (PROTOCOL §5). */
import { type Lease, planCollection } from './lease.ts'
import { alongsideLeases } from './merge.ts'
import type { ShareStore } from './share-store.ts'

export interface Collection {
  readonly freedShares: number
  readonly freedBytes: number
}

/**
 * One round. Shares are judged on what the index holds as it is read, and again under the lock of their storage
 * index before anything is removed, since a lease may have been renewed meanwhile.
 */
export async function collectExpired(store: ShareStore, signal?: AbortSignal): Promise<Collection> {
  let freedShares = 0
  let freedBytes = 0
  for await (const { share, leases } of alongsideLeases(store.parts.index)) {
    signal?.throwIfAborted()
    if (share === undefined || !isDue(leases, store.nowSeconds())) continue
    const bytes = await store.collectShare(share.address)
    freedBytes += bytes
    if (bytes > 0) freedShares += 1
  }
  if (freedShares > 0) store.parts.log.info('expired shares freed', { freedShares, freedBytes })
  return { freedShares, freedBytes }
}

function isDue(leases: readonly Lease[], nowSeconds: number): boolean {
  const plan = planCollection(leases, nowSeconds)
  return plan.freeShare || plan.expired.length > 0
}
