/** Members of a grid for tests: keys from seeds, and chains that they sign for each other. */
import { type Grant, ROLE_CLIENT, ROLE_SERVER, type Signer } from '../../node/membership/certificate.ts'
import { type Chain, issueChain } from '../../node/membership/chain.ts'
import { foundGrid } from '../../node/membership/issuer.ts'
import { peerIdOfPublicKey } from '../../node/peers/peer-id.ts'
import { testKey } from './ed25519.ts'

export const NOW = 1_800_000_000_000
export const NOW_SECONDS = NOW / 1000
const YEAR_SECONDS = 365 * 24 * 3600

export const GRANT: Grant = {
  roles: [ROLE_CLIENT, ROLE_SERVER],
  quotaBytes: undefined,
  expiresAtSeconds: NOW_SECONDS + YEAR_SECONDS,
  lifetimeSeconds: YEAR_SECONDS,
  inviteDepth: 0,
}

/** A key that signs, of a seed of equal bytes. */
export function signer(seedByte: number): Signer & { readonly peerId: string } {
  return signerOfSeed(new Uint8Array(32).fill(seedByte))
}

export function signerOfSeed(seed: Uint8Array): Signer & { readonly peerId: string } {
  const key = testKey(seed)
  const { publicKey } = key
  return { publicKey, peerId: peerIdOfPublicKey(publicKey), sign: async (bytes) => key.sign(bytes) }
}

export const FOUNDER = signer(0xf0)

/** The chain of the founder's own machine. */
export function founderChain(member: Pick<Signer, 'publicKey'>, founder: Signer = FOUNDER): Promise<Chain> {
  return foundGrid(founder, { publicKey: member.publicKey, name: 'founder', now: NOW })
}

/** A chain that a member signs for another. */
export function inviteChain(
  parent: { readonly signer: Signer; readonly chain: Chain },
  subject: Pick<Signer, 'publicKey'>,
  changed: Partial<Grant> & { readonly name?: string; readonly serial?: number } = {},
): Promise<Chain> {
  const { name = '', serial = NOW, ...grant } = changed
  return issueChain(parent.signer, {
    parent: parent.chain,
    subject: subject.publicKey,
    name,
    serial,
    grant: { ...GRANT, ...grant },
  })
}
