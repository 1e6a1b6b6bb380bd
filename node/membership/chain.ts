/**
 * A member's certificates, from the one that the founder's key signed down to its own (PROTOCOL §12.2).
 *
 * Whether a chain is sound follows from its bytes alone, so that all nodes judge alike. Whether it holds now (time,
 * expulsions) is member-records.ts.
 */
import { decodeFields, encodeFields, equalBytes, IntegrityError, InvalidInputError } from '#crypto'
import { CERTIFICATE_MAX_BYTES, CHAIN_LENGTH_MAX } from '../limits.ts'
import { peerIdOfPublicKey } from '../peers/peer-id.ts'
import type { PeerId } from '../platform/platform.ts'
import { type Certificate, type Grant, readCertificate, type Signer, signCertificate } from './certificate.ts'

/** Three bytes before each certificate, and the name of the field. */
export const CHAIN_MAX_BYTES = CHAIN_LENGTH_MAX * (CERTIFICATE_MAX_BYTES + 3) + 8

/** A chain that is sound. */
export interface Chain {
  /** 1 to CHAIN_LENGTH_MAX, the founder's first, the member's own last. */
  readonly certificates: readonly Certificate[]
  readonly own: Certificate
  readonly peerId: PeerId
}

/**
 * Read a chain from anywhere: every signature, who signed whom, and that nobody grants more than was granted.
 *
 * @throws InvalidInputError if it is malformed, or a link grants more than the one above; IntegrityError if a
 *   signature does not fit
 */
export function readChain(parts: readonly unknown[]): Chain {
  if (parts.length === 0 || parts.length > CHAIN_LENGTH_MAX) {
    throw new InvalidInputError(
      `a chain of 1 to ${CHAIN_LENGTH_MAX} certificates wanted, found ${parts.length}`,
    )
  }
  const certificates = parts.map((bytes) => {
    if (!(bytes instanceof Uint8Array)) throw new InvalidInputError('a certificate is a byte string')
    return readCertificate(bytes)
  })
  for (const [index, certificate] of certificates.entries()) requireFit(certificate, certificates[index - 1])
  return chainOf(certificates)
}

/** As messages and files hold it. */
export function chainBytes({ certificates }: Chain): readonly Uint8Array[] {
  return certificates.map(({ bytes }) => bytes)
}

/** A chain as one byte string: an entry of the roster, and the file in which a home keeps its own. */
export function formatChain(chain: Chain): Uint8Array {
  return encodeFields({ chain: chainBytes(chain) })
}

/** @throws InvalidInputError, IntegrityError */
export function parseChain(bytes: Uint8Array): Chain {
  if (bytes.length > CHAIN_MAX_BYTES) {
    throw new InvalidInputError(`a chain has at most ${CHAIN_MAX_BYTES} bytes, found ${bytes.length}`)
  }
  const fields = decodeFields(bytes, 'chain')
  const parts = fields.list('chain', CHAIN_LENGTH_MAX)
  fields.finish()
  return readChain(parts)
}

/** Public keys of everybody on whom the member's place hangs: the founder, and whoever stands above it. */
export function issuersOf({ certificates }: Chain): readonly Uint8Array[] {
  return certificates.map(({ issuer }) => issuer)
}

/** Whether one grants all that the other does, for as long. */
export function grantsNoLess(one: Grant, other: Grant): boolean {
  return problemOf(other, one) === undefined && one.inviteDepth >= other.inviteDepth
}

export interface IssueRequest {
  /** Undefined: the signer is the founder's key. */
  readonly parent: Chain | undefined
  readonly subject: Uint8Array
  readonly name: string
  /** Cut down to what the parent may pass on. */
  readonly grant: Grant
  /** Milliseconds since 1970 UTC. */
  readonly serial: number
}

/** Sign a certificate for a member, as much of the wish as the signer may pass on. @throws InvalidInputError */
export async function issueChain(signer: Signer, request: IssueRequest): Promise<Chain> {
  const { parent, subject, name, grant, serial } = request
  const limited = parent === undefined ? grant : limitedTo(grant, parent.own)
  const gridId = parent?.own.gridId ?? signer.publicKey
  const certificate = await signCertificate(signer, { ...limited, gridId, subject, name, serial })
  return readChain([...(parent === undefined ? [] : chainBytes(parent)), certificate.bytes])
}

function limitedTo(grant: Grant, parent: Grant): Grant {
  const { quotaBytes } = parent
  return {
    roles: grant.roles.filter((role) => parent.roles.includes(role)),
    quotaBytes:
      quotaBytes === undefined ? grant.quotaBytes : Math.min(grant.quotaBytes ?? quotaBytes, quotaBytes),
    expiresAtSeconds: Math.min(grant.expiresAtSeconds, parent.expiresAtSeconds),
    lifetimeSeconds: grant.lifetimeSeconds,
    inviteDepth: Math.max(0, Math.min(grant.inviteDepth, parent.inviteDepth - 1)),
  }
}

function chainOf(certificates: readonly Certificate[]): Chain {
  const own = certificates.at(-1)
  if (own === undefined) throw new InvalidInputError('a chain has a certificate')
  return { certificates, own, peerId: peerIdOfPublicKey(own.subject) }
}

function requireFit(certificate: Certificate, parent: Certificate | undefined): void {
  const { issuer, gridId, inviteDepth } = certificate
  if (parent === undefined) {
    if (!equalBytes(issuer, gridId)) throw new IntegrityError('a chain begins with what the founder signed')
    if (inviteDepth >= CHAIN_LENGTH_MAX) {
      throw new InvalidInputError(`at most ${CHAIN_LENGTH_MAX - 1} certificates hang below one`)
    }
    return
  }
  if (!equalBytes(gridId, parent.gridId)) throw new InvalidInputError('a chain stays in one grid')
  if (!equalBytes(issuer, parent.subject)) {
    throw new IntegrityError('each certificate of a chain is signed by whom the one before names')
  }
  if (inviteDepth >= parent.inviteDepth)
    throw new InvalidInputError('the issuer may not invite, or not so deep')
  const problem = problemOf(certificate, parent)
  if (problem !== undefined)
    throw new InvalidInputError(`a certificate grants ${problem} than its issuer has`)
}

/** What the first grants beyond the second, who may invite apart. */
function problemOf(grant: Grant, limit: Grant): string | undefined {
  if (!grant.roles.every((role) => limit.roles.includes(role))) return 'other roles'
  if (grant.expiresAtSeconds > limit.expiresAtSeconds) return 'more time'
  if (limit.quotaBytes !== undefined && (grant.quotaBytes ?? Number.POSITIVE_INFINITY) > limit.quotaBytes) {
    return 'more space'
  }
  return undefined
}
