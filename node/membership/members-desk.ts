/** A node's membership put together: its files, its network, whom it serves, and what its owner can have done. */
import { sign, toBase32 } from '#crypto'
import type { Config } from '../config.ts'
import { NotAdmittedError } from '../errors.ts'
import { publicKeyOfPeerId } from '../peers/peer-id.ts'
import type { Roster } from '../peers/roster.ts'
import type { RosterExchange, SelfDescription } from '../peers/roster-exchange.ts'
import type { NodeKey } from '../platform/node-key.ts'
import type { Network, Platform } from '../platform/platform.ts'
import { publicKeyOf } from '../platform/public-key.ts'
import type { OwnMembership } from '../status.ts'
import { Administration } from './administration.ts'
import { ROLE_SERVER, type Signer } from './certificate.ts'
import { type Chain, chainBytes, formatChain } from './chain.ts'
import { InvitationBook } from './invitation-book.ts'
import { Issuer } from './issuer.ts'
import { MembersNetwork } from './members-network.ts'
import { Membership } from './membership.ts'
import { ExpulsionsFile, loadExpulsions, loadOwnChain, saveOwnChain } from './membership-files.ts'
import { Renewal } from './renewal.ts'

export interface MembersDeskOptions {
  readonly home: string
  readonly founderKey?: NodeKey | undefined
}

export class MembersDesk {
  readonly membership: Membership
  readonly network: MembersNetwork
  readonly #config: Config
  readonly #platform: Platform
  readonly #home: string
  readonly #founder: Signer | undefined
  readonly #invitations: InvitationBook
  readonly #expulsions: ExpulsionsFile
  readonly #exchange = Promise.withResolvers<RosterExchange>()

  private constructor(
    config: Config,
    platform: Platform,
    parts: MembersDeskOptions & { readonly chain: Chain },
  ) {
    const { clock, disk, network } = platform
    const { home, founderKey, chain } = parts
    const { quotas } = config.members
    const { accountQuotaBytes } = config.storage
    this.#config = config
    this.#platform = platform
    this.#home = home
    this.#founder = founderKey && signerOf(founderKey)
    this.membership = new Membership({ clock, chain, quotas, accountQuotaBytes })
    this.network = new MembersNetwork(network, this.membership, clock)
    this.#invitations = new InvitationBook({ disk, clock, home })
    this.#expulsions = new ExpulsionsFile(disk, home, this.membership.records)
  }

  /** @throws NotAdmittedError if the home has no certificate, or one of another key */
  static async open(config: Config, platform: Platform, options: MembersDeskOptions): Promise<MembersDesk> {
    const { localId } = platform.network
    const chain = await loadOwnChain(platform.disk, options.home)
    if (chain?.peerId === localId) return new MembersDesk(config, platform, { ...options, chain })
    throw new NotAdmittedError(
      chain === undefined
        ? `${options.home} has no certificate, and its cairn.toml says membership = "closed"`
        : `the certificate in ${options.home} is that of ${chain.peerId}, and its node.key is ${localId}`,
      { hint: 'Ask a member who may invite for an invitation, and join with it: cairn join LINK' },
    )
  }

  /** Begin to answer those who show their chains; who is expelled is known before. */
  async serve(roster: Roster): Promise<void> {
    await loadExpulsions(this.#platform.disk, this.#home, roster)
    const { clock } = this.#platform
    const issuer = new Issuer({
      membership: this.membership,
      signer: this.#signer,
      clock,
      invitations: this.#invitations,
      onIssued: async (chain) => (await this.#exchange.promise).publish(formatChain(chain)),
    })
    await this.network.serveMembership(issuer)
  }

  /** Begin to keep the certificate from running out. The result ends that. */
  keepRenewing(roster: Roster, exchange: RosterExchange): Renewal {
    this.#exchange.resolve(exchange)
    const { clock, log } = this.#platform
    return new Renewal({
      membership: this.membership,
      network: this.network,
      roster,
      clock,
      log,
      founder: this.#founder,
      adopt: async (chain) => {
        await saveOwnChain(this.#platform.disk, this.#home, chain)
        this.membership.replaceOwn(chain)
        this.network.greetAnew()
        await exchange.publish(formatChain(chain))
        await exchange.announce()
      },
    })
  }

  administration(roster: Roster, exchange: RosterExchange): Administration {
    const { clock, random, network } = this.#platform
    const { announce } = this.#config.network
    return new Administration({
      membership: this.membership,
      roster,
      exchange,
      invitations: this.#invitations,
      clock,
      random,
      signer: this.#signer,
      founder: this.#founder,
      addresses: () => [...announce, ...network.addresses()],
    })
  }

  /** What this node announces of itself; nothing, if its certificate does not make it a server. */
  certified(self: SelfDescription): SelfDescription | undefined {
    const { own } = this.membership
    if (own.own.roles.includes(ROLE_SERVER)) return { ...self, chain: chainBytes(own) }
    this.#platform.log.warn(
      'the certificate of this node does not make it a server: what it lends is not announced',
    )
    return undefined
  }

  saveExpulsions(): Promise<void> {
    return this.#expulsions.save()
  }

  describe(): OwnMembership {
    const { own } = this.membership.own
    return {
      gridId: toBase32(own.gridId),
      name: own.name,
      roles: own.roles,
      inviteDepth: own.inviteDepth,
      expiresAtSeconds: own.expiresAtSeconds,
      isRenewed: own.lifetimeSeconds !== undefined,
      problem: this.membership.records.problemWith(this.membership.own)?.message,
    }
  }

  get #signer(): Signer {
    return signerOfNode(this.#platform.network)
  }
}

export function signerOf(key: NodeKey): Signer {
  return { publicKey: publicKeyOf(key), sign: async (bytes) => sign(key.reveal(), bytes) }
}

function signerOfNode(network: Pick<Network, 'localId' | 'sign'>): Signer {
  return { publicKey: publicKeyOfPeerId(network.localId), sign: (bytes) => network.sign(bytes) }
}
