/** One storage server of a simulated grid: real storage and real wire over a simulated disk and network. */
import { toBase32 } from '#crypto'
import type { Clock, GridServer, PeerId, Platform, StorageFigures } from '#node'
import { nativeBulkCrypto } from '../../node/platform/bulk-crypto.ts'
import { silentLog } from '../../node/platform/log.ts'
import { parseShareKey, SLOT_KEYS, SMALL_KEYS } from '../../node/storage/index-keys.ts'
import { StoragePaths } from '../../node/storage/paths.ts'
import { Storage } from '../../node/storage/storage.ts'
import { StorageHandler } from '../../node/wire/handler.ts'
import { RemoteServer } from '../../node/wire/remote-server.ts'
import { type DiskImage, SimDisk } from './disk.ts'
import { type Lie, lyingServer } from './lying-server.ts'
import type { SimNetwork, SimWorld } from './sim-network.ts'
import { SimRandom } from './sim-random.ts'

const FOLDER = 'storage'
const INDEX = new StoragePaths(FOLDER).index

export class SimServer {
  readonly disk: SimDisk
  /** Undefined: it does what it is asked. */
  lie: Lie | undefined
  /** By how much its wall clock is ahead. */
  skewMilliseconds = 0
  /** Bytes that its owner lends; undefined: as much as the disk has. Counted anew for each request. */
  lentBytes: number | undefined
  readonly #world: SimWorld
  readonly #clock: Clock
  readonly #random: SimRandom
  readonly #network: SimNetwork
  #hasRotted = false
  #running: { readonly storage: Storage; readonly handler: StorageHandler } | undefined

  private constructor(world: SimWorld, options: { readonly capacityBytes: number; readonly seed: number }) {
    this.#world = world
    const { clock } = world
    this.#clock = {
      now: () => clock.now() + this.skewMilliseconds,
      elapsed: () => clock.elapsed(),
      sleep: (milliseconds, sleeping) => clock.sleep(milliseconds, sleeping),
      deadline: (milliseconds, limit) => clock.deadline(milliseconds, limit),
    }
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

  /** What its storage counts; undefined while it is down. */
  get figures(): StorageFigures | undefined {
    return this.#running?.storage.figures
  }

  get channelCount(): number {
    return this.#running?.handler.channelCount ?? 0
  }

  get addresses(): readonly string[] {
    return this.#network.addresses()
  }

  /** Numbers of the visible shares under an index, wherever their bytes stand. */
  sharesOf(storageIndex: Uint8Array): readonly number[] {
    const name = toBase32(storageIndex)
    return this.shares()
      .filter((share) => share.storageIndex === name)
      .map(({ shareNumber }) => shareNumber)
  }

  /** Every visible share, with its storage index in text. */
  shares(): readonly { readonly storageIndex: string; readonly shareNumber: number }[] {
    const inFiles = this.#shareFiles().map((path) => {
      const [name = ''] = path.split('/').slice(-2)
      return { storageIndex: name, shareNumber: Number(path.split('.').at(-1)) }
    })
    const inIndex = this.#smallShares().map(({ key }) => {
      const { storageIndex, shareNumber } = parseShareKey(key)
      return { storageIndex: toBase32(storageIndex), shareNumber }
    })
    return [...inFiles, ...inIndex]
  }

  /** What is durable in the index. */
  records(): readonly { readonly key: Uint8Array; readonly value: Uint8Array }[] {
    return this.disk.records(INDEX)
  }

  /** Public keys of the slots it holds a record of, as text. */
  slots(): readonly string[] {
    const records = this.records().filter(({ key }) => key[0] === SLOT_KEYS.gte[0])
    return records.map(({ key }) => toBase32(key.subarray(1)))
  }

  /** Everything that stands on the disk, with a name for each. */
  contents(): readonly { readonly name: string; readonly bytes: Uint8Array }[] {
    const files = this.disk.files().map((name) => {
      const file = this.disk.memory.fileAt(name)
      return { name, bytes: file?.slice(0, file.sizeBytes) ?? new Uint8Array(0) }
    })
    const records = this.records().map(({ value }) => ({ name: INDEX, bytes: value }))
    return [...files, ...records]
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

  async restart(options: { readonly rebuildIndex?: boolean } = {}): Promise<void> {
    this.#world.bringUp(this.id)
    await this.#start(options.rebuildIndex === true)
  }

  /** The machine is set up again from a copy of its disk. */
  async rollBack(image: DiskImage): Promise<void> {
    await this.losePower()
    await this.disk.restore(image)
    await this.restart()
  }

  /** For good. */
  async leave(): Promise<void> {
    await this.losePower()
    await this.#network.close()
  }

  /** A bit of something it holds, or held, has turned over. */
  get hasRotted(): boolean {
    return this.#hasRotted
  }

  /** One bit of one share turns over. @returns text that holds the share's storage index, if there is a share */
  async rot(): Promise<string | undefined> {
    this.#hasRotted = true
    const paths = this.#shareFiles()
    const records = this.#smallShares()
    const place = this.#random.below(Math.max(1, paths.length + records.length))
    const path = paths[place]
    const record = records[place - paths.length]
    if (record !== undefined) {
      await this.disk.flipRecordBit(INDEX, record.key, this.#random.below(record.value.length * 8))
      return toBase32(parseShareKey(record.key).storageIndex)
    }
    const sizeBytes = path === undefined ? 0 : (this.disk.memory.fileAt(path)?.sizeBytes ?? 0)
    if (path === undefined || sizeBytes === 0) return undefined
    this.disk.flipBit(path, this.#random.below(sizeBytes * 8))
    return path
  }

  #shareFiles(): readonly string[] {
    return this.disk.files(`${FOLDER}/shares`)
  }

  #smallShares(): readonly { readonly key: Uint8Array; readonly value: Uint8Array }[] {
    return this.records().filter(({ key }) => key[0] === SMALL_KEYS.gte[0])
  }

  async close(): Promise<void> {
    await this.#running?.handler[Symbol.asyncDispose]()
    await this.#running?.storage[Symbol.asyncDispose]()
    this.#running = undefined
  }

  async #start(rebuildIndex = false): Promise<void> {
    const lent = () => this.lentBytes
    const config = {
      folder: FOLDER,
      serverId: this.id,
      version: 'simulated',
      get lentBytes() {
        return lent()
      },
      reservedBytes: 0,
      rebuildIndex,
      quotaBytes: () => undefined,
    }
    const { disk } = this
    const clock = this.#clock
    const storage = await Storage.open({ disk, clock, log: silentLog, bulk: nativeBulkCrypto, config })
    const platform = { network: this.#network.restarted(), clock, log: silentLog }
    const served = {
      forAccount: (account: PeerId) => lyingServer(storage.forAccount(account), () => this.lie),
    }
    this.#running = { storage, handler: await StorageHandler.open({ platform, storage: served }) }
  }
}

/** A server as a client of the same world sees it. */
export function remoteOf(server: SimServer, platform: Pick<Platform, 'network' | 'clock'>): GridServer {
  const remote = new RemoteServer({ platform, serverId: server.id, addresses: () => server.addresses })
  return { serverId: server.id, failureDomain: server.id, server: remote }
}
