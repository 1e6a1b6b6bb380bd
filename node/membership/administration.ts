/** What the owner of a node does about members: invite, list, expel. */
import { equalBytes, InvalidInputError, Secret, toBase32 } from '#crypto'
import { NotFoundError } from '../errors.ts'
import { INVITATION_ADDRESSES_MAX, INVITATION_SECONDS_MAX } from '../limits.ts'
import { peerIdOfPublicKey, publicKeyOfPeerId } from '../peers/peer-id.ts'
import type { Roster } from '../peers/roster.ts'
import type { RosterExchange } from '../peers/roster-exchange.ts'
import type { Clock, PeerId, Random } from '../platform/platform.ts'
import type { Signer } from './certificate.ts'
import type { Chain } from './chain.ts'
import { signExpulsion } from './expulsion.ts'
import { formatInvitation, INVITATION_TOKEN_SIZE_BYTES, tokenHash } from './invitation.ts'
import type { InvitationBook, InvitationTerms } from './invitation-book.ts'
import { refusal, titleOf } from './member-records.ts'
import type { Membership } from './membership.ts'
import type { ExpelReport, Invited, InviteOptions, MemberList, MemberState } from './types.ts'

export interface AdministrationParts {
  readonly membership: Membership
  readonly roster: Roster
  readonly exchange: RosterExchange
  readonly invitations: InvitationBook
  readonly clock: Clock
  readonly random: Random
  /** This node. */
  readonly signer: Signer
  /** The founder's key, where it lies in this home. */
  readonly founder: Signer | undefined
  /** Of this node, as others can reach it. */
  readonly addresses: () => readonly string[]
}

/** The end of a peer id that is enough to name a member. */
const PEER_ID_END_MIN = 6

export class Administration {
  readonly #parts: AdministrationParts

  constructor(parts: AdministrationParts) {
    this.#parts = parts
  }

  /**
   * Links of new invitations, one for each name. They are good once each, at this node.
   *
   * @throws InvalidInputError if this member may not grant that, or nobody can reach this node
   */
  async invite(options: InviteOptions): Promise<readonly Invited[]> {
    const { membership, invitations, random, clock } = this.#parts
    membership.requireOwn()
    this.#requireMayGrant(options)
    const addresses = this.#linkAddresses()
    const { validSeconds, names, ...granted } = options
    if (validSeconds < 1 || validSeconds > INVITATION_SECONDS_MAX) {
      throw new InvalidInputError(`an invitation is good for 1 s to ${INVITATION_SECONDS_MAX / 86_400} days`)
    }
    const validUntilSeconds = Math.floor(clock.now() / 1000) + validSeconds
    const made = names.map((name) => {
      const token = random.bytes(INVITATION_TOKEN_SIZE_BYTES)
      const terms: InvitationTerms = { ...granted, name, roles: granted.roles.toSorted() }
      const link = formatInvitation({
        gridId: membership.gridId,
        inviter: membership.publicKey,
        addresses,
        token: new Secret(token),
      })
      return { terms, tokenHash: tokenHash(token), invited: { name, link, validUntilSeconds, addresses } }
    })
    await invitations.add(made, validUntilSeconds)
    return made.map(({ invited }) => invited)
  }

  members(): MemberList {
    const { membership } = this.#parts
    return {
      gridId: toBase32(membership.gridId),
      members: this.#chains().map((chain) => this.#stateOf(chain)),
      expelled: membership.records.expulsions().map(({ subject, name, by, byName, expelledAt }) => ({
        peerId: peerIdOfPublicKey(subject),
        name,
        by: equalBytes(by, membership.gridId) ? undefined : { peerId: peerIdOfPublicKey(by), name: byName },
        atSeconds: Math.floor(expelledAt / 1000),
      })),
    }
  }

