/** Faults of a grid over years: which begin, within the budget, and how each ends. */
import type { DiskImage } from '../disk.ts'
import { LIES } from '../lying-server.ts'
import type { SimRandom } from '../sim-random.ts'
import type { SimServer } from '../sim-server.ts'
import { type FaultBudget, LIARS_MAX } from './fault-budget.ts'
import { REPLICAS } from './numbers.ts'
import type { YearsClient, YearsGrid } from './years-grid.ts'

const DAY_MILLISECONDS = 24 * 3600 * 1000
/** A wrong clock is off by less than leases outlast two rounds of repair (31 days against twice 14). */
const SKEW_MAX_MILLISECONDS = 7 * DAY_MILLISECONDS
/** Servers with a fault that passes, at one time. */
const PASSING_MAX = 20
/** Faults that stay, in one step. */
const STRIKES_MAX = 7
const IMAGES_MAX = 20
const SLOW_FACTOR_MAX = 40
/** Bytes that a channel carries before it breaks. */
const BREAK_AFTER_BYTES_MAX = 30_000

export interface FaultParts {
  readonly grid: YearsGrid
  readonly clients: readonly YearsClient[]
  readonly budget: FaultBudget
  readonly random: SimRandom
  /** How many servers the grid is to have, more or less. */
  readonly serverCount: number
  readonly note: (kind: string) => void
}

export class YearsFaults {
  readonly #parts: FaultParts
  /** Servers with a fault that passes, and what ends it. */
  readonly #passing = new Map<SimServer, () => Promise<void>>()
  readonly #cutOff = new Set<SimServer>()
  /** Servers that faults that stay hit first. */
  #targets: readonly SimServer[] = []
  readonly #images: { readonly server: SimServer; readonly image: DiskImage }[] = []

  constructor(parts: FaultParts) {
    this.#parts = parts
  }

