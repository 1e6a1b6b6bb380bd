/** One member of a grid: wiring, start, stop, and nothing else. */
import { GridError, InvalidInputError, type StorageIndex } from '#crypto'
import { type AccountingReport, accountingReport } from './accounting/account-report.ts'
import type { Config } from './config.ts'
import { NO_REPAIR } from './durability/kept-file.ts'
import { MeasuredServers } from './durability/measured-servers.ts'
import { type ToldDurability, tellPut } from './durability/told-safety.ts'
import { failureDomainOf, type Grid, type GridServer } from './grid.ts'
import { BOOTSTRAP_DIAGNOSIS_SECONDS, SERVERS_POLL_MILLISECONDS, STATUS_ACCOUNTS_MAX } from './limits.ts'
import type { Administration } from './membership/administration.ts'
import { ROLE_CLIENT } from './membership/certificate.ts'
import { MembersDesk } from './membership/members-desk.ts'
import type { Membership } from './membership/membership.ts'
import { nodeHealth } from './metrics/health.ts'
import type { Meter, NodeFigures, NodeHealth } from './metrics/meter.ts'
import type { Announcement } from './peers/announcement.ts'
import { Roster } from './peers/roster.ts'
import { RosterExchange } from './peers/roster-exchange.ts'
import { loadRoster, saveRoster } from './peers/roster-file.ts'
import type { NodeKey } from './platform/node-key.ts'
import type { PeerId, Platform } from './platform/platform.ts'
import type { NodePlatform } from './platform/system.ts'
import type { SlotsSeen } from './slots/seen.ts'
import { SeenFile } from './slots/seen-file.ts'
import { askServers, type KnownServer, type NodeStatus } from './status.ts'
import { wholeSeconds } from './storage/lease.ts'
import type { StorageServer } from './storage/server.ts'
import { Storage } from './storage/storage.ts'
import { ClosingSteps } from './while-open.ts'
import { StorageHandler } from './wire/handler.ts'
import { RemoteServer } from './wire/remote-server.ts'
import { within } from './within.ts'

export interface NodeOptions {
  /** Folder of this member; what the node keeps lies under it. */
  readonly home: string
  readonly key: NodeKey
  /** Of the software. */
  readonly version: string
  /**
   * Whether to serve what the configuration lends, and to listen. A command that runs beside a daemon, or without
   * one, does not: the home's storage has one holder.
   */
  readonly lends: boolean
  /** Of a grid that was founded in this home: renews its first certificate, and expels anybody. */
  readonly founderKey?: NodeKey | undefined
  readonly signal?: AbortSignal | undefined
  /** Told of every request of a peer. */
  readonly meter?: Meter | undefined
}

/**
 * Start a node. On return it listens and knows the grid as far as the first of its bootstrap addresses does, or as it
 * was when it last ran.
 *
 * @throws ConflictError if a port or the storage is taken; NoSpaceError; NotAdmittedError if the home is of a grid of
 *   members and has no certificate
 */
export async function createNode(
  config: Config,
  platform: NodePlatform,
  options: NodeOptions,
): Promise<Node> {
  const closing = new ClosingSteps()
  try {
    const { lends, key, home } = options
    const { announce } = config.network
    const listen = lends ? config.network.listen : []
    const unguarded = await platform.openNetwork({ key, listen, announce, log: platform.log })
    closing.add(() => unguarded.close())
    const members =
      config.membership === 'closed'
        ? await MembersDesk.open(config, { ...platform, network: unguarded }, options)
        : undefined
    const whole = { ...platform, network: members?.network ?? unguarded }
    const roster = new Roster(platform.clock, { records: members?.membership.records })
    await members?.serve(roster)
    const { membership } = members ?? {}
    const storage = lends ? await openStorage(config, whole, { ...options, membership }) : undefined
    const handler =
      storage &&
      (await openHandler(closing.addResource(storage), whole, { membership, meter: options.meter }))
    if (handler !== undefined) closing.addResource(handler)
    await loadRoster(platform.disk, home, roster)
    const { slots: slotsSeen } = closing.addResource(await SeenFile.open(platform, home))
    const exchange = closing.addResource(
      await openExchange(config, whole, { ...options, roster, storage, members }),
    )
    if (members !== undefined) closing.addResource(members.keepRenewing(roster, exchange))
    const measured = closing.addResource(await MeasuredServers.open(whole, { home, measures: lends }))
    const node = new Node({
      config,
      platform: whole,
      options,
      storage,
      handler,
      roster,
      exchange,
      members,
      slotsSeen,
      measured,
      closing,
    })
    measured.watch((given) => node.askServers(given))
    if (node.serverCount === 0) await exchange.firstRound
    options.signal?.throwIfAborted()
    return node
  } catch (error) {
    await closing[Symbol.asyncDispose]()
    throw error
  }
}

