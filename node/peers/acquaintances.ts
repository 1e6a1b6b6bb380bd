/**
 * Whom to talk to about the roster (PROTOCOL §6.4). Anyone can fill a roster with names that nobody answers to; so
 * those that were met, in whichever direction, are drawn before those only heard of.
 */
import type { PeerId } from '../platform/platform.ts'

/** Of the peers drawn while there is a choice: who failed last time, and who was only heard of. */
const FAILED_PART = 1 / 4
const STRANGER_PART = 1 / 8

export class Acquaintances {
  /** Peers a talk was had with; true if the last one went well. Those the roster forgot are dropped. */
  readonly #met = new Map<PeerId, boolean>()
  readonly #fraction: () => number

  /** @param fraction by lot, from 0 up to, not including, 1 */
  constructor(fraction: () => number) {
    this.#fraction = fraction
  }

  /** Whether the last talk with it went well. */
  isSound(peer: PeerId): boolean {
    return this.#met.get(peer) === true
  }

  noteTalk(peer: PeerId): void {
    this.#met.set(peer, true)
  }

  /** One that was never met stays a stranger. */
  noteFailure(peer: PeerId): void {
    if (this.#met.has(peer)) this.#met.set(peer, false)
  }

  /**
   * Up to so many of the peers, by lot.
   *
   * @param options.soundOnly leave out those whose last talk failed, and strangers
   */
  draw(
    peers: readonly PeerId[],
    options: { readonly count: number; readonly soundOnly: boolean },
  ): readonly PeerId[] {
    const current = new Set(peers)
    for (const peer of this.#met.keys()) if (!current.has(peer)) this.#met.delete(peer)
    const sound = peers.filter((peer) => this.isSound(peer))
    const failed = options.soundOnly ? [] : peers.filter((peer) => this.#met.get(peer) === false)
    const strangers = options.soundOnly ? [] : peers.filter((peer) => !this.#met.has(peer))
    const drawn: PeerId[] = []
    while (drawn.length < options.count) {
      const lot = this.#fraction()
      const first = lot < STRANGER_PART ? strangers : lot < STRANGER_PART + FAILED_PART ? failed : sound
      const from = [first, sound, failed, strangers].find(({ length }) => length > 0)
      if (from === undefined) return drawn
      drawn.push(...from.splice(Math.floor(this.#fraction() * from.length), 1))
    }
    return drawn
  }
}
