/** Slots and their records for tests, the same ones from the same names. */
import {
  asSlotSeed,
  makeSlotRecord,
  NO_RECORD,
  type SlotKeys,
  type SlotRecord,
  slotKeys,
  utf8,
} from '#crypto'
import { seededBytes } from './make-shares.ts'

export function testSlot(name: string): SlotKeys {
  return slotKeys(asSlotSeed(seededBytes(`slot ${name}`, 32)))
}

/** A record whose previous one nobody has seen, unless it is given. */
export function testRecord(
  keys: SlotKeys,
  sequence: number,
  options: { readonly body?: string; readonly padBytes?: number; readonly previous?: SlotRecord } = {},
): SlotRecord {
  const { body = `value ${sequence}`, padBytes = 0, previous } = options
  const unseen = previous?.hash ?? makeSlotRecord(keys, { sequence: 1, previous: NO_RECORD }, empty).hash
  return makeSlotRecord(
    keys,
    { sequence, previous: sequence === 1 ? NO_RECORD : unseen },
    { links: new Uint8Array(0), body: utf8(body.padEnd(padBytes, '.')) },
  )
}

const empty = { links: new Uint8Array(0), body: new Uint8Array(0) }
