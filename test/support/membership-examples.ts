/** The example of PROTOCOL §12.7: two members, the expulsion of one, and a link. */
import { Secret } from '#crypto'
import { type Chain, formatChain, issueChain } from '../../node/membership/chain.ts'
import { signExpulsion } from '../../node/membership/expulsion.ts'
import { formatInvitation } from '../../node/membership/invitation.ts'
import { foundGrid } from '../../node/membership/issuer.ts'
import { signer } from './members.ts'

const MADE_AT = 1_764_000_000_000

export interface MembershipExamples {
  readonly gridId: Uint8Array
  readonly ann: Chain
  /** Bob's chain as an entry of the roster. */
  readonly member: Uint8Array
  readonly expulsion: Uint8Array
  readonly link: string
}

export async function membershipExamples(): Promise<MembershipExamples> {
  const [founder, first, second] = [signer(0x0a), signer(7), signer(8)]
  const ann = await foundGrid(founder, { publicKey: first.publicKey, name: 'ann', now: MADE_AT })
  const bob = await issueChain(first, {
    parent: ann,
    subject: second.publicKey,
    name: 'bob',
    serial: MADE_AT,
    grant: {
      roles: ['client', 'server'],
      quotaBytes: 1_000_000_000,
      expiresAtSeconds: 1_800_000_000,
      lifetimeSeconds: undefined,
      inviteDepth: 0,
    },
  })
  const gridId = founder.publicKey
  const { bytes: expulsion } = await signExpulsion(
    founder,
    { gridId, subject: second.publicKey, name: 'bob', expelledAt: MADE_AT + 1000 },
    undefined,
  )
  const link = formatInvitation({
    gridId,
    inviter: first.publicKey,
    addresses: ['/ip4/192.0.2.7/tcp/4001'],
    token: new Secret(Uint8Array.from({ length: 16 }, (_, index) => index)),
  })
  return { gridId, ann, member: formatChain(bob), expulsion, link }
}