interface NodeParts {
  readonly config: Config
  readonly platform: Platform
  readonly options: NodeOptions
  readonly storage: Storage | undefined
  readonly handler: StorageHandler | undefined
  readonly roster: Roster
  readonly exchange: RosterExchange
  readonly members: MembersDesk | undefined
  readonly slotsSeen: SlotsSeen
  readonly measured: MeasuredServers
  readonly closing: ClosingSteps
}

export class Node implements AsyncDisposable {
  readonly peerId: PeerId
  readonly grid: Grid
  readonly #parts: NodeParts
  readonly #own: StorageServer | undefined
  readonly #remote = new Map<PeerId, RemoteServer>()
  #isStopping = false

  /** By createNode only. */
  constructor(parts: NodeParts) {
    const { clock, random, log, bulk, coder, network } = parts.platform
    this.peerId = network.localId
    this.#parts = parts
    this.#own = parts.storage?.forAccount(this.peerId)
    const { slotsSeen } = parts
    const ring = (storageIndex: StorageIndex) => this.#ring(storageIndex)
    this.grid = { clock, random, log, bulk, coder, ring, slotsSeen }
  }

  /** None: this node only dials. */
  addresses(): readonly string[] {
    return this.#parts.platform.network.addresses()
  }

  /** Servers that are known now, whether they answer or not. */
  get serverCount(): number {
    return this.#known().length
  }

  /** @throws the signal's reason */
  async waitForServers(
    count: number,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const { clock } = this.#parts.platform
    while (this.serverCount < count) await clock.sleep(SERVERS_POLL_MILLISECONDS, options)
  }

  /** Why this node knows nobody: what each bootstrap address answers. */
  async diagnoseBootstrap(): Promise<readonly GridError[]> {
    const { config, platform, exchange } = this.#parts
    const problems = await Promise.all(
      config.network.bootstrap.map((address) => problemWith(address, platform.clock, exchange)),
    )
    return problems.filter((problem) => problem !== undefined)
  }

  /** @throws InvalidInputError on an open grid, which has no members */
  get administration(): Administration {
    const { members, roster, exchange } = this.#parts
    if (members === undefined) {
      throw new InvalidInputError(
        'this home takes part in an open grid (membership = "open"): it has no members',
        {
          hint: 'cairn init makes the first home of a grid of members, cairn join LINK a further one.',
        },
      )
    }
    return members.administration(roster, exchange)
  }

