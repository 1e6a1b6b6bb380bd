/**
 * What a grid must survive, as arithmetic over what stands where.
 *
 * Between two rounds of repair any number of servers may be *hit*: gone for good, rolled back, lying, with a rotten share.
 * But of each file, shares of k distinct numbers stay on servers that are not hit; of the replicas of each slot at most f
 * are hit, a newcomer who takes the place of one counting as well; and at most h - k servers lie at one time, so that a
 * put that h of them acknowledge is kept by k honest ones. Faults that pass (no power, cut off, slow, full, a wrong clock)
 * have no such limit, and end before the next round of repair.
 */
import { toBase32 } from '#crypto'
import { quorumOf } from '../../../node/slots/quorum.ts'
import type { SimRandom } from '../sim-random.ts'
import type { SimServer } from '../sim-server.ts'
import { ENCODING, HAPPY_SERVERS, REPLICAS } from './numbers.ts'
import type { YearsGrid } from './years-grid.ts'

export const LIARS_MAX = HAPPY_SERVERS - ENCODING.neededShares
const FAULTY_REPLICAS_MAX = quorumOf(REPLICAS).faulty

export interface Promised {
  /** Storage indexes of files, as text. */
  readonly files: ReadonlySet<string>
  /** Storage indexes of slots. */
  readonly slots: readonly Uint8Array[]
}

export class FaultBudget {
  readonly #grid: YearsGrid
  readonly #promised: () => Promised
  /** Since the last round of repair. */
  readonly #hit = new Set<SimServer>()
  /** By slot: replicas that went or were displaced since then. */
  readonly #changed = new Map<string, number>()

  constructor(grid: YearsGrid, promised: () => Promised) {
    this.#grid = grid
    this.#promised = promised
  }

  isHit(server: SimServer): boolean {
    return this.#hit.has(server)
  }

  /** Everything was repaired: only who still lies counts. */
  renew(): void {
    this.#hit.clear()
    this.#changed.clear()
    for (const server of this.#grid.servers) if (server.lie !== undefined) this.#hit.add(server)
  }

  /** Whether everything promised bears one more. */
  bears(server: SimServer): boolean {
    if (this.#hit.has(server)) return true
    return this.#filesBear(server) && this.#slotsOf(server).every((slot) => this.#slotBears(slot))
  }

  /** Servers with a share of one of the files, all of them of the same: whoever strikes there comes near the limit. */
  holders(random: SimRandom): readonly SimServer[] {
    const files = [...this.#promised().files]
    const file = files[random.below(files.length)]
    return this.#grid.servers.filter((server) =>
      server.shares().some(({ storageIndex }) => storageIndex === file),
    )
  }

  hit(server: SimServer): void {
    this.#hit.add(server)
  }

  /** Before it goes. */
  goes(server: SimServer): void {
    for (const slot of this.#slotsOf(server)) this.#change(slot)
    this.#hit.delete(server)
  }

  /** Whether a newcomer, who is in no ring yet, may take the places that are its own. */
  bearsNewcomer(isAmongFirst: (slot: Uint8Array) => boolean): boolean {
    return this.#promised()
      .slots.filter(isAmongFirst)
      .every((slot) => this.#slotBears(slot))
  }

  comes(server: SimServer): void {
    for (const slot of this.#slotsOf(server)) this.#change(slot)
  }

  #filesBear(server: SimServer): boolean {
    const { files } = this.#promised()
    const mine = new Set(server.shares().map(({ storageIndex }) => storageIndex))
    const threatened = [...mine].filter((storageIndex) => files.has(storageIndex))
    if (threatened.length === 0) return true
    const left = new Map(threatened.map((storageIndex) => [storageIndex, new Set<number>()]))
    for (const other of this.#grid.servers) {
      if (other === server || this.#hit.has(other)) continue
      for (const { storageIndex, shareNumber } of other.shares()) left.get(storageIndex)?.add(shareNumber)
    }
    return [...left.values()].every((numbers) => numbers.size >= ENCODING.neededShares)
  }

  #slotBears(slot: Uint8Array): boolean {
    const replicas = this.#grid.ring(slot).slice(0, REPLICAS)
    const hit = replicas.filter((server) => this.#hit.has(server)).length
    return hit + (this.#changed.get(toBase32(slot)) ?? 0) < FAULTY_REPLICAS_MAX
  }

  #slotsOf(server: SimServer): readonly Uint8Array[] {
    return this.#promised().slots.filter((slot) => this.#grid.ring(slot).slice(0, REPLICAS).includes(server))
  }

  #change(slot: Uint8Array): void {
    const name = toBase32(slot)
    this.#changed.set(name, (this.#changed.get(name) ?? 0) + 1)
  }
}