  /** While nobody works: faults that stay, as many as chance and the budget give. */
  async strike(): Promise<void> {
    const { random, budget } = this.#parts
    if (random.below(3) === 0 || this.#targets.length === 0) this.#targets = budget.holders(random)
    for (let count = random.below(STRIKES_MAX); count > 0; count -= 1) {
      const kind = random.below(6)
      if (kind <= 1) await this.#leave()
      else if (kind === 2) await this.#join()
      else if (kind === 3) await this.#rollBack()
      else if (kind === 4) this.#lie()
      else await this.#rot()
    }
    if (random.below(10) === 0) await this.#storm()
    const missing = this.#parts.serverCount - this.#parts.grid.servers.length
    for (let count = 0; count < missing; count += 1) await this.#join()
    for (const server of this.#parts.grid.servers) {
      if (server.lie !== undefined && random.below(8) === 0) server.lie = undefined
    }
    this.#takeImage()
  }

  /** While clients work: some faults that pass end, and others begin. */
  async disturb(): Promise<void> {
    const { random, grid } = this.#parts
    for (const [server, end] of [...this.#passing]) {
      if (random.below(3) > 0) continue
      this.#passing.delete(server)
      await end()
    }
    for (let count = random.below(6); count > 0 && this.#passing.size < PASSING_MAX; count -= 1) {
      await grid.clock.sleep(random.below(800))
      const server = this.#anyServer()
      if (this.#passing.has(server)) continue
      this.#passing.set(server, await this.#begin(server))
    }
    this.#disturbClients()
  }

  /** Everything that passes has passed. */
  async calm(): Promise<void> {
    this.#parts.grid.world.heal()
    this.#cutOff.clear()
    for (const [server, end] of [...this.#passing]) {
      this.#passing.delete(server)
      await end()
    }
    for (const { network } of this.#parts.clients) this.#parts.grid.world.bringUp(network.localId)
  }

  /** @returns what ends it */
  async #begin(server: SimServer): Promise<() => Promise<void>> {
    const { random, grid, note } = this.#parts
    switch (random.below(5)) {
      case 0:
        note('power lost, unsynced writes too')
        await server.losePower()
        return () => server.restart()
      case 1:
        note('cut off from the others')
        this.#cutOff.add(server)
        this.#partition()
        return async () => {
          this.#cutOff.delete(server)
          this.#partition()
        }
      case 2:
        note('slow')
        grid.world.slowDown(server.id, 2 + random.below(SLOW_FACTOR_MAX))
        return async () => grid.world.slowDown(server.id, 1)
      case 3:
        note('full')
        server.lentBytes = server.figures?.usedBytes ?? 0
        return async () => {
          server.lentBytes = undefined
        }
      default:
        note('clock wrong by days')
        server.skewMilliseconds = (2 * random.fraction() - 1) * SKEW_MAX_MILLISECONDS
        return async () => {
          server.skewMilliseconds = 0
        }
    }
  }

  #disturbClients(): void {
    const { random, grid, clients, note } = this.#parts
    for (const { network } of clients) {
      // Both ends see the channel break in the middle of a message.
      if (random.below(3) === 0) {
        note('channel broken in the middle')
        grid.world.breakNextChannel(
          network.localId,
          this.#anyServer().id,
          1 + random.below(BREAK_AFTER_BYTES_MAX),
        )
      }
      if (random.below(10) > 0) continue
      note('client gone in the middle of its work')
      grid.world.takeDown(network.localId)
    }
  }

  async #leave(): Promise<void> {
    const { budget, grid, serverCount, note } = this.#parts
    const server = this.#idleServer()
    if (server === undefined || !budget.bears(server) || grid.servers.length < serverCount) return
    note('gone for good')
    budget.goes(server)
    await grid.leave(server)
  }

  /** As many holders of one file as the budget bears go in one night: k of its shares are left, and no more. */
  async #storm(): Promise<void> {
    const { budget, grid, random, note } = this.#parts
    let goneCount = 0
    for (const server of budget.holders(random)) {
      if (this.#passing.has(server) || !budget.bears(server)) continue
      budget.goes(server)
      await grid.leave(server)
      goneCount += 1
    }
    if (goneCount > 0) note('all gone at once but k holders of a file')
  }

  async #join(): Promise<void> {
    const { budget, grid, note } = this.#parts
    const server = await grid.prepare()
    const isAmongFirst = (slot: Uint8Array) => grid.ringWith(server, slot).slice(0, REPLICAS).includes(server)
    if (!budget.bearsNewcomer(isAmongFirst)) return server.leave()
    note('joined anew')
    grid.admit(server)
    budget.comes(server)
  }

  async #rollBack(): Promise<void> {
    const { budget, grid, random, note } = this.#parts
    const chosen = this.#images[random.below(this.#images.length)]
    if (chosen === undefined || !grid.servers.includes(chosen.server)) return
    if (this.#passing.has(chosen.server) || !budget.bears(chosen.server)) return
    note('rolled back to an old disk')
    budget.hit(chosen.server)
    await chosen.server.rollBack(chosen.image)
  }

  #lie(): void {
    const { budget, grid, random, note } = this.#parts
    const server = this.#idleServer()
    const liars = grid.servers.filter(({ lie }) => lie !== undefined)
    if (server === undefined || liars.length >= LIARS_MAX || !budget.bears(server)) return
    const lie = LIES[random.below(LIES.length)]
    note(`lying: ${lie}`)
    budget.hit(server)
    server.lie = lie
  }

  async #rot(): Promise<void> {
    const { budget, note } = this.#parts
    const server = this.#idleServer()
    if (server === undefined || !budget.bears(server)) return
    note('a bit of a share turned over')
    budget.hit(server)
    await server.rot()
  }

  #takeImage(): void {
    const { random } = this.#parts
    const server = this.#anyServer()
    const image = { server, image: server.disk.image() }
    if (this.#images.length < IMAGES_MAX) this.#images.push(image)
    else this.#images[random.below(IMAGES_MAX)] = image
  }

  #partition(): void {
    const { world } = this.#parts.grid
    world.heal()
    world.partition([[], [...this.#cutOff].map(({ id }) => id)])
  }

  /** One without a fault that passes, often of those that hold the same file. */
  #idleServer(): SimServer | undefined {
    const { random, grid } = this.#parts
    const targets = this.#targets.filter((target) => grid.servers.includes(target))
    const server = random.below(3) === 0 ? this.#anyServer() : targets[random.below(targets.length)]
    return server === undefined || this.#passing.has(server) ? undefined : server
  }

  #anyServer(): SimServer {
    const { grid, random } = this.#parts
    const server = grid.servers[random.below(grid.servers.length)]
    if (server === undefined) throw new Error('no server is left')
    return server
  }
}
