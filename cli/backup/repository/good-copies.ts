/**
 * Packs that can go without leaving a bad copy of a blob as the only one. A host with a drop-box may bring a pack that
 * claims blobs which others have: what is marked in such a pack is read before what others have is given up.
 */
import { GridError, type PackRow } from '#crypto'
import { mapInOrder } from '#node'
import type { FoundBlob, KnownPack } from './blob-index.ts'
import { FETCHES_IN_FLIGHT_MAX } from './limits.ts'
import type { LiveBlobs } from './live-blobs.ts'
import type { LocalState } from './local-state.ts'
import { gridErrorOf } from './losses.ts'
import type { StoredRepository } from './stored-repository.ts'
import type { Cancel } from './types.ts'

export interface GoodCopiesParts {
  readonly state: LocalState
  readonly stored: StoredRepository
  readonly onWarning: (message: string) => void
}

/** @returns those of the packs without which every needed blob still has a copy that was read and is good */
export async function packsThatCanGo(
  parts: GoodCopiesParts,
  packs: readonly KnownPack[],
  { live, ...options }: Cancel & { readonly live: LiveBlobs },
): Promise<readonly KnownPack[]> {
  const going: KnownPack[] = []
  for (const pack of packs) {
    const table = await parts.stored.data
      .tableOf(pack.capability, { ...options, sizeBytes: pack.sizeBytes })
      .catch(gridErrorOf)
    // What cannot be read is no better copy.
    const bad =
      table instanceof GridError
        ? undefined
        : await badCopy(parts, pack, { ...options, live, rows: table.rows })
    if (bad === undefined) going.push(pack)
    else parts.onWarning(`pack ${pack.name} stays: pack ${bad.name} has a bad copy of what is in it`)
  }
  return going
}

/** Of a blob of the pack that is marked in another: that other, if what it has is not the blob. */
async function badCopy(
  { state, stored }: GoodCopiesParts,
  pack: KnownPack,
  { live, rows, signal }: Cancel & { readonly live: LiveBlobs; readonly rows: readonly PackRow[] },
): Promise<KnownPack | undefined> {
  const checked = mapInOrder(rows, FETCHES_IN_FLIGHT_MAX, async ({ id }) => {
    const marked = (await state.index.findAll(id)).find((found) => isMarked(live, found))
    if (marked === undefined || marked.pack.name === pack.name) return undefined
    const read = await stored.blobs.readFrom(marked, { signal }).catch(gridErrorOf)
    return read instanceof GridError ? marked.pack : undefined
  })
  for await (const bad of checked) if (bad !== undefined) return bad
  return undefined
}

function isMarked(live: LiveBlobs, { pack, place }: FoundBlob): boolean {
  return live.has(pack.name, place.row)
}
