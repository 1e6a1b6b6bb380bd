/**
 * What a server says of itself, signed with the key that its peer id names (PROTOCOL §6.1).
 *
 * An announcement travels as canonical CBOR {body, signature}; the body is canonical CBOR of its own, and the
 * signature covers the tag, its length and the body's bytes as they are, so that nobody need encode anything again
 * to verify it.
 */
import {
  assert,
  decodeFields,
  encodeFields,
  equalBytes,
  IntegrityError,
  InvalidInputError,
  TAGS,
} from '#crypto'
import {
  ANNOUNCED_ADDRESS_LENGTH_MAX,
  ANNOUNCED_ADDRESSES_MAX,
  ANNOUNCED_NAME_LENGTH_MAX,
  ANNOUNCEMENT_MAX_BYTES,
  CERTIFIED_ANNOUNCEMENT_MAX_BYTES,
  CHAIN_LENGTH_MAX,
} from '../limits.ts'
import { type Chain, readChain } from '../membership/chain.ts'
import type { Network, PeerId } from '../platform/platform.ts'
import { verifySignature } from '../platform/signature.ts'
import { signedBytes } from '../signed-bytes.ts'
import { PUBLIC_KEY_SIZE_BYTES, peerIdOfPublicKey, publicKeyOfPeerId } from './peer-id.ts'

export const ANNOUNCEMENT_VERSION = 1
/** Of an announcement with the chain of its server, on a grid of members. */
export const CERTIFIED_ANNOUNCEMENT_VERSION = 2
export const SIGNATURE_SIZE_BYTES = 64

/** Servers of one owner, or at one site, may be lost together. Empty: not said. */
export interface FailureDomain {
  readonly owner: string
  readonly site: string
}

export interface AnnouncementBody {
  readonly peerId: PeerId
  /** Multiaddrs that end in the peer's id, the best one first. */
  readonly addresses: readonly string[]
  /** Milliseconds since 1970 UTC when it was made; of two announcements of one peer the higher one holds. */
  readonly sequence: number
  /** Seconds since 1970 UTC. */
  readonly expiresAtSeconds: number
  /** Whether it takes shares. */
  readonly isServer: boolean
  /** Bytes it would still take from anyone. */
  readonly freeBytes: number
  /** Of the software. */
  readonly version: string
  readonly failureDomain: FailureDomain
  /** Certificates of the server, from the founder's down; undefined: of an open grid. */
  readonly chain?: readonly Uint8Array[] | undefined
}

/** An announcement whose signature was verified, or which we made. */
export interface Announcement extends Omit<AnnouncementBody, 'chain'> {
  readonly publicKey: Uint8Array
  /** Sound, and of this very server. Whether it holds is for the roster to say. */
  readonly chain: Chain | undefined
  /** As it travels: to be passed on unchanged. */
  readonly bytes: Uint8Array
}

/**
 * Control, format and line-separating characters (Cc, Cf, Zl, Zp of Unicode 17.0), first and last of each run. Written
 * out, as nodes must judge alike whichever Unicode their engine knows.
 */
export const HIDDEN_CODE_POINTS: readonly (readonly [first: number, last: number])[] = [
  [0x0, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x600, 0x605],
  [0x61c, 0x61c],
  [0x6dd, 0x6dd],
  [0x70f, 0x70f],
  [0x890, 0x891],
  [0x8e2, 0x8e2],
  [0x180e, 0x180e],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x2064],
  [0x2066, 0x206f],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
  [0x110bd, 0x110bd],
  [0x110cd, 0x110cd],
  [0x13430, 0x1343f],
  [0x1bca0, 0x1bca3],
  [0x1d173, 0x1d17a],
  [0xe0001, 0xe0001],
  [0xe0020, 0xe007f],
]

/** Sign the network's own announcement. @throws InvalidInputError if a field is beyond its limit */
export async function signAnnouncement(
  network: Pick<Network, 'localId' | 'sign'>,
  fields: Omit<AnnouncementBody, 'peerId'>,
): Promise<Announcement> {
  const body = formatBody({ ...fields, peerId: network.localId })
  const signature = await network.sign(signedBytes(TAGS.announcement, body))
  const announcement = parseAnnouncement(encodeFields({ body, signature }))
  assert(announcement.peerId === network.localId, 'an announcement names its maker')
  return announcement
}

/** Read, and not yet verified: good for nothing but to see whether it is news. */
export interface ReadAnnouncement extends Omit<AnnouncementBody, 'chain'> {
  /** @throws IntegrityError if the signature is not the named peer's; what readChain throws */
  verify(): Announcement
}

