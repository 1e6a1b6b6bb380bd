/**
 * What a node knows of the members of its grid: their chains, whether they are servers or not, and who is expelled
 * (PROTOCOL §12.3, §12.4). In memory; filled and spread by the roster.
 */
import { equalBytes, TAGS, taggedHash, toBase32 } from '#crypto'
import { NotAdmittedError } from '../errors.ts'
import {
  ANNOUNCEMENT_AHEAD_MAX_SECONDS,
  CLOCK_TOLERANCE_SECONDS,
  EXPULSIONS_MAX,
  MEMBERS_MAX,
} from '../limits.ts'
import { peerIdOfPublicKey } from '../peers/peer-id.ts'
import { utcText } from '../platform/clock.ts'
import type { Clock, PeerId } from '../platform/platform.ts'
import type { Chain } from './chain.ts'
import type { Expulsion } from './expulsion.ts'

/** Something that nodes tell each other, under a key, with a sequence by which the newer one is known. */
export interface RosterItem {
  /** 32 bytes. */
  readonly key: Uint8Array
  readonly sequence: number
  /** As it travels. */
  readonly bytes: Uint8Array
}

export type RecordOutcome = 'added' | 'stale' | 'refused'

export class MemberRecords {
  /** Public key of the grid's founder. */
  readonly gridId: Uint8Array
  readonly #clock: Pick<Clock, 'now'>
  readonly #limits: { readonly members: number; readonly expulsions: number }
  readonly #members = new Map<PeerId, { readonly chain: Chain; readonly item: RosterItem }>()
  /** By the public key of the expelled, as text: each request looks. */
  readonly #expulsions = new Map<string, { readonly expulsion: Expulsion; readonly item: RosterItem }>()

  /** @param options.limits for tests */
  constructor(options: {
    readonly gridId: Uint8Array
    readonly clock: Pick<Clock, 'now'>
    readonly limits?: { readonly members: number; readonly expulsions: number }
  }) {
    this.gridId = options.gridId
    this.#clock = options.clock
    this.#limits = options.limits ?? { members: MEMBERS_MAX, expulsions: EXPULSIONS_MAX }
  }

  /** @param bytes the entry as it travels */
  addMember(chain: Chain, bytes: Uint8Array): RecordOutcome {
    const { peerId, own } = chain
    const known = this.#members.get(peerId)
    if (own.serial <= (known?.chain.own.serial ?? -1)) return 'stale'
    if (this.problemWith(chain) !== undefined || this.#isAhead(own.serial)) return 'refused'
    if (known === undefined && this.#members.size >= this.#limits.members) {
      this.dropLapsed()
      // Those we know stay, as in the roster: a flood of new names pushes nobody out.
      if (this.#members.size >= this.#limits.members) return 'refused'
    }
    const key = taggedHash(TAGS.rosterMember, own.subject)
    this.#members.set(peerId, { chain, item: { key, sequence: own.serial, bytes } })
    return 'added'
  }

  addExpulsion(expulsion: Expulsion): RecordOutcome {
    const name = keyText(expulsion.subject)
    const known = this.#expulsions.get(name)
    if (expulsion.expelledAt <= (known?.expulsion.expelledAt ?? -1)) return 'stale'
    if (!equalBytes(expulsion.gridId, this.gridId) || this.#isAhead(expulsion.expelledAt)) return 'refused'
    if (known === undefined && this.#expulsions.size >= this.#limits.expulsions) return 'refused'
    const key = taggedHash(TAGS.rosterExpulsion, expulsion.subject)
    const { bytes, expelledAt: sequence } = expulsion
    this.#expulsions.set(name, { expulsion, item: { key, sequence, bytes } })
    this.dropLapsed()
    return 'added'
  }

  /** Why a chain does not hold here and now, in words for people; undefined if it holds. */
  problemWith(chain: Chain): NotAdmittedError | undefined {
    const { own, certificates, peerId } = chain
    if (!equalBytes(own.gridId, this.gridId)) {
      return refusal(
        'other-grid',
        `the certificate shown is of another grid, ${gridText(own.gridId)}; this is ${gridText(this.gridId)}`,
      )
    }
    for (const { subject } of certificates) {
      const found =
        this.#expulsions.size === 0 ? undefined : this.#expulsions.get(keyText(subject))?.expulsion
      if (found === undefined) continue
      const when = `on ${utcText(Math.floor(found.expelledAt / 1000))} by ${this.#nameOfExpeller(found)}`
      if (equalBytes(subject, own.subject))
        return refusal('expelled', `${titleOf(chain)} was expelled ${when}`)
      return refusal(
        'expelled',
        `${titleOf(chain)} has its place from ${found.name || peerIdOfPublicKey(found.subject)}, who was expelled ` +
          `${when}: another member must invite it anew`,
        { peer: peerId },
      )
    }
    if (this.isOver(chain)) {
      return refusal(
        'expired',
        `the certificate of ${titleOf(chain)} expired on ${utcText(own.expiresAtSeconds)}, and it is ` +
          `${utcText(Math.floor(this.#clock.now() / 1000))} here: a member who may invite must invite it anew`,
      )
    }
    return undefined
  }

  /** Whether its time has run out: no chain outlives its last certificate, and clocks may differ a little. */
  isOver({ own }: Chain): boolean {
    return this.#clock.now() / 1000 > own.expiresAtSeconds + CLOCK_TOLERANCE_SECONDS
  }

  isExpelled(publicKey: Uint8Array): boolean {
    return this.#expulsions.has(keyText(publicKey))
  }

  memberOf(peer: PeerId): Chain | undefined {
    return this.#members.get(peer)?.chain
  }

  /** Those that hold now. */
  members(): readonly Chain[] {
    this.dropLapsed()
    return [...this.#members.values()].map(({ chain }) => chain)
  }

  expulsions(): readonly Expulsion[] {
    return [...this.#expulsions.values()].map(({ expulsion }) => expulsion)
  }

  /** All that is told to others. */
  items(): readonly RosterItem[] {
    this.dropLapsed()
    return [...this.#members.values(), ...this.#expulsions.values()].map(({ item }) => item)
  }

  /** Chains that hold no more. */
  dropLapsed(): void {
    for (const [peer, { chain }] of this.#members) {
      if (this.problemWith(chain) !== undefined) this.#members.delete(peer)
    }
  }

  #nameOfExpeller({ by, byName }: Expulsion): string {
    if (equalBytes(by, this.gridId)) return 'the founder'
    return byName === '' ? peerIdOfPublicKey(by) : byName
  }

  #isAhead(milliseconds: number): boolean {
    return milliseconds / 1000 > this.#clock.now() / 1000 + ANNOUNCEMENT_AHEAD_MAX_SECONDS
  }
}

function keyText(key: Uint8Array): string {
  return String.fromCharCode(...key)
}

export type RefusalReason =
  | 'no-certificate'
  | 'other-grid'
  | 'expired'
  | 'expelled'
  | 'role'
  | 'invitation'
  | 'renewal'

export function refusal(
  reason: RefusalReason,
  message: string,
  details: { readonly peer?: PeerId } = {},
): NotAdmittedError {
  return new NotAdmittedError(message, { reason, ...details })
}

/** `ann (12D3KooW…)`, or the peer id alone. */
export function titleOf({ own, peerId }: Chain): string {
  return own.name === '' ? peerId : `${own.name} (${peerId})`
}

/** How people see a grid id: enough to tell two apart. */
export function gridText(gridId: Uint8Array): string {
  return toBase32(gridId).slice(0, GRID_TEXT_LENGTH)
}

const GRID_TEXT_LENGTH = 16
