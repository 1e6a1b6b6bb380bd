/** What is said of members to whoever runs a node. */
import type { PeerId } from '../platform/platform.ts'

export interface InviteOptions {
  /** One invitation for each; a name may be empty. */
  readonly names: readonly string[]
  readonly roles: readonly string[]
  /** What servers grant the member unless their owners say otherwise; undefined: as much as the inviter has. */
  readonly quotaBytes: number | undefined
  /** Seconds since 1970 UTC at which the membership ends for good; undefined: it is renewed. */
  readonly endsAtSeconds: number | undefined
  /** Certificates that may hang below the member's; 0: it may not invite. */
  readonly inviteDepth: number
  /** How long the link can be redeemed. */
  readonly validSeconds: number
}

export interface Invited {
  readonly name: string
  /** A secret. */
  readonly link: string
  readonly validUntilSeconds: number
  /** Where it is redeemed. */
  readonly addresses: readonly string[]
}

export interface MemberState {
  readonly peerId: PeerId
  /** As its inviter calls it. */
  readonly name: string
  readonly roles: readonly string[]
  readonly quotaBytes: number | undefined
  readonly expiresAtSeconds: number
  readonly isRenewed: boolean
  readonly inviteDepth: number
  /** Undefined: the founder. */
  readonly invitedBy: { readonly peerId: PeerId; readonly name: string } | undefined
  /** This node. */
  readonly isSelf: boolean
  /** Whether it is a server that was heard of in the last days. */
  readonly isAnnounced: boolean
}

export interface MemberList {
  /** Base32 of the founder's public key. */
  readonly gridId: string
  readonly members: readonly MemberState[]
  readonly expelled: readonly {
    readonly peerId: PeerId
    readonly name: string
    /** Undefined: the founder. */
    readonly by: { readonly peerId: PeerId; readonly name: string } | undefined
    readonly atSeconds: number
  }[]
}

export interface ExpelReport {
  readonly peerId: PeerId
  readonly name: string
  /** Members that had their place from it, and have lost it too. */
  readonly fallen: readonly { readonly peerId: PeerId; readonly name: string }[]
  /** Servers that know of it now. */
  readonly told: number
  /** Servers that did not answer; they hear of it when they come back. */
  readonly missed: readonly PeerId[]
}
