/** One member of a simulated grid of members: a whole node on a disk that loses what was not synced. */
import type { Node, PeerId } from '#node'
import type { SimHome, SimMembers } from '../../support/sim-members.ts'
import { SimDisk } from '../disk.ts'

export class Member {
  readonly name: string
  readonly #sim: SimMembers
  readonly #home: SimHome
  /** Whoever invited it; undefined: the founder. */
  readonly inviter: Member | undefined
  #node: Node | undefined

  constructor(
    sim: SimMembers,
    parts: { readonly home: SimHome; readonly name: string; readonly inviter: Member | undefined },
  ) {
    this.#sim = sim
    this.#home = parts.home
    this.name = parts.name
    this.inviter = parts.inviter
  }

  get id(): PeerId {
    return this.#home.network.localId
  }

  /** Undefined while it is down. */
  get node(): Node | undefined {
    return this.#node
  }

  /** @throws Error while it is down */
  get running(): Node {
    if (this.#node === undefined) throw new Error(`${this.name} is down`)
    return this.#node
  }

  /** Everybody who stands above it in its chain, nearest first. */
  get above(): readonly Member[] {
    return this.inviter === undefined ? [] : [this.inviter, ...this.inviter.above]
  }

  async start(): Promise<void> {
    this.#sim.world.bringUp(this.id)
    this.#node = await this.#sim.start(this.#home)
  }

  /** The power fails; of what was not synced chance decides. */
  async losePower(): Promise<void> {
    const node = this.#node
    this.#node = undefined
    const { disk } = this.#home
    if (disk instanceof SimDisk) disk.powerOff()
    this.#sim.world.takeDown(this.id)
    await node?.[Symbol.asyncDispose]().catch(() => undefined)
    if (disk instanceof SimDisk) await disk.crash(() => this.#sim.random.below(2) === 0)
  }

  async stop(): Promise<void> {
    const node = this.#node
    this.#node = undefined
    await node?.[Symbol.asyncDispose]()
  }
}
