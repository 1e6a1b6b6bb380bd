/** The files that the crashing process writes, and its judge makes again to compare. */
import type { SlotKeys } from '#crypto'
import { type MadeFile, makeShares } from '../support/make-shares.ts'
import { testSlot } from '../support/make-slots.ts'

const SIZES_BYTES = [300, 20_000, 400_000, 70_000]
const ENCODING = { neededShares: 1, totalShares: 2, segmentSizeBytes: 64 * 1024 }

export function crashFile(round: number, number: number): Promise<MadeFile> {
  const sizeBytes = SIZES_BYTES[number % SIZES_BYTES.length] ?? 0
  return makeShares({ seed: `crash ${round} ${number}`, sizeBytes, encoding: ENCODING })
}

/** A round's one slot. */
export function crashSlot(round: number): SlotKeys {
  return testSlot(`crash ${round}`)
}
