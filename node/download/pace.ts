/** How quick each server of one transfer has been, so that the next block is asked of the right one. */
import type { PeerId } from '../platform/platform.ts'

/** Weight of the newest answer in a server's running mean. */
const NEWEST_WEIGHT = 0.3

export class ServerPace {
  readonly #meanMilliseconds = new Map<PeerId, number>()
  readonly #outstanding = new Map<PeerId, number>()

  /** Note a request. @returns to be called once, with the time at which it ended, however it ended */
  begin(serverId: PeerId, startedAt: number): (endedAt: number) => void {
    this.#outstanding.set(serverId, (this.#outstanding.get(serverId) ?? 0) + 1)
    return (endedAt) => {
      this.#outstanding.set(serverId, (this.#outstanding.get(serverId) ?? 1) - 1)
      const mean = this.#meanMilliseconds.get(serverId)
      const taken = endedAt - startedAt
      this.#meanMilliseconds.set(serverId, mean === undefined ? taken : mean + NEWEST_WEIGHT * (taken - mean))
    }
  }

  /** What a request made now is likely to take; 0 for a server not asked before. */
  expectedMilliseconds(serverId: PeerId): number {
    return (this.#meanMilliseconds.get(serverId) ?? 0) * (1 + (this.#outstanding.get(serverId) ?? 0))
  }

  /** Median of the servers' means; 0 before the first answer. */
  usualMilliseconds(): number {
    const means = [...this.#meanMilliseconds.values()].sort((left, right) => left - right)
    return means[Math.floor(means.length / 2)] ?? 0
  }
}
