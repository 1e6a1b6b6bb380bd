/**
 * The newest record that was ever seen of each slot: whoever remembers it notices when servers go back to an older
 * one. Only public keys, sequences and hashes are kept.
 */
import { type PublicKey, type RecordHash, toBase32 } from '#crypto'
import { SLOTS_SEEN_MAX } from '../limits.ts'

export interface SeenSlot {
  /** Of the newest record that was seen; at least 1. */
  readonly sequence: number
  readonly hash: RecordHash
  /** Of the newest record that was on a quorum, which cannot get lost by mere bad luck; 0 if none was. */
  readonly settledSequence: number
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

  /** An older record than the one that is remembered does not replace it; another one of its sequence does. */
  note(publicKey: PublicKey, slot: SeenSlot): void {
    const key = toBase32(publicKey)
    const known = this.#slots.get(key)
    this.#slots.delete(key)
    this.#slots.set(key, { publicKey, ...newerOf(known, slot) })
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
      else own.set(key, { ...newerOf(entry, known), publicKey: entry.publicKey })
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

function newerOf(known: SeenSlot | undefined, slot: SeenSlot): SeenSlot {
  const { sequence, hash } = known === undefined || known.sequence <= slot.sequence ? slot : known
  return { sequence, hash, settledSequence: Math.max(known?.settledSequence ?? 0, slot.settledSequence) }
}
