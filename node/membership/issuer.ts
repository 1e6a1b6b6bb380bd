/** What a member who may invite signs for others: certificates for invitations, and longer ones (PROTOCOL §12.6). */
import {
  CERTIFICATE_SECONDS,
  CHAIN_LENGTH_MAX,
  FOUNDER_CERTIFICATE_SECONDS,
  RENEWAL_GAIN_FRACTION_MIN,
} from '../limits.ts'
import { peerIdOfPublicKey, publicKeyOfPeerId } from '../peers/peer-id.ts'
import { utcText } from '../platform/clock.ts'
import type { Clock, PeerId } from '../platform/platform.ts'
import { type Grant, ROLE_CLIENT, ROLE_SERVER, type Signer } from './certificate.ts'
import { type Chain, issueChain } from './chain.ts'
import { tokenHash } from './invitation.ts'
import type { InvitationBook } from './invitation-book.ts'
import { refusal, titleOf } from './member-records.ts'
import type { Membership } from './membership.ts'
import type { Issuing } from './membership-talk.ts'

/** The first certificate of a grid: the founder's key signs for the founder's own machine. */
export async function foundGrid(
  founder: Signer,
  member: { readonly publicKey: Uint8Array; readonly name: string; readonly now: number },
): Promise<Chain> {
  const { publicKey, name, now } = member
  return await issueChain(founder, {
    parent: undefined,
    subject: publicKey,
    name,
    serial: now,
    grant: {
      roles: [ROLE_CLIENT, ROLE_SERVER],
      quotaBytes: undefined,
      expiresAtSeconds: Math.floor(now / 1000) + FOUNDER_CERTIFICATE_SECONDS,
      lifetimeSeconds: FOUNDER_CERTIFICATE_SECONDS,
      inviteDepth: CHAIN_LENGTH_MAX - 1,
    },
  })
}

export class Issuer implements Issuing {
  readonly #membership: Membership
  readonly #signer: Signer
  readonly #clock: Pick<Clock, 'now'>
  readonly #invitations: InvitationBook
  readonly #onIssued: (chain: Chain) => Promise<void>

  constructor(options: {
    readonly membership: Membership
    /** This node. */
    readonly signer: Signer
    readonly clock: Pick<Clock, 'now'>
    readonly invitations: InvitationBook
    /** Tells the grid. */
    readonly onIssued: (chain: Chain) => Promise<void>
  }) {
    this.#membership = options.membership
    this.#signer = options.signer
    this.#clock = options.clock
    this.#invitations = options.invitations
    this.#onIssued = options.onIssued
  }

  async redeem(peer: PeerId, token: Uint8Array): Promise<Chain> {
    this.#membership.requireOwn()
    const subject = publicKeyOfPeerId(peer)
    if (this.#membership.records.isExpelled(subject)) {
      throw refusal(
        'expelled',
        `${peer} was expelled from this grid: a new home can be invited, this key cannot`,
      )
    }
    const terms = await this.#invitations.redeem(tokenHash(token), subject)
    const { name, roles, quotaBytes, endsAtSeconds, inviteDepth } = terms
    const expiresAtSeconds = endsAtSeconds ?? this.#nowSeconds() + CERTIFICATE_SECONDS
    const lifetimeSeconds = endsAtSeconds === undefined ? CERTIFICATE_SECONDS : undefined
    return await this.#issue(subject, name, {
      roles,
      quotaBytes,
      expiresAtSeconds,
      lifetimeSeconds,
      inviteDepth,
    })
  }

  async renew(peer: PeerId): Promise<Chain> {
    this.#membership.requireOwn()
    const chain = this.#membership.requireMember(peer)
    const { own } = chain
    if (own.lifetimeSeconds === undefined) {
      throw refusal(
        'renewal',
        `the membership of ${titleOf(chain)} ends on ${utcText(own.expiresAtSeconds)} for good`,
      )
    }
    const longest = Math.min(
      this.#nowSeconds() + own.lifetimeSeconds,
      this.#membership.own.own.expiresAtSeconds,
    )
    if (longest - own.expiresAtSeconds < own.lifetimeSeconds * RENEWAL_GAIN_FRACTION_MIN) {
      throw refusal(
        'renewal',
        `the certificate of ${titleOf(chain)} would hardly last longer: ask again later`,
      )
    }
    return await this.#issue(own.subject, own.name, { ...own, expiresAtSeconds: longest })
  }

  async #issue(subject: Uint8Array, name: string, grant: Grant): Promise<Chain> {
    const { own: parent } = this.#membership
    if (parent.own.inviteDepth === 0) throw refusal('role', `${titleOf(parent)} may not invite, nor renew`)
    const serial = Math.max(
      this.#clock.now(),
      (this.#membership.records.memberOf(peerIdOfPublicKey(subject))?.own.serial ?? 0) + 1,
    )
    const issued = await issueChain(this.#signer, { parent, subject, name, grant, serial })
    await this.#onIssued(issued)
    return issued
  }

  #nowSeconds(): number {
    return Math.floor(this.#clock.now() / 1000)
  }
}
