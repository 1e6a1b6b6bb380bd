/** The servers of a grid over years, who of them are left, and the grid as its clients see it. */
import { type StorageIndex, TAGS, taggedHash, toBase32, utf8 } from '#crypto'
import type { Grid, GridServer } from '#node'
import { nativeBulkCrypto } from '../../../node/platform/bulk-crypto.ts'
import { silentLog } from '../../../node/platform/log.ts'
import { SlotsSeen } from '../../../node/slots/seen.ts'
import { RemoteServer } from '../../../node/wire/remote-server.ts'
import type { SimClock } from '../sim-clock.ts'
import type { SimNetwork, SimWorld } from '../sim-network.ts'
import type { SimRandom } from '../sim-random.ts'
import { SimServer } from '../sim-server.ts'
import type { Secrets } from './secrets.ts'

export class YearsGrid {
  readonly world: SimWorld
  readonly clock: SimClock
  readonly #random: SimRandom
  /** In the order in which they joined. */
  readonly #servers: SimServer[] = []
  /** Rings that were drawn since somebody came or went. */
  readonly #rings = new Map<string, readonly SimServer[]>()

  constructor(world: SimWorld, random: SimRandom) {
    this.world = world
    this.clock = world.clock
    this.#random = random
  }

  get servers(): readonly SimServer[] {
    return this.#servers
  }

  /** A server that runs, and that nobody knows yet. */
  prepare(): Promise<SimServer> {
    return SimServer.open(this.world, { capacityBytes: 1e9, seed: this.#random.u32() })
  }

  admit(server: SimServer): void {
    this.#servers.push(server)
    this.#rings.clear()
  }

  async leave(server: SimServer): Promise<void> {
    this.#servers.splice(this.#servers.indexOf(server), 1)
    this.#rings.clear()
    await server.leave()
  }

  /** All servers in the order in which they hold what has this index. */
  ring(storageIndex: Uint8Array): readonly SimServer[] {
    const name = toBase32(storageIndex)
    const known = this.#rings.get(name)
    if (known !== undefined) return known
    const ring = ringOf(this.#servers, storageIndex)
    this.#rings.set(name, ring)
    return ring
  }

  /** As it will be with a newcomer. */
  ringWith(newcomer: SimServer, storageIndex: Uint8Array): readonly SimServer[] {
    return ringOf([...this.#servers, newcomer], storageIndex)
  }
}

/**
 * A person's machine: what it remembers lasts, and its connections only until `hangUp`, as those of one command do.
 */
export class YearsClient {
  readonly network: SimNetwork
  readonly grid: Grid
  readonly #years: YearsGrid
  readonly #remotes = new Map<string, RemoteServer>()

  constructor(grid: YearsGrid, random: SimRandom, secrets: Secrets) {
    this.network = grid.world.node({ listens: false })
    this.#years = grid
    this.grid = {
      clock: grid.clock,
      random: secrets.marking(random),
      log: silentLog,
      bulk: nativeBulkCrypto,
      ring: (storageIndex: StorageIndex) => grid.ring(storageIndex).map((server) => this.#seen(server)),
      slotsSeen: new SlotsSeen(),
    }
  }

  hangUp(): void {
    for (const remote of this.#remotes.values()) remote[Symbol.dispose]()
    this.#remotes.clear()
  }

  #seen(server: SimServer): GridServer {
    const { id } = server
    const known = this.#remotes.get(id)
    const platform = { network: this.network, clock: this.#years.clock }
    const remote = known ?? new RemoteServer({ platform, serverId: id, addresses: () => server.addresses })
    if (known === undefined) this.#remotes.set(id, remote)
    return { serverId: id, failureDomain: id, server: remote }
  }
}

function ringOf(servers: readonly SimServer[], storageIndex: Uint8Array): readonly SimServer[] {
  return servers
    .map((server) => ({ server, place: toBase32(taggedHash(TAGS.ring, storageIndex, utf8(server.id))) }))
    .sort((left, right) => (left.place < right.place ? -1 : 1))
    .map(({ server }) => server)
}
