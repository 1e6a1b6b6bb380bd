/** How quick each server of one transfer has been, so that the next block is asked of the right one. */
import type { PeerId } from '../platform/platform.ts'

/** Weight of the newest answer in a server's running mean. */
const NEWEST_WEIGHT = 0.3
/** Answers that say what is usual: some segments' worth. */
const RECENT_ANSWERS_MAX = 31

export class ServerPace {
  readonly #meanMilliseconds = new Map<PeerId, number>()
  readonly #outstanding = new Map<PeerId, number>()
  readonly #recentAnswers: number[] = []

  /**
   * Note a request.
   *
   * @returns to be called once when it ended. One that was given up counts against its server, for as long as it
   *   lasted, and does not count as usual.
   */
  begin(
    serverId: PeerId,
    startedAt: number,
  ): (ended: { readonly at: number; readonly isAnswer: boolean }) => void {
    this.#outstanding.set(serverId, (this.#outstanding.get(serverId) ?? 0) + 1)
    return ({ at, isAnswer }) => {
      this.#outstanding.set(serverId, (this.#outstanding.get(serverId) ?? 1) - 1)
      const taken = at - startedAt
      const mean = this.#meanMilliseconds.get(serverId) ?? taken
      this.#meanMilliseconds.set(serverId, mean + NEWEST_WEIGHT * (taken - mean))
      if (!isAnswer) return
      this.#recentAnswers.push(taken)
      if (this.#recentAnswers.length > RECENT_ANSWERS_MAX) this.#recentAnswers.shift()
    }
  }

  /** What a request made now is likely to take; 0 for a server not asked before. */
  expectedMilliseconds(serverId: PeerId): number {
    return (this.#meanMilliseconds.get(serverId) ?? 0) * (1 + (this.#outstanding.get(serverId) ?? 0))
  }

  /** Median of the recent answers; 0 before the first. */
  usualMilliseconds(): number {
    const sorted = this.#recentAnswers.toSorted((left, right) => left - right)
    return sorted[sorted.length >> 1] ?? 0
  }
}
