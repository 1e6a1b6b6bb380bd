/** Slots whose value is a set of numbers, so that they show what was lost. */
import {
  asSlotSeed,
  decodeFields,
  encodeFields,
  openSlotContent,
  type SlotContent,
  type SlotKeys,
  type SlotRecord,
  slotKeys,
} from '#crypto'
import type { RetrievedSlot, SlotEdit } from '#node'
import { seededBytes } from './make-shares.ts'

export const SET_KEYS = slotKeys(asSlotSeed(seededBytes('a slot of numbers', 32)))

export function numbersOf(...records: readonly (SlotRecord | undefined)[]): ReadonlySet<number> {
  return numbersIn(SET_KEYS, records)
}

/** All numbers in any of the records. */
export function numbersIn(
  keys: Pick<SlotKeys, 'readKey'>,
  records: readonly (SlotRecord | undefined)[],
): ReadonlySet<number> {
  const all = new Set<number>()
  for (const record of records) {
    if (record === undefined) continue
    const { body } = openSlotContent(record, keys.readKey.reveal())
    for (const value of decodeFields(body, 'numbers').list('numbers', 10_000)) {
      if (typeof value === 'number') all.add(value)
    }
  }
  return all
}

/** In what stands and in what may yet win over it. */
export function numbersKept(keys: Pick<SlotKeys, 'readKey'>, slot: RetrievedSlot): ReadonlySet<number> {
  return numbersIn(keys, [slot.record, ...slot.rivals])
}

export function contentOfNumbers(numbers: Iterable<number>): SlotContent {
  const sorted = [...numbers].sort((left, right) => left - right)
  return {
    links: encodeFields({ children: [], nodes: [] }),
    body: encodeFields({ numbers: sorted }),
  }
}

export function adding(...numbers: readonly number[]): SlotEdit {
  return addingTo(SET_KEYS, numbers)
}

/** The edit that adds numbers; it keeps what rivals hold, and asks for nothing if all is there. */
export function addingTo(keys: SlotKeys, numbers: readonly number[]): SlotEdit {
  return async (current) => {
    const standing = numbersIn(keys, [current?.record])
    const kept = current === undefined ? [] : numbersKept(keys, current)
    const wanted = new Set([...kept, ...numbers])
    return wanted.size === standing.size ? undefined : contentOfNumbers(wanted)
  }
}