  /** Every known server, and what it answers now. */
  async askServers(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<readonly KnownServer[]> {
    const known = this.#known().map(({ peerId, addresses, failureDomain }) => {
      const isLocal = peerId === this.peerId
      return { peerId, addresses, ...failureDomain, isLocal, server: this.#serverOf(peerId) }
    })
    return await askServers(known, { clock: this.#parts.platform.clock, signal: options.signal })
  }

  async status(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<NodeStatus> {
    const { config, measured, options: own } = this.#parts
    const servers = await this.askServers(options)
    measured.note(servers)
    return {
      version: own.version,
      peerId: this.peerId,
      addresses: this.addresses(),
      numbers: config.encoding,
      lent: await this.#own?.status(options),
      accounting: this.#accounting(),
      durability: this.#durability(servers),
      membership: this.#parts.members?.describe(),
      bootstrapProblems: servers.some(({ status }) => status !== undefined)
        ? []
        : (await this.diagnoseBootstrap()).map(({ message }) => message),
      servers,
    }
  }

  /** Of this moment; costs nothing. */
  figures(): NodeFigures {
    const { storage, handler } = this.#parts
    return {
      knownServers: this.serverCount,
      storage: storage?.figures,
      channels: handler?.channelCount ?? 0,
      inFlightBytes: handler?.inFlightBytes ?? 0,
    }
  }

  health(): NodeHealth {
    const { storage, members, config } = this.#parts
    return nodeHealth({
      isStopping: this.#isStopping,
      isStorageDamaged: storage?.isDamaged === true,
      membershipProblem: members?.describe().problem,
      listen: config.network.listen,
      addresses: this.addresses(),
    })
  }

  /**
   * Take nothing new from peers, and wait until what they have begun is done.
   *
   * @throws the signal's reason if that comes first
   */
  async drain(signal: AbortSignal): Promise<void> {
    this.#isStopping = true
    await this.#parts.handler?.drain(signal)
  }

  /** Calls that still run fail; what the storage has begun is dropped. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const remote of this.#remote.values()) remote[Symbol.dispose]()
    await this.#parts.closing[Symbol.asyncDispose]()
  }

  #accounting(): AccountingReport | undefined {
    const { storage, members } = this.#parts
    if (storage === undefined) return undefined
    const nameOf = (account: PeerId) => members?.membership.records.memberOf(account)?.own.name
    return accountingReport(storage.accountUses(), {
      self: this.peerId,
      nameOf,
      countMax: STATUS_ACCOUNTS_MAX,
    })
  }

  #durability(servers: readonly KnownServer[]): ToldDurability {
    const { config, platform, measured } = this.#parts
    const { records } = measured
    const nowSeconds = wholeSeconds(platform.clock)
    return {
      put: tellPut(config.encoding, { records, servers, nowSeconds, pace: NO_REPAIR }),
      records,
    }
  }

  #ring(storageIndex: StorageIndex): readonly GridServer[] {
    return this.#parts.roster
      .ring(storageIndex)
      .filter((announcement) => this.#isUsable(announcement))
      .map(({ peerId, failureDomain: { owner, site } }) => ({
        serverId: peerId,
        failureDomain: failureDomainOf({ serverId: peerId, owner, site }),
        server: this.#serverOf(peerId),
      }))
  }

  #known(): readonly Announcement[] {
    return this.#parts.roster
      .all()
      .filter((announcement) => announcement.isServer && this.#isUsable(announcement))
  }

  /** One cannot dial oneself: the own server is there only in the process that lends. */
  #isUsable({ peerId }: Announcement): boolean {
    return peerId !== this.peerId || this.#own !== undefined
  }

  #serverOf(peerId: PeerId): StorageServer {
    if (peerId === this.peerId && this.#own !== undefined) return this.#own
    const { platform, roster } = this.#parts
    const known = this.#remote.get(peerId)
    if (known !== undefined) return known
    const addresses = () => roster.addressesOf(peerId)
    const remote = new RemoteServer({ platform, serverId: peerId, addresses })
    this.#remote.set(peerId, remote)
    return remote
  }
}

/** Undefined if nothing is lent. */
async function openStorage(
  config: Config,
  platform: Platform,
  options: NodeOptions & { readonly membership: Membership | undefined },
): Promise<Storage | undefined> {
  const { lendBytes, reserveBytes, accountQuotaBytes } = config.storage
  if (lendBytes === 0) return undefined
  const { disk, clock, log, bulk, network } = platform
  return Storage.open({
    disk,
    clock,
    log,
    bulk,
    config: {
      folder: `${options.home}/storage`,
      serverId: network.localId,
      version: options.version,
      lentBytes: lendBytes,
      reservedBytes: reserveBytes,
      quotaBytes: (account) =>
        options.membership === undefined
          ? (config.members.quotas[account] ?? accountQuotaBytes)
          : options.membership.quotaOf(account),
    },
  })
}

function openHandler(
  storage: Storage,
  platform: Platform,
  { membership, meter }: { readonly membership: Membership | undefined; readonly meter: Meter | undefined },
): Promise<StorageHandler> {
  return StorageHandler.open({
    platform,
    storage,
    requireAllowed: (peer) => void membership?.requireMember(peer, ROLE_CLIENT),
    onServed: (request) => {
      storage.noteSeen(request.account)
      meter?.served(request)
    },
  })
}

async function openExchange(
  config: Config,
  platform: Platform,
  parts: NodeOptions & {
    readonly roster: Roster
    readonly storage: Storage | undefined
    readonly members: MembersDesk | undefined
  },
): Promise<RosterExchange> {
  const { storage, roster, home, version, members } = parts
  const { failureDomain } = config
  const describeSelf = async (from: Storage) => {
    const { freeBytes } = await from.status()
    const self = { freeBytes, version, failureDomain }
    return members === undefined ? self : members.certified(self)
  }
  return RosterExchange.open({
    platform,
    roster,
    bootstrap: config.network.bootstrap,
    ...(storage === undefined ? {} : { describeSelf: () => describeSelf(storage) }),
    save: () => saveRoster(platform.disk, home, roster),
    saveExpulsions: () => members?.saveExpulsions() ?? Promise.resolve(),
    requireAllowed: (peer) => void members?.membership.requireMember(peer),
  })
}

async function problemWith(
  address: string,
  clock: Platform['clock'],
  exchange: RosterExchange,
): Promise<GridError | undefined> {
  const limit = { seconds: BOOTSTRAP_DIAGNOSIS_SECONDS, what: `reaching ${address}` }
  try {
    await within(clock, limit, (signal) => exchange.diagnose(address, signal))
    return undefined
  } catch (error) {
    if (!(error instanceof GridError)) throw error
    return error
  }
}
