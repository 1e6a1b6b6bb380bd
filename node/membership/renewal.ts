/**
 * Keeps this node's certificate from running out (PROTOCOL §12.6): when a third of its time is left, whoever issued it
 * is asked for a longer one, then others who may invite; a founder's own machine signs for itself, if the key is there.
 */
import { GridError } from '#crypto'
import { RENEWAL_ASKED_MAX, RENEWAL_FRACTION, RENEWAL_INTERVAL_MILLISECONDS } from '../limits.ts'
import { peerIdOfPublicKey } from '../peers/peer-id.ts'
import type { Roster } from '../peers/roster.ts'
import { utcText } from '../platform/clock.ts'
import type { Clock, Log, PeerId } from '../platform/platform.ts'
import type { Signer } from './certificate.ts'
import { type Chain, grantsNoLess, issueChain } from './chain.ts'
import type { MembersNetwork } from './members-network.ts'
import type { Membership } from './membership.ts'
import { askRenewal } from './membership-talk.ts'

export interface RenewalOptions {
  readonly membership: Membership
  readonly network: MembersNetwork
  readonly roster: Roster
  readonly clock: Clock
  readonly log: Log
  /** The founder's key, where it lies in this home. */
  readonly founder: Signer | undefined
  /** Makes the new chain this node's own: durable, shown and announced. */
  readonly adopt: (chain: Chain) => Promise<void>
}

/** Whether it is time. @param now milliseconds since 1970 UTC */
export function isRenewalDue({ own }: Chain, now: number): boolean {
  if (own.lifetimeSeconds === undefined) return false
  return own.expiresAtSeconds - now / 1000 < own.lifetimeSeconds * RENEWAL_FRACTION
}

export class Renewal implements AsyncDisposable {
  readonly #options: RenewalOptions
  readonly #stop = new AbortController()
  readonly #running: Promise<void>

  /** Begins at once, and looks again every hour. */
  constructor(options: RenewalOptions) {
    this.#options = options
    this.#running = this.#keepRenewing()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the node is stopping'))
    await this.#running
  }

  async #keepRenewing(): Promise<void> {
    const { clock, log } = this.#options
    while (!this.#stop.signal.aborted) {
      try {
        await this.#renewIfDue()
        await clock.sleep(RENEWAL_INTERVAL_MILLISECONDS, { signal: this.#stop.signal })
      } catch (error) {
        if (!this.#stop.signal.aborted) log.error('renewing the certificate failed', { error })
      }
    }
  }

  async #renewIfDue(): Promise<void> {
    const { membership, clock, log } = this.#options
    const { own } = membership
    if (!isRenewalDue(own, clock.now())) return
    const renewed = (await this.#signOurselves()) ?? (await this.#askOthers())
    const until = utcText(own.own.expiresAtSeconds)
    if (renewed === undefined) return log.warn('nobody renews the certificate of this node', { until })
    await this.#options.adopt(renewed)
    log.info('the certificate of this node was renewed', { until: utcText(renewed.own.expiresAtSeconds) })
  }

  async #signOurselves(): Promise<Chain | undefined> {
    const { founder, clock, membership } = this.#options
    const { own, certificates } = membership.own
    if (founder === undefined || certificates.length > 1 || own.lifetimeSeconds === undefined)
      return undefined
    const expiresAtSeconds = Math.floor(clock.now() / 1000) + own.lifetimeSeconds
    const grant = { ...own, expiresAtSeconds }
    return await issueChain(founder, {
      ...own,
      parent: undefined,
      grant,
      serial: Math.max(clock.now(), own.serial + 1),
    })
  }

  async #askOthers(): Promise<Chain | undefined> {
    const { membership, network, roster, log } = this.#options
    const { own: before } = membership.own
    for (const peer of this.#askable()) {
      try {
        const renewed = await network.talk(peer, roster.addressesOf(peer), {
          signal: this.#stop.signal,
          work: askRenewal,
        })
        const isOurs =
          renewed.peerId === membership.localId && membership.records.problemWith(renewed) === undefined
        // Whoever stands lower can only grant less: somebody else may yet be met who can renew it whole.
        if (isOurs && renewed.own.serial > before.serial && grantsNoLess(renewed.own, before)) return renewed
      } catch (error) {
        this.#stop.signal.throwIfAborted()
        if (!(error instanceof GridError)) throw error
        log.info('a certificate was not renewed', { by: peer, reason: error.message })
      }
    }
    return undefined
  }

  /** Whoever issued ours, then those who may invite as deep. Only whom an address is known of. */
  #askable(): readonly PeerId[] {
    const { membership, roster } = this.#options
    const { own } = membership
    const issuer = peerIdOfPublicKey(own.own.issuer)
    const others = roster
      .all()
      .filter(({ chain }) => chain !== undefined && chain.own.inviteDepth > own.own.inviteDepth)
      .map(({ peerId }) => peerId)
      .filter((peer) => peer !== issuer && peer !== own.peerId)
    return [issuer, ...others].filter((peer) => roster.get(peer) !== undefined).slice(0, RENEWAL_ASKED_MAX)
  }
}
