/** Slots of numbers that the clients of a simulated grid change and read, and what must hold of them under faults. */
import {
  asSlotSeed,
  type PublicKey,
  type SlotKeys,
  type SlotVerifyCapability,
  slotKeys,
  slotVerifyCapability,
  verifyKeyOf,
} from '#crypto'
import { type Grid, retrieveSlot, updateSlot } from '#node'
import { addingTo, numbersIn, numbersKept } from '../support/number-slot.ts'
import type { SimRandom } from './sim-random.ts'
import { must } from './years/broken-promise.ts'

const SLOT_COUNT = 3
const OPTIONS = { replicas: 10 }

interface NumberSlot {
  readonly keys: SlotKeys
  /** Reported as written. */
  readonly written: Set<number>
}

export class SimSlots {
  readonly #random: SimRandom
  readonly #slots: readonly NumberSlot[]
  #next = 0

  /** Of those that hold something. */
  get publicKeys(): readonly PublicKey[] {
    return this.#written.map(({ keys }) => keys.publicKey)
  }

  get verifyCapabilities(): readonly SlotVerifyCapability[] {
    return this.#written.map(({ keys }) =>
      slotVerifyCapability('slot-verify', {
        publicKey: keys.publicKey,
        verifyKey: verifyKeyOf(keys.readKey.reveal()),
      }),
    )
  }

  get #written(): readonly NumberSlot[] {
    return this.#slots.filter(({ written }) => written.size > 0)
  }

  constructor(random: SimRandom) {
    this.#random = random
    this.#slots = Array.from({ length: SLOT_COUNT }, () => ({
      keys: slotKeys(asSlotSeed(random.bytes(32))),
      written: new Set<number>(),
    }))
  }

  /** @returns the sequence. Whatever the update throws counts as not written */
  async update(grid: Grid): Promise<number> {
    const { keys, written } = this.#any()
    const number = this.#next
    this.#next += 1
    const { slot } = await updateSlot(grid, keys, addingTo(keys, [number]), OPTIONS)
    written.add(number)
    return slot?.record.sequence ?? 0
  }

  /** @throws Error if something written is missing where a quorum answered */
  async read(grid: Grid): Promise<number> {
    const { keys, written } = this.#any()
    const before = [...written]
    const slot = await retrieveSlot(grid, keys.publicKey, OPTIONS)
    if (slot.warnings.some(({ kind }) => kind === 'partial')) return 0
    const kept = numbersKept(keys, slot)
    const lost = before.filter((number) => !kept.has(number))
    must(lost.length === 0, 'loss', `a slot lost ${lost} at record ${slot.record.sequence}`)
    return slot.record.sequence
  }

  /** With the faults over, every slot that took something has it, and takes more. @returns how many do */
  async keepPromises(grid: Grid): Promise<number> {
    let count = 0
    for (const { keys, written } of this.#slots) {
      if (written.size === 0) continue
      const { slot } = await updateSlot(grid, keys, addingTo(keys, [this.#next]), OPTIONS)
      const kept = numbersIn(keys, [slot?.record])
      const lost = [...written, this.#next].filter((number) => !kept.has(number))
      must(lost.length === 0, 'loss', `at the end a slot has lost ${lost}`)
      count += 1
    }
    return count
  }

  #any(): NumberSlot {
    const slot = this.#slots[this.#random.below(SLOT_COUNT)]
    if (slot === undefined) throw new Error('there are no slots')
    return slot
  }
}
