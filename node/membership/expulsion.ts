/**
 * That a key is a member no more (PROTOCOL §12.4): said by the founder, or by whoever stands above it in a chain, which
 * then comes along as proof. It cannot be taken back, so that the order in which nodes hear of it does not matter.
 */
import { decodeFields, encodeFields, equalBytes, IntegrityError, InvalidInputError, TAGS } from '#crypto'
import { ANNOUNCED_NAME_LENGTH_MAX, CHAIN_LENGTH_MAX, EXPULSION_MAX_BYTES } from '../limits.ts'
import { checkedName, SIGNATURE_SIZE_BYTES } from '../peers/announcement.ts'
import { PUBLIC_KEY_SIZE_BYTES } from '../peers/peer-id.ts'
import { verifySignature } from '../platform/signature.ts'
import { signedBytes } from '../signed-bytes.ts'
import type { Signer } from './certificate.ts'
import { type Chain, chainBytes, issuersOf, readChain } from './chain.ts'

export const EXPULSION_VERSION = 1

export interface ExpulsionBody {
  /** Public key of the grid's founder. */
  readonly gridId: Uint8Array
  /** Public key of the expelled member. */
  readonly subject: Uint8Array
  /** What the member was called. */
  readonly name: string
  /** Milliseconds since 1970 UTC. */
  readonly expelledAt: number
}

export interface Expulsion extends ExpulsionBody {
  /** Public key of whoever signed. */
  readonly by: Uint8Array
  /** What that one was called; empty: the founder. */
  readonly byName: string
  /** As it travels. */
  readonly bytes: Uint8Array
}

/**
 * @param proof a chain of the expelled in which the signer stands above it; undefined if the founder signs
 * @throws InvalidInputError if the signer is not entitled
 */
export async function signExpulsion(
  signer: Signer,
  body: ExpulsionBody,
  proof: Chain | undefined,
): Promise<Expulsion> {
  const bodyBytes = encodeFields({
    v: EXPULSION_VERSION,
    grid: body.gridId,
    subject: body.subject,
    by: signer.publicKey,
    name: body.name,
    at: body.expelledAt,
  })
  const signature = await signer.sign(signedBytes(TAGS.expulsion, bodyBytes))
  const chain = proof === undefined ? [] : chainBytes(proof)
  return readExpulsion(encodeFields({ expulsion: bodyBytes, signature, chain }))
}

/**
 * Read an expulsion from anywhere: its signature, and that whoever signed was entitled. Neither time nor other
 * expulsions matter to that.
 *
 * @throws InvalidInputError, IntegrityError
 */
export function readExpulsion(bytes: Uint8Array): Expulsion {
  if (bytes.length > EXPULSION_MAX_BYTES) {
    throw new InvalidInputError(
      `an expulsion has at most ${EXPULSION_MAX_BYTES} bytes, found ${bytes.length}`,
    )
  }
  const kept = new Uint8Array(bytes)
  const envelope = decodeFields(kept, 'expulsion')
  const bodyBytes = envelope.bytesUpTo('expulsion', EXPULSION_MAX_BYTES)
  const signature = envelope.bytes('signature', SIGNATURE_SIZE_BYTES)
  const proof = envelope.list('chain', CHAIN_LENGTH_MAX)
  envelope.finish()
  const body = parseBody(bodyBytes)
  const byName = entitledName(body, proof)
  if (!verifySignature(body.by, signedBytes(TAGS.expulsion, bodyBytes), signature)) {
    throw new IntegrityError('an expulsion is not signed by whom it names')
  }
  return { ...body, byName, bytes: kept }
}

function parseBody(bytes: Uint8Array): ExpulsionBody & Pick<Expulsion, 'by'> {
  const fields = decodeFields(bytes, 'expulsion body')
  const version = fields.uint('v')
  if (version !== EXPULSION_VERSION) {
    throw new InvalidInputError(`expulsion version ${EXPULSION_VERSION} wanted, found ${version}`)
  }
  const body = {
    gridId: fields.bytes('grid', PUBLIC_KEY_SIZE_BYTES),
    subject: fields.bytes('subject', PUBLIC_KEY_SIZE_BYTES),
    by: fields.bytes('by', PUBLIC_KEY_SIZE_BYTES),
    name: checkedName(fields.text('name', ANNOUNCED_NAME_LENGTH_MAX)),
    expelledAt: fields.uint('at'),
  }
  fields.finish()
  return body
}

/** @throws InvalidInputError unless the signer is the founder, or stands above the expelled in the chain */
function entitledName(
  { gridId, subject, by }: ExpulsionBody & Pick<Expulsion, 'by'>,
  proof: readonly unknown[],
): string {
  if (equalBytes(by, gridId)) {
    if (proof.length > 0) throw new InvalidInputError('the founder needs no proof to expel')
    return ''
  }
  const chain = readChain(proof)
  const isOfSubject = equalBytes(chain.own.subject, subject) && equalBytes(chain.own.gridId, gridId)
  const place = issuersOf(chain).findIndex((issuer) => equalBytes(issuer, by))
  const above = chain.certificates[place - 1]
  if (!isOfSubject || above === undefined) {
    throw new InvalidInputError('only the founder, and whoever stands above a member, can expel it')
  }
  return above.name
}