  /**
   * Durable here on return, and told to every server that answers.
   *
   * @param target a peer id, the end of one, or a name
   * @throws NotFoundError, InvalidInputError; NotAdmittedError if this node is not entitled
   */
  async expel(target: string): Promise<ExpelReport> {
    const { membership, exchange, signer, founder, clock } = this.#parts
    const { peerId, chain } = this.#find(target)
    if (peerId === membership.localId)
      throw new InvalidInputError('a node does not expel itself: just stop it')
    const subject = publicKeyOfPeerId(peerId)
    const isAbove = chain !== undefined && membership.isAbove(signer.publicKey, chain)
    if (founder === undefined && !isAbove) throw this.#notEntitled(peerId, chain)
    const body = {
      gridId: membership.gridId,
      subject,
      name: chain?.own.name ?? '',
      expelledAt: clock.now(),
    }
    const fallen = this.#chains().filter(
      (other) => other.peerId !== peerId && membership.isAbove(subject, other),
    )
    const expulsion =
      founder === undefined
        ? await signExpulsion(signer, body, chain)
        : await signExpulsion(founder, body, undefined)
    await exchange.publish(expulsion.bytes)
    const { told, missed } = await exchange.tellAll([expulsion.bytes])
    return {
      peerId,
      name: body.name,
      fallen: fallen.map(({ peerId: id, own }) => ({ peerId: id, name: own.name })),
      told,
      missed,
    }
  }

  /** By name, then by peer id: whoever is known to hold a certificate, the newest of each. */
  #chains(): readonly Chain[] {
    const { membership, roster } = this.#parts
    const known = new Map<PeerId, Chain>()
    const found = [...membership.records.members(), ...roster.all().flatMap(({ chain }) => chain ?? [])]
    for (const chain of found) {
      if (chain.own.serial >= (known.get(chain.peerId)?.own.serial ?? 0)) known.set(chain.peerId, chain)
    }
    return [...known.values()].sort(
      (left, right) =>
        left.own.name.localeCompare(right.own.name, 'en') || (left.peerId < right.peerId ? -1 : 1),
    )
  }

  #stateOf({ own, peerId, certificates }: Chain): MemberState {
    const { roster, membership } = this.#parts
    const issuer = certificates.at(-2)
    return {
      peerId,
      name: own.name,
      roles: own.roles,
      quotaBytes: own.quotaBytes,
      expiresAtSeconds: own.expiresAtSeconds,
      isRenewed: own.lifetimeSeconds !== undefined,
      inviteDepth: own.inviteDepth,
      invitedBy:
        issuer === undefined ? undefined : { peerId: peerIdOfPublicKey(own.issuer), name: issuer.name },
      isSelf: peerId === membership.localId,
      isAnnounced: roster.get(peerId) !== undefined,
    }
  }

  #find(target: string): { readonly peerId: PeerId; readonly chain: Chain | undefined } {
    const chains = this.#chains()
    const named = chains.filter(({ own }) => own.name === target)
    const ended =
      target.length < PEER_ID_END_MIN ? [] : chains.filter(({ peerId }) => peerId.endsWith(target))
    const found = named.length > 0 ? named : ended
    const [only] = found
    if (found.length > 1) {
      const peers = found.map(({ peerId }) => peerId).join(', ')
      throw new InvalidInputError(`${found.length} members are called so: ${peers}; name one by its peer id`)
    }
    if (only !== undefined) return { peerId: only.peerId, chain: only }
    try {
      publicKeyOfPeerId(target)
    } catch {
      throw new NotFoundError('no member of that name is known here', { hint: 'cairn members lists them.' })
    }
    return { peerId: target, chain: undefined }
  }

  #notEntitled(peerId: PeerId, chain: Chain | undefined): Error {
    if (chain === undefined) {
      return refusal(
        'role',
        `${peerId} is not known here as a member: only the founder's key expels it unseen`,
      )
    }
    const above = chain.certificates
      .slice(0, -1)
      .map(({ name, subject }) => name || peerIdOfPublicKey(subject))
    return refusal(
      'role',
      `only the founder, or whoever stands above ${titleOf(chain)}, can expel it: ${above.join(', ') || 'nobody else'}`,
    )
  }

  #requireMayGrant({ roles, quotaBytes, endsAtSeconds, inviteDepth }: InviteOptions): void {
    const { own } = this.#parts.membership.own
    const { clock } = this.#parts
    const problems: string[] = []
    if (own.inviteDepth === 0)
      throw refusal('role', 'this member may not invite others: its certificate does not say so')
    if (inviteDepth >= own.inviteDepth)
      problems.push(`at most ${own.inviteDepth - 1} may hang below whom you invite`)
    for (const role of roles)
      if (!own.roles.includes(role)) problems.push(`this member has no role ${role} itself`)
    if (roles.length === 0) problems.push('a member has a role')
    if (own.quotaBytes !== undefined && (quotaBytes ?? own.quotaBytes) > own.quotaBytes) {
      problems.push(`at most ${own.quotaBytes} bytes can be granted: this member has no more itself`)
    }
    if (endsAtSeconds !== undefined && endsAtSeconds <= clock.now() / 1000)
      problems.push('the end is in the past')
    if (problems.length > 0) throw new InvalidInputError(problems.join('; '))
  }

  /** Without the peer id, which the link has once; those of this machine alone only if there are no others. */
  #linkAddresses(): readonly string[] {
    const { membership, addresses, roster } = this.#parts
    const found = [...addresses(), ...roster.addressesOf(membership.localId)].map((address) =>
      address.replace(/\/p2p\/[^/]+$/, ''),
    )
    const outside = found.filter(
      (address) => !/^\/(ip4\/127\.|ip6\/::1\/|dns[46]?\/localhost\/)/.test(address),
    )
    const usable = [...new Set(outside.length > 0 ? outside : found)].slice(0, INVITATION_ADDRESSES_MAX)
    if (usable.length > 0) return usable
    throw new InvalidInputError('nobody can redeem an invitation at this node: it listens nowhere', {
      hint: 'Start it first: cairn run; then invite while it runs.',
    })
  }
}
