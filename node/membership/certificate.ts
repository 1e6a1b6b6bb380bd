/**
 * What one member says of another: who it is, what it may do, until when (PROTOCOL §12.1).
 *
 * A certificate travels as canonical CBOR {body, signature}, like an announcement: the signature covers the body's
 * bytes as they are. Alone it says little; a chain of them leads to the founder (chain.ts).
 */
import { decodeFields, encodeFields, IntegrityError, InvalidInputError, TAGS } from '#crypto'
import { ANNOUNCED_NAME_LENGTH_MAX, CERTIFICATE_MAX_BYTES, ROLE_LENGTH_MAX, ROLES_MAX } from '../limits.ts'
import { checkedName, SIGNATURE_SIZE_BYTES } from '../peers/announcement.ts'
import { PUBLIC_KEY_SIZE_BYTES } from '../peers/peer-id.ts'
import { verifySignature } from '../platform/signature.ts'
import { signedBytes } from '../signed-bytes.ts'

export const CERTIFICATE_VERSION = 1
/** May store, read and list. */
export const ROLE_CLIENT = 'client'
/** May be announced, and so be given shares. */
export const ROLE_SERVER = 'server'

/** What a member may do. Of a chain no link grants more than the one above it. */
export interface Grant {
  /** Sorted, none twice. Those that this software does not know mean nothing to it, and are passed down. */
  readonly roles: readonly string[]
  /** What a server lets the member store unless its owner says otherwise; undefined: no limit. */
  readonly quotaBytes: number | undefined
  /** Seconds since 1970 UTC. */
  readonly expiresAtSeconds: number
  /** For how long it may be renewed each time, in seconds; undefined: it ends for good. */
  readonly lifetimeSeconds: number | undefined
  /** Certificates that may hang below it, one under the other; 0: it may not invite. */
  readonly inviteDepth: number
}

export interface CertificateBody extends Grant {
  /** Public key of the grid's founder. */
  readonly gridId: Uint8Array
  /** Public key of the member. */
  readonly subject: Uint8Array
  /** Public key of whoever signed. */
  readonly issuer: Uint8Array
  /** What the issuer calls the member; not unique. */
  readonly name: string
  /** Milliseconds since 1970 UTC when it was made; of two for one member the higher one holds. */
  readonly serial: number
}

export interface Certificate extends CertificateBody {
  /** As it travels. */
  readonly bytes: Uint8Array
}

/** Whoever signs: a node, or the founder's key. */
export interface Signer {
  readonly publicKey: Uint8Array
  sign(bytes: Uint8Array): Promise<Uint8Array>
}

/** @throws InvalidInputError if a field is beyond its limit, or the signer is not the issuer */
export async function signCertificate(
  signer: Signer,
  body: Omit<CertificateBody, 'issuer'>,
): Promise<Certificate> {
  const bodyBytes = encodeFields({
    v: CERTIFICATE_VERSION,
    grid: body.gridId,
    subject: body.subject,
    issuer: signer.publicKey,
    name: body.name,
    roles: body.roles,
    quota: body.quotaBytes,
    expires: body.expiresAtSeconds,
    lifetime: body.lifetimeSeconds,
    invite: body.inviteDepth,
    serial: body.serial,
  })
  const signature = await signer.sign(signedBytes(TAGS.certificate, bodyBytes))
  return readCertificate(encodeFields({ body: bodyBytes, signature }))
}

/**
 * Read a certificate from anywhere, and verify its signature.
 *
 * @throws InvalidInputError if it is malformed or beyond a limit; IntegrityError if the named issuer did not sign it
 */
export function readCertificate(bytes: Uint8Array): Certificate {
  if (bytes.length > CERTIFICATE_MAX_BYTES) {
    throw new InvalidInputError(
      `a certificate has at most ${CERTIFICATE_MAX_BYTES} bytes, found ${bytes.length}`,
    )
  }
  // A copy: what it is kept for must not keep a whole message.
  const kept = new Uint8Array(bytes)
  const envelope = decodeFields(kept, 'certificate')
  const bodyBytes = envelope.bytesUpTo('body', CERTIFICATE_MAX_BYTES)
  const signature = envelope.bytes('signature', SIGNATURE_SIZE_BYTES)
  envelope.finish()
  const body = parseBody(bodyBytes)
  if (!verifySignature(body.issuer, signedBytes(TAGS.certificate, bodyBytes), signature)) {
    throw new IntegrityError('a certificate is not signed by the issuer that it names')
  }
  return { ...body, bytes: kept }
}

function parseBody(bytes: Uint8Array): CertificateBody {
  const fields = decodeFields(bytes, 'certificate body')
  const version = fields.uint('v')
  if (version !== CERTIFICATE_VERSION) {
    throw new InvalidInputError(`certificate version ${CERTIFICATE_VERSION} wanted, found ${version}`)
  }
  const body = {
    gridId: fields.bytes('grid', PUBLIC_KEY_SIZE_BYTES),
    subject: fields.bytes('subject', PUBLIC_KEY_SIZE_BYTES),
    issuer: fields.bytes('issuer', PUBLIC_KEY_SIZE_BYTES),
    name: checkedName(fields.text('name', ANNOUNCED_NAME_LENGTH_MAX)),
    roles: checkedRoles(fields.list('roles', ROLES_MAX)),
    quotaBytes: fields.optional('quota', () => fields.uint('quota')),
    expiresAtSeconds: fields.uint('expires'),
    lifetimeSeconds: fields.optional('lifetime', () => fields.positive('lifetime', Number.MAX_SAFE_INTEGER)),
    inviteDepth: fields.uint('invite'),
    serial: fields.uint('serial'),
  }
  fields.finish()
  return body
}

/** Sorted and none twice, so that one set of roles has one encoding. */
function checkedRoles(roles: readonly unknown[]): readonly string[] {
  const known: string[] = []
  for (const role of roles) {
    if (typeof role !== 'string' || role.length > ROLE_LENGTH_MAX || !/^[a-z]+$/.test(role)) {
      throw new InvalidInputError(`a role is 1 to ${ROLE_LENGTH_MAX} lower-case letters`)
    }
    const last = known.at(-1)
    if (last !== undefined && last >= role)
      throw new InvalidInputError('roles are sorted, and none stands twice')
    known.push(role)
  }
  return known
}
