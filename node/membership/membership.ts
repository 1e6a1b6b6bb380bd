/**
 * This node as a member of a grid of members: its own chain, whom it has admitted, and what it grants them
 * (PROTOCOL §12.3). Nothing here waits.
 */
import { equalBytes, IntegrityError } from '#crypto'
import { publicKeyOfPeerId } from '../peers/peer-id.ts'
import type { Clock, PeerId } from '../platform/platform.ts'
import { type Chain, formatChain, readChain } from './chain.ts'
import { gridText, MemberRecords, refusal, titleOf } from './member-records.ts'

export interface MembershipOptions {
  readonly clock: Pick<Clock, 'now'>
  /** Of this node. */
  readonly chain: Chain
  /** What the owner of this node grants, in bytes, by peer id or by the name in the certificate. */
  readonly quotas?: Readonly<Record<string, number>>
  /** What anybody else has at most; undefined: what the certificate says. */
  readonly accountQuotaBytes?: number | undefined
}

export class Membership {
  readonly records: MemberRecords
  readonly #options: MembershipOptions
  readonly #admitted = new Map<PeerId, Chain>()
  #own: Chain

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#own = options.chain
    this.records = new MemberRecords({ gridId: options.chain.own.gridId, clock: options.clock })
    this.records.addMember(this.#own, formatChain(this.#own))
  }

  get gridId(): Uint8Array {
    return this.records.gridId
  }

  get localId(): PeerId {
    return this.#own.peerId
  }

  /** As shown to others. */
  get own(): Chain {
    return this.#own
  }

  /** After a renewal. @throws IntegrityError if it is of another member or grid */
  replaceOwn(chain: Chain): void {
    const isOurs =
      equalBytes(chain.own.subject, this.#own.own.subject) && equalBytes(chain.own.gridId, this.gridId)
    if (!isOurs) throw new IntegrityError('a renewed certificate is of another member')
    this.#own = chain
    this.records.addMember(chain, formatChain(chain))
  }

  /** @throws NotAdmittedError if this node itself is no member in good standing */
  requireOwn(): void {
    const problem = this.records.problemWith(this.#own)
    if (problem !== undefined) throw problem
  }

  /**
   * Take the chain that a peer has shown.
   *
   * @throws NotAdmittedError if it does not hold here; InvalidInputError or IntegrityError if it is not sound
   */
  admit(peer: PeerId, parts: readonly unknown[]): Chain {
    const chain = readChain(parts)
    if (chain.peerId !== peer) {
      throw refusal(
        'no-certificate',
        `the certificate shown is that of ${titleOf(chain)}, and not of ${peer}`,
      )
    }
    const problem = this.records.problemWith(chain)
    if (problem !== undefined) throw problem
    this.#admitted.set(peer, chain)
    this.records.addMember(chain, formatChain(chain))
    return chain
  }

  get admittedCount(): number {
    return this.#admitted.size
  }

  /** Forget those that are gone: they show their chains again when they come back. */
  forgetUnless(isThere: (peer: PeerId) => boolean): void {
    for (const peer of this.#admitted.keys()) if (!isThere(peer)) this.#admitted.delete(peer)
  }

  /**
   * For each request of a peer: it has shown a chain, which still holds.
   *
   * @param role that it needs for it
   * @throws NotAdmittedError that says why not, and what to do
   */
  requireMember(peer: PeerId, role?: string): Chain {
    const chain = this.#admitted.get(peer)
    if (chain === undefined) {
      const grid = gridText(this.gridId)
      throw refusal(
        'no-certificate',
        `no certificate was shown, and this server is of a grid of members (${grid}): take part with an invitation, ` +
          'cairn join',
      )
    }
    const problem = this.records.problemWith(chain)
    if (problem !== undefined) throw problem
    if (role !== undefined && !chain.own.roles.includes(role)) {
      const roles = chain.own.roles.join(', ') || 'none'
      throw refusal(
        'role',
        `the certificate of ${titleOf(chain)} does not have the role ${role}, which this takes; its roles: ${roles}`,
      )
    }
    return chain
  }

  /** Bytes that an account may use here; undefined: no limit. What is lent is a limit of its own. */
  quotaOf(account: PeerId): number | undefined {
    const { quotas = {}, accountQuotaBytes } = this.#options
    const own = this.#admitted.get(account)?.own ?? this.records.memberOf(account)?.own
    // A peer id cannot be taken by somebody else, a name can: so the peer id goes first.
    const ruled = ruleOf(quotas, account) ?? (own === undefined ? undefined : ruleOf(quotas, own.name))
    if (ruled !== undefined) return ruled
    const certified = account === this.localId ? undefined : own?.quotaBytes
    if (certified === undefined) return accountQuotaBytes
    return Math.min(certified, accountQuotaBytes ?? certified)
  }

  /** Whether a key stands above a member: then its expulsions hold. */
  isAbove(publicKey: Uint8Array, { certificates }: Chain): boolean {
    return certificates.some(({ issuer }) => equalBytes(issuer, publicKey))
  }

  get publicKey(): Uint8Array {
    return publicKeyOfPeerId(this.localId)
  }
}

function ruleOf(quotas: Readonly<Record<string, number>>, name: string): number | undefined {
  return name !== '' && Object.hasOwn(quotas, name) ? quotas[name] : undefined
}
