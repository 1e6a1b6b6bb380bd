/** Reading packs as a whole, to see that every blob in them is what it should be. */
import { createHash } from 'node:crypto'
import { type BlobId, GridError } from '#crypto'
import type { KnownPack } from './blob-index.ts'
import { gridErrorOf } from './losses.ts'
import type { StoredRepository } from './stored-repository.ts'
import type { CheckOptions } from './types.ts'

/**
 * The packs to read: in an order that follows from the seed, as many as come to the share or the bytes that are wanted,
 * and one at least if anything is.
 */
export function choosePacks(
  packs: readonly KnownPack[],
  read: NonNullable<CheckOptions['read']>,
  seed: string,
): readonly KnownPack[] {
  if ('part' in read) return packs.filter(({ name }) => partOf(name, read.of) === read.part)
  const total = packs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  let restBytes = 'percent' in read ? (total * read.percent) / 100 : read.bytes
  const chosen: KnownPack[] = []
  for (const { pack } of packs.map((pack) => ({ pack, lot: lotOf(pack, seed) })).sort(byLot)) {
    if (restBytes <= 0) break
    chosen.push(pack)
    restBytes -= pack.sizeBytes
  }
  return chosen
}

export interface ReadPacksOptions extends CheckOptions {
  readonly onDamage: (pack: KnownPack, id: BlobId, error: GridError) => void
  /** What is in it cannot be known. */
  readonly onUnreadable: (pack: KnownPack, error: GridError) => void
}

/** @returns bytes of the packs that were read */
export async function readPacks(
  { stored }: { readonly stored: StoredRepository },
  packs: readonly KnownPack[],
  options: ReadPacksOptions,
): Promise<number> {
  let bytesRead = 0
  for (const [done, pack] of packs.entries()) {
    options.onProgress?.({ stage: 'reading', done, total: packs.length })
    const table = await stored.data
      .tableOf(pack.capability, { ...options, sizeBytes: pack.sizeBytes })
      .catch(gridErrorOf)
    if (table instanceof GridError) {
      options.onUnreadable(pack, table)
      continue
    }
    for (const [row, entry] of table.rows.entries()) {
      const place = { ...entry, packNumber: pack.number, row }
      try {
        await stored.blobs.readFrom({ pack, place }, options)
      } catch (error) {
        options.onDamage(pack, entry.id, gridErrorOf(error))
      }
    }
    bytesRead += pack.sizeBytes
  }
  return bytesRead
}

/** 1 to `of`: of a pack it is always the same, whatever other packs there are. */
function partOf(name: string, of: number): number {
  return (createHash('sha256').update(name).digest().readUInt32BE(0) % of) + 1
}

interface Lot {
  readonly pack: KnownPack
  readonly lot: string
}

function lotOf({ name }: KnownPack, seed: string): string {
  return createHash('sha256').update(`${seed}\0${name}`).digest('hex')
}

function byLot({ lot: left }: Lot, { lot: right }: Lot): number {
  return left < right ? -1 : 1
}
