/**
 * The newest record that was ever seen of each slot: whoever remembers it notices when servers go back to an older
 * one. Only public keys, sequences and hashes are kept.
 */
import { type PublicKey, type RecordHash, toBase32 } from '#crypto'
import { SLOTS_SEEN_MAX } from '../limits.ts'

export interface SeenSlot {
  /** At least 1. */
  readonly sequence: number
  readonly hash: RecordHash
}

export interface SeenEntry extends SeenSlot {
  readonly publicKey: PublicKey
}

export class SlotsSeen {
  /** By public key, the one used longest ago first. */
  #slots = new Map<string, SeenEntry>()
  readonly #onNote: () => void

  /** @param onNote called after each change; it must not fail */
  constructor(onNote: () => void = () => undefined) {
    this.#onNote = onNote
  }

  seen(publicKey: PublicKey): SeenSlot | undefined {
    const key = toBase32(publicKey)
    const entry = this.#slots.get(key)
    if (entry === undefined) return undefined
    this.#slots.delete(key)
    this.#slots.set(key, entry)
    return entry
  }

  /** An older record than the one that is remembered changes nothing; another one of its sequence replaces it. */
  note(publicKey: PublicKey, { sequence, hash }: SeenSlot): void {
    const key = toBase32(publicKey)
    const known = this.#slots.get(key)
    if (known !== undefined && known.sequence > sequence) return
    this.#slots.delete(key)
    this.#slots.set(key, { publicKey, sequence, hash })
    this.#forgetOldest()
    this.#onNote()
  }

  /** Take over what others remember; what they alone know counts as used longer ago than what is known here. */
  merge(entries: readonly SeenEntry[]): void {
    const own = this.#slots
    this.#slots = new Map()
    for (const entry of entries) {
      const key = toBase32(entry.publicKey)
      const known = own.get(key)
      if (known === undefined) this.#slots.set(key, entry)
      else if (known.sequence < entry.sequence) own.set(key, entry)
    }
    for (const [key, entry] of own) this.#slots.set(key, entry)
    this.#forgetOldest()
  }

  /** The one used longest ago first. */
  entries(): readonly SeenEntry[] {
    return [...this.#slots.values()]
  }

  #forgetOldest(): void {
    for (const oldest of this.#slots.keys()) {
      if (this.#slots.size <= SLOTS_SEEN_MAX) return
      this.#slots.delete(oldest)
    }
  }
}
