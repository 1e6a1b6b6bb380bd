/** The two sides of the index read together: each share or slot with its leases. */
import { compareBytes, type PublicKey } from '#crypto'
import { shareKey } from './index-keys.ts'
import type { Lease } from './lease.ts'
import type { ShareAddress, SlotAddress } from './server.ts'
import type { IndexedShare, ShareIndex } from './share-index.ts'

export interface ShareWithLeases {
  readonly address: ShareAddress
  /** Undefined: leases on a share that is not in the index. */
  readonly share: IndexedShare | undefined
  readonly leases: readonly Lease[]
}

export interface SlotWithLeases extends SlotAddress {
  /** Of the record; undefined: leases on a slot that is not in the index. */
  readonly sizeBytes: number | undefined
  readonly leases: readonly Lease[]
}

/** By address; memory for one share's leases at a time. */
export async function* alongsideLeases(index: ShareIndex): AsyncGenerator<ShareWithLeases> {
  const groups = grouped(index.allLeases(), keyOfShare)
  for await (const { name, item, leases } of merged(index.allShares(), groups, keyOfShare)) {
    yield { address: name.address, share: item, leases }
  }
}

/** By public key; reads every record. */
export async function* slotsAlongsideLeases(index: ShareIndex): AsyncGenerator<SlotWithLeases> {
  for await (const { name, item, leases } of merged(index.allSlots(), slotLeases(index), keyOfSlot)) {
    yield { publicKey: name.publicKey, sizeBytes: item?.sizeBytes, leases }
  }
}

/** The leases of each slot, by public key; reads no record. */
export function slotLeases(index: ShareIndex): AsyncGenerator<LeaseGroup<SlotAddress>, undefined> {
  return grouped(index.allSlotLeases(), keyOfSlot)
}

interface LeaseGroup<Name> {
  /** Has what the lease is on. */
  readonly name: Name
  readonly leases: readonly Lease[]
}

/** Both sides come in the order of their keys. */
async function* merged<Name, Item extends Name>(
  items: AsyncIterable<Item>,
  groups: AsyncGenerator<LeaseGroup<Name>, undefined>,
  keyOf: (name: Name) => Uint8Array,
): AsyncGenerator<LeaseGroup<Name> & { readonly item: Item | undefined }> {
  let held = await groups.next()
  for await (const item of items) {
    while (held.done !== true && compareBytes(keyOf(held.value.name), keyOf(item)) < 0) {
      yield { item: undefined, ...held.value }
      held = await groups.next()
    }
    if (held.done !== true && compareBytes(keyOf(held.value.name), keyOf(item)) === 0) {
      yield { item, ...held.value }
      held = await groups.next()
    } else {
      yield { name: item, item, leases: [] }
    }
  }
  while (held.done !== true) {
    yield { item: undefined, ...held.value }
    held = await groups.next()
  }
}

async function* grouped<Name>(
  all: AsyncIterable<Lease & Name>,
  keyOf: (name: Name) => Uint8Array,
): AsyncGenerator<LeaseGroup<Name>, undefined> {
  let name: Name | undefined
  let leases: Lease[] = []
  for await (const lease of all) {
    if (name !== undefined && compareBytes(keyOf(name), keyOf(lease)) !== 0) {
      yield { name, leases }
      leases = []
    }
    name = lease
    const { account, expiresAtSeconds, boundUntilSeconds } = lease
    leases.push({ account, expiresAtSeconds, boundUntilSeconds })
  }
  if (name !== undefined) yield { name, leases }
  return undefined
}

function keyOfShare({ address }: { readonly address: ShareAddress }): Uint8Array {
  return shareKey(address)
}

function keyOfSlot({ publicKey }: { readonly publicKey: PublicKey }): Uint8Array {
  return publicKey
}