/** @throws InvalidInputError if it is malformed or beyond a limit */
export function readAnnouncement(bytes: Uint8Array): ReadAnnouncement {
  requireSize(bytes, CERTIFIED_ANNOUNCEMENT_MAX_BYTES)
  const envelope = decodeFields(bytes, 'announcement')
  const bodyBytes = envelope.bytesUpTo('body', CERTIFIED_ANNOUNCEMENT_MAX_BYTES)
  const signature = envelope.bytes('signature', SIGNATURE_SIZE_BYTES)
  envelope.finish()
  const { publicKey, ...body } = parseBody(bodyBytes)
  if (body.chain === undefined) requireSize(bytes, ANNOUNCEMENT_MAX_BYTES)
  const verify = (): Announcement => {
    if (!verifySignature(publicKey, signedBytes(TAGS.announcement, bodyBytes), signature)) {
      throw new IntegrityError(`an announcement in the name of ${body.peerId} is not signed by it`)
    }
    return { ...body, publicKey, chain: body.chain && chainOf(publicKey, body.chain), bytes: bytes.slice() }
  }
  const { chain: _, ...read } = body
  return { ...read, verify }
}

/**
 * Read an announcement from anywhere, and verify it.
 *
 * @throws InvalidInputError if it is malformed or beyond a limit; IntegrityError if the signature is not the named
 * peer's
 */
export function parseAnnouncement(bytes: Uint8Array): Announcement {
  return readAnnouncement(bytes).verify()
}

function requireSize(bytes: Uint8Array, sizeMaxBytes: number): void {
  if (bytes.length > sizeMaxBytes) {
    throw new InvalidInputError(`an announcement has at most ${sizeMaxBytes} bytes`)
  }
}

function chainOf(publicKey: Uint8Array, parts: readonly unknown[]): Chain {
  const chain = readChain(parts)
  if (!equalBytes(chain.own.subject, publicKey)) {
    throw new IntegrityError('an announcement comes with the certificate of another')
  }
  return chain
}

function formatBody(body: AnnouncementBody): Uint8Array {
  return encodeFields({
    v: body.chain === undefined ? ANNOUNCEMENT_VERSION : CERTIFIED_ANNOUNCEMENT_VERSION,
    chain: body.chain,
    key: publicKeyOfPeerId(body.peerId),
    addresses: body.addresses,
    sequence: body.sequence,
    expires: body.expiresAtSeconds,
    server: body.isServer,
    free: body.freeBytes,
    version: body.version,
    owner: body.failureDomain.owner,
    site: body.failureDomain.site,
  })
}

interface ReadBody extends Omit<AnnouncementBody, 'chain'>, Pick<Announcement, 'publicKey'> {
  readonly chain: readonly unknown[] | undefined
}

function parseBody(bytes: Uint8Array): ReadBody {
  const fields = decodeFields(bytes, 'announcement body')
  const version = fields.uint('v')
  if (version !== ANNOUNCEMENT_VERSION && version !== CERTIFIED_ANNOUNCEMENT_VERSION) {
    throw new InvalidInputError(
      `announcement version ${ANNOUNCEMENT_VERSION} or ${CERTIFIED_ANNOUNCEMENT_VERSION} wanted, found ${version}`,
    )
  }
  const publicKey = fields.bytes('key', PUBLIC_KEY_SIZE_BYTES)
  const peerId = peerIdOfPublicKey(publicKey)
  const name = (field: string) => checkedName(fields.text(field, ANNOUNCED_NAME_LENGTH_MAX))
  const body = {
    publicKey,
    peerId,
    addresses: fields
      .list('addresses', ANNOUNCED_ADDRESSES_MAX)
      .map((address) => checkedAddress(address, peerId)),
    sequence: fields.uint('sequence'),
    expiresAtSeconds: fields.uint('expires'),
    isServer: fields.boolean('server'),
    freeBytes: fields.uint('free'),
    version: name('version'),
    failureDomain: { owner: name('owner'), site: name('site') },
    chain: version === CERTIFIED_ANNOUNCEMENT_VERSION ? fields.list('chain', CHAIN_LENGTH_MAX) : undefined,
  }
  fields.finish()
  return body
}

/** Printable ASCII that ends in the peer's own id: what else it must be, the transport decides when it dials. */
function checkedAddress(address: unknown, peerId: PeerId): string {
  if (
    typeof address !== 'string' ||
    address.length > ANNOUNCED_ADDRESS_LENGTH_MAX ||
    !/^\/[!-~]+$/.test(address) ||
    !address.endsWith(`/p2p/${peerId}`)
  ) {
    throw new InvalidInputError('an announced address is a multiaddr that ends in the peer id')
  }
  return address
}

/** Names are shown on terminals and in logs: no control characters. @throws InvalidInputError */
export function checkedName(name: string): string {
  const isHidden = (char: string) => {
    const point = char.codePointAt(0) ?? 0
    return HIDDEN_CODE_POINTS.some(([first, last]) => point >= first && point <= last)
  }
  if ([...name].some(isHidden)) {
    throw new InvalidInputError('an announced name has no control characters')
  }
  return name
}
