/** One storage server of a simulated grid: real storage and real wire over a simulated disk and network. */
import { toBase32 } from '#crypto'
import type { Clock, GridServer, PeerId, Platform } from '#node'
import { nativeBulkCrypto } from '../../node/platform/bulk-crypto.ts'
import { silentLog } from '../../node/platform/log.ts'
import { Storage } from '../../node/storage/storage.ts'
import { StorageHandler } from '../../node/wire/handler.ts'
import { RemoteServer } from '../../node/wire/remote-server.ts'
import { SimDisk } from './disk.ts'
import type { SimNetwork, SimWorld } from './sim-network.ts'
import { SimRandom } from './sim-random.ts'

const FOLDER = 'storage'

export class SimServer {
  readonly disk: SimDisk
  readonly #world: SimWorld
  readonly #clock: Clock
  readonly #random: SimRandom
  readonly #network: SimNetwork
  #running: { readonly storage: Storage; readonly handler: StorageHandler } | undefined

  private constructor(world: SimWorld, options: { readonly capacityBytes: number; readonly seed: number }) {
    this.#world = world
    this.#clock = world.clock
    this.#random = new SimRandom(options.seed)
    this.#network = world.node()
    this.disk = new SimDisk(options)
  }

  static async open(
    world: SimWorld,
    options: { readonly capacityBytes: number; readonly seed: number },
  ): Promise<SimServer> {
    const server = new SimServer(world, options)
    await server.#start()
    return server
  }

  get id(): PeerId {
    return this.#network.localId
  }

  get isRunning(): boolean {
    return this.#running !== undefined
  }

  /** Bytes of requests and replies that the server holds in memory. */
  get inFlightBytes(): number {
    return this.#running?.handler.inFlightBytes ?? 0
  }

  get addresses(): readonly string[] {
    return this.#network.addresses()
  }

  /** Paths of the visible share files. */
  shareFiles(): readonly string[] {
    return this.disk.files(`${FOLDER}/shares`)
  }

  /** Share files under an index, by share number. */
  sharesOf(storageIndex: Uint8Array): readonly number[] {
    const name = toBase32(storageIndex)
    return this.shareFiles().flatMap((path) => (path.includes(name) ? [Number(path.split('.').at(-1))] : []))
  }

  /** The power fails: what was not synced may be lost, and nobody answers until `restart`. */
  async losePower(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    this.disk.powerOff()
    this.#world.takeDown(this.id)
    await running?.handler[Symbol.asyncDispose]().catch(() => undefined)
    await running?.storage[Symbol.asyncDispose]().catch(() => undefined)
    await this.disk.crash(() => this.#random.below(2) === 0)
  }

  async restart(): Promise<void> {
    this.#world.bringUp(this.id)
    await this.#start()
  }

  /** One bit of one share turns over. @returns the share's path, if there is a share */
  rot(): string | undefined {
    const paths = this.shareFiles()
    const path = paths[this.#random.below(paths.length)]
    const sizeBytes = path === undefined ? 0 : (this.disk.memory.fileAt(path)?.sizeBytes ?? 0)
    if (path === undefined || sizeBytes === 0) return undefined
    this.disk.flipBit(path, this.#random.below(sizeBytes * 8))
    return path
  }

  async close(): Promise<void> {
    await this.#running?.handler[Symbol.asyncDispose]()
    await this.#running?.storage[Symbol.asyncDispose]()
    this.#running = undefined
  }

  async #start(): Promise<void> {
    const config = {
      folder: FOLDER,
      serverId: this.id,
      version: 'simulated',
      lentBytes: undefined,
      reservedBytes: 0,
      quotaBytes: () => undefined,
    }
    const { disk } = this
    const clock = this.#clock
    const storage = await Storage.open({ disk, clock, log: silentLog, bulk: nativeBulkCrypto, config })
    const platform = { network: this.#network.restarted(), clock, log: silentLog }
    this.#running = { storage, handler: await StorageHandler.open({ platform, storage }) }
  }
}

/** A server as a client of the same world sees it. */
export function remoteOf(server: SimServer, platform: Pick<Platform, 'network' | 'clock'>): GridServer {
  const remote = new RemoteServer({ platform, serverId: server.id, addresses: () => server.addresses })
  return { serverId: server.id, failureDomain: server.id, server: remote }
}
