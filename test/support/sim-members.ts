/** Whole nodes of a grid of members on a simulated network and clock: what createNode makes, restarts included. */
import { createNode, type Node, type NodePlatform, nativeBulkCrypto, parseConfig, silentLog } from '#node'
import { type Chain, issueChain } from '../../node/membership/chain.ts'
import { parseInvitation } from '../../node/membership/invitation.ts'
import { foundGrid } from '../../node/membership/issuer.ts'
import { signerOf } from '../../node/membership/members-desk.ts'
import { loadOwnChain, saveOwnChain } from '../../node/membership/membership-files.ts'
import { redeemInvitation } from '../../node/membership/redeem.ts'
import { peerIdOfPublicKey, publicKeyOfPeerId } from '../../node/peers/peer-id.ts'
import { MemoryDisk } from '../../node/platform/memory-disk.ts'
import { type NodeKey, nodeKeyFromSeed, temporaryNodeKey } from '../../node/platform/node-key.ts'
import type { Disk } from '../../node/platform/platform.ts'
import { SimClock } from '../sim/sim-clock.ts'
import { type SimNetwork, SimWorld } from '../sim/sim-network.ts'
import { SimRandom } from '../sim/sim-random.ts'

export const HOME = '/home'
const FOUNDER_SEED = new Uint8Array(32).fill(0x0f)

export interface SimHome {
  readonly network: SimNetwork
  readonly disk: Disk
  readonly config: object
  readonly founderKey?: NodeKey | undefined
}

export class SimMembers {
  readonly clock = new SimClock()
  readonly random: SimRandom
  readonly world: SimWorld
  readonly #newDisk: () => Disk
  /** Milliseconds that the clock of a home is ahead of the others. */
  readonly skews = new Map<string, number>()

  /** @param world.onBytes shown all that goes over a wire */
  constructor(
    seed: number,
    world: { readonly onBytes?: (bytes: Uint8Array) => void; readonly newDisk?: () => Disk } = {},
  ) {
    this.random = new SimRandom(seed)
    const { onBytes, newDisk } = world
    this.#newDisk = newDisk ?? (() => new MemoryDisk({ capacityBytes: 1e9 }))
    this.world = new SimWorld({ clock: this.clock, random: this.random.fork(), ...(onBytes && { onBytes }) })
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    return this.clock.run(work)
  }

  /** The founder's own machine. @param options.withKey whether the founder's key lies there */
  async found(options: { readonly withKey?: boolean } = {}): Promise<SimHome> {
    const home = this.home([])
    await this.certifyAsFounder(home, FOUNDER_SEED)
    return { ...home, founderKey: options.withKey === false ? undefined : nodeKeyFromSeed(FOUNDER_SEED) }
  }

  /** Makes it the first machine of a grid. @param seed of the founder's key */
  async certifyAsFounder(home: SimHome, seed: Uint8Array): Promise<void> {
    const founder = signerOf(nodeKeyFromSeed(seed))
    const publicKey = publicKeyOfPeerId(home.network.localId)
    const chain = await foundGrid(founder, { publicKey, name: 'founder', now: this.clock.now() })
    await saveOwnChain(home.disk, HOME, chain)
  }

  /** A home of a new key, without a certificate. */
  home(bootstrap: readonly string[], changed: object = {}): SimHome {
    const config = {
      membership: 'closed',
      network: { bootstrap },
      storage: { lend: '1 GiB', reserve: 0 },
      ...changed,
    }
    return { network: this.world.node(), disk: this.#newDisk(), config }
  }

  /** By way of a link, as cairn join does it. */
  async join(link: string, changed: object = {}): Promise<SimHome> {
    const invitation = parseInvitation(link)
    const inviter = peerIdOfPublicKey(invitation.inviter)
    const home = this.home(
      invitation.addresses.map((address) => `${address}/p2p/${inviter}`),
      changed,
    )
    await saveOwnChain(home.disk, HOME, await this.redeem(link, home))
    return home
  }

  redeem(link: string, home: SimHome): Promise<Chain> {
    return redeemInvitation(parseInvitation(link), { network: home.network.restarted(), clock: this.clock })
  }

  /** Signed by another home, for terms that no link gives. */
  async certify(by: SimHome, home: SimHome, terms: Partial<Chain['own']>): Promise<void> {
    const parent = await loadOwnChain(by.disk, HOME)
    if (parent === undefined) throw new Error('whoever signs has no certificate')
    const { localId } = by.network
    const signer = {
      publicKey: publicKeyOfPeerId(localId),
      sign: (bytes: Uint8Array) => by.network.sign(bytes),
    }
    const { name = '', lifetimeSeconds } = terms
    const now = this.clock.now()
    const expiresAtSeconds = Math.floor(now / 1000) + (lifetimeSeconds ?? 3600)
    const chain = await issueChain(signer, {
      parent,
      subject: publicKeyOfPeerId(home.network.localId),
      name,
      serial: now,
      grant: { ...parent.own, expiresAtSeconds, inviteDepth: 0, lifetimeSeconds, ...terms },
    })
    await saveOwnChain(home.disk, HOME, chain)
  }

  start(home: SimHome): Promise<Node> {
    const { clock } = this
    const skewed = {
      ...methodsOf(clock),
      now: () => clock.now() + (this.skews.get(home.network.localId) ?? 0),
    }
    const platform: NodePlatform = {
      clock: skewed,
      random: this.random.fork(),
      disk: home.disk,
      log: silentLog,
      bulk: nativeBulkCrypto,
      openNetwork: async () => home.network.restarted(),
    }
    return createNode(parseConfig(home.config, 'test'), platform, {
      home: HOME,
      key: temporaryNodeKey(),
      version: 'test',
      lends: true,
      founderKey: home.founderKey,
    })
  }
}

function methodsOf(clock: SimClock) {
  return {
    elapsed: () => clock.elapsed(),
    sleep: (...args: Parameters<SimClock['sleep']>) => clock.sleep(...args),
    deadline: (...args: Parameters<SimClock['deadline']>) => clock.deadline(...args),
  }
}
