/** Going through all shares and slots and freeing what no lease holds (PROTOCOL §5). */
import { type Lease, planCollection } from './lease.ts'
import { alongsideLeases, slotLeases } from './merge.ts'
import type { ShareStore } from './share-store.ts'

export interface Collection {
  readonly freedShares: number
  readonly freedSlots: number
  readonly freedBytes: number
}

/**
 * One round. Shares and slots are judged on what the index holds as it is read, and again under their lock before
 * anything is removed, since a lease may have been renewed meanwhile.
 */
export async function collectExpired(store: ShareStore, signal?: AbortSignal): Promise<Collection> {
  let freedShares = 0
  let freedSlots = 0
  let freedBytes = 0
  for await (const { share, leases } of alongsideLeases(store.parts.index)) {
    signal?.throwIfAborted()
    if (share === undefined || !isDue(leases, store.nowSeconds())) continue
    const bytes = await store.collectShare(share.address)
    freedBytes += bytes
    if (bytes > 0) freedShares += 1
  }
  for await (const { name, leases } of slotLeases(store.parts.index)) {
    signal?.throwIfAborted()
    if (!isDue(leases, store.nowSeconds())) continue
    const bytes = await store.slots.collect(name.publicKey)
    freedBytes += bytes
    if (bytes > 0) freedSlots += 1
  }
  const collection = { freedShares, freedSlots, freedBytes }
  if (freedBytes > 0) store.parts.log.info('what no lease held was freed', collection)
  return collection
}

function isDue(leases: readonly Lease[], nowSeconds: number): boolean {
  const plan = planCollection(leases, nowSeconds)
  return plan.isFree || plan.expired.length > 0
}
